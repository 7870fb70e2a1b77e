"""Runs again: from a step, with what was done before it recalled; with other data; of that function alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from andon import CancelOn, Event, Function, Singleton, Step, function
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.runs import leases
from andon_worker.dispatcher.batches.batch import record_batch
from andon_worker.dispatcher.gatekeeper import Gatekeeper
from tests.integration.api.conftest import Client
from tests.support.planning import Planner

API = "/api/v1"


def working(id: str, **said: Any) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    return function(id=id, trigger="work/asked", **said)(handler)


class Works(Planner):
    """Two functions that start on one event, of which the first has a run that ended after three steps."""

    def finish(self) -> str:
        """Make them, and end the first with its steps: one completed, one that failed and was caught, one not."""
        self.batch(("work/asked", {"id": 7}))
        self.rows("UPDATE andon.runs SET status = 'completed', ended_at = now() WHERE function_id = 'two' RETURNING id")
        end = "UPDATE andon.runs SET status = 'failed', ended_at = now() WHERE function_id = 'one' RETURNING id"
        [(id,)] = self.rows(end)
        self.database.execute(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, output, error) VALUES"
            " (%(id)s, 'load', 1, 'completed', 2, 3, now(), '[1]', NULL),"
            " (%(id)s, 'try', 2, 'failed', 1, 3, now(), NULL, '{\"message\": \"no\"}'),"
            " (%(id)s, 'save', 3, 'failed', 4, 3, now(), NULL, '{\"message\": \"full\"}')",
            {"id": id},
        )
        self.database.execute(
            "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type) VALUES"
            " (%s, 'a.csv', 'load', 'k', 1, 'text/csv')",
            [id],
        )
        return str(id)

    def opened(self) -> list[UUID]:
        """Those that a turn of the gatekeeper lets in."""
        with self.database.transaction():
            return [id for id, _ in Gatekeeper(self.registry, Pauses()).open(self.database).hints]

    def dispatch(self, event_id: str) -> UUID:
        """Handle an event that was accepted; the run that it made."""
        [(name, data)] = self.rows(f"SELECT name, data FROM andon.events WHERE id = '{event_id}'")
        with self.database.transaction():
            record_batch(self.database, self.registry, [Event(name, data, id=event_id)], [None])
        made_of_it = "SELECT r.id FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq WHERE e.id ="
        [(id,)] = self.rows(f"{made_of_it} '{event_id}'")
        made: UUID = id
        return made


@pytest.fixture
def here(database: Any) -> Works:
    cancel = CancelOn("work/cancelled", match="data.id")
    return Works(
        database,
        working("one", cancel_on=[cancel], idempotency="data.id", singleton=Singleton(key="data.id", mode="skip")),
        working("two"),
    )


def rerun(client: Client, id: str, **body: Any) -> Any:
    return client.post(f"{API}/runs/{id}/rerun", json=body)


def test_a_run_from_a_step_recalls_what_was_done_before_and_has_its_files(client: Client, here: Works) -> None:
    origin = here.finish()
    asked = rerun(client, origin, **{"from": "save"})
    assert asked.status_code == 202, asked.text
    made = here.dispatch(asked.json["eventId"])
    shown = client.get(f"{API}/runs/{made}").json
    assert (shown["originRunId"], shown["originStep"], shown["functionId"]) == (origin, "save", "one")
    assert [(each["id"], each["status"]) for each in shown["steps"]] == [("load", "completed"), ("try", "failed")]
    assert here.rows("SELECT count(*) FROM andon.run_artifacts WHERE key = 'k'") == [(2,)]
    assert here.opened() == [made], "nobody else of its key is open"
    claimed = leases.claim(here.database, made, worker="me", lease=60)
    assert claimed is not None
    assert claimed.memos["load"].output == [1], "who claims it first reads them"
    assert f"/runs/{origin}" in client.get(f"/runs/{made}").text


def test_nothing_but_the_function_starts_and_an_old_cancel_does_not_stop_it(client: Client, here: Works) -> None:
    origin = here.finish()
    here.batch(("work/cancelled", {"id": 7}))
    here.dispatch(rerun(client, origin).json["eventId"])
    here.dispatch(rerun(client, origin).json["eventId"])
    again = here.rows("SELECT function_id, status FROM andon.runs WHERE origin_run_id IS NOT NULL")
    assert again == [("one", "queued")] * 2
    assert here.skips() == [], "neither idempotency nor a singleton drops what somebody wants repeated"


def test_other_data_take_the_place_of_the_events_and_recall_nothing_unless_it_is_said(
    client: Client, here: Works
) -> None:
    origin = here.finish()
    refused = rerun(client, origin, **{"from": "save", "data": {"id": 8}})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/keep"
    whole = here.dispatch(rerun(client, origin, data={"id": 8}).json["eventId"])
    shown = client.get(f"{API}/runs/{whole}").json
    assert (shown["event"]["data"], shown["steps"]) == ({"id": 8}, [])
    kept = here.dispatch(rerun(client, origin, **{"from": "save", "data": {"id": 9}, "keep": True}).json["eventId"])
    assert len(client.get(f"{API}/runs/{kept}").json["steps"]) == 2


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"from": "none"}, "/from"),
        ({"from": 7}, "/from"),
        ({"data": []}, "/data"),
        ({"data": {"x": "y" * 300_000}}, "/data"),
        ({"keep": "yes"}, "/keep"),
        ({"step": "load"}, "/step"),
    ],
)
def test_what_can_not_be_meant_is_refused_and_the_field_named(
    client: Client, here: Works, body: dict[str, Any], pointer: str
) -> None:
    answer = rerun(client, here.finish(), **body)
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["pointer"] == pointer


def test_a_run_that_goes_on_is_not_repeated_from_a_step(client: Client, here: Works) -> None:
    origin = here.finish()
    here.database.execute("UPDATE andon.runs SET status = 'running', ended_at = NULL WHERE id = %s", [origin])
    assert rerun(client, origin, **{"from": "save"}).status_code == 409


def test_the_consoles_form_asks_for_a_step_and_sends_data_only_where_they_were_changed(
    client: Client, here: Works
) -> None:
    origin = here.finish()
    page = client.get(f"/runs/{origin}").text
    assert "not undone" in page
    assert page.count("<option>save</option>") == 1
    form = {"from": "save", "data": '{\n  "id": 7\n}'}
    done = client.post(f"/runs/{origin}/rerun", data=form, headers={"HX-Request": "true"})
    assert done.status_code == 200, done.text
    [(said,)] = here.rows("SELECT again->>'step' FROM andon.outbox WHERE again IS NOT NULL")
    assert said == "save"
    changed = client.post(f"/runs/{origin}/rerun", data={**form, "data": '{"id": 8}'}, headers={"HX-Request": "true"})
    assert "expected true" in changed.text


@pytest.mark.parametrize("mode", ["skip", "cancel", "latest"])
def test_a_repeated_run_waits_for_the_open_run_of_its_singleton_and_counts_as_one(
    client: Client, database: Any, mode: Any
) -> None:
    here = Works(database, working("one", singleton=Singleton(key="data.id", mode=mode)))
    origin = here.finish()
    here.batch(("work/asked", {"id": 7}))
    [open_run] = here.opened()
    again = here.dispatch(rerun(client, origin).json["eventId"])
    assert here.opened() == [], "it is not let in beside the other"
    assert here.rows(f"SELECT status FROM andon.runs WHERE id = '{open_run}'") == [("queued",)]
    here.database.execute("UPDATE andon.runs SET status = 'completed', ended_at = now() WHERE id = %s", [open_run])
    here.database.execute("INSERT INTO andon.gate_due (key) SELECT gate_keys[1] FROM andon.runs WHERE id = %s", [again])
    assert here.opened() == [again]
    here.batch(("work/asked", {"id": 7}))
    became = {"skip": ["queued"], "cancel": ["cancelled", "queued"], "latest": ["queued", "queued"]}
    since = f"SELECT status FROM andon.runs WHERE event_seq >= (SELECT event_seq FROM andon.runs WHERE id = '{again}')"
    assert [status for (status,) in here.rows(f"{since} ORDER BY event_seq")] == became[mode]


def test_all_of_a_groups_branches_are_done_again_by_its_id_or_one_of_theirs(client: Client, here: Works) -> None:
    origin = here.finish()
    here.database.execute(
        "INSERT INTO andon.steps (run_id, id, position, branch, status, attempt, fence, started_at, output)"
        " SELECT %s, 'pages/' || n, 4, n, 'completed', 1, 3, now(), '1' FROM generate_series(0, 2) n",
        [origin],
    )
    for step in ("pages", "pages/1"):
        made = here.dispatch(rerun(client, origin, **{"from": step}).json["eventId"])
        shown = client.get(f"{API}/runs/{made}").json
        assert (shown["originStep"], [each["id"] for each in shown["steps"]]) == (step, ["load", "try", "save"])
    assert rerun(client, origin, **{"from": "page"}).status_code == 422
