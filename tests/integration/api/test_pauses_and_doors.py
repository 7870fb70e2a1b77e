"""Pauses over HTTP and in the console, and what a queued run is said to wait for."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import psycopg
import pytest

from andon import Concurrency, Priority, Throttle, function
from andon.adapters.cel import check_expression
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.registered import functions
from andon.client.waiting_for import WAITING_FOR
from andon.engine.declared.functions import Registry
from andon.engine.steps.waiting import CHILD_ENDED
from andon_api.reads import waiting as waits
from tests.integration.api.conftest import Client
from tests.support.gated import Gated, users

API = "/api/v1"
LIMITS = [Concurrency(1, key="data.user")]


@pytest.fixture
def gated(client: Client, database: psycopg.Connection[Any]) -> Gated:
    work = function(id="team/job", trigger="work/asked", concurrency=LIMITS, queue="slow")(lambda event, step: None)
    functions.register(database, Registry([work], check_expression=check_expression))
    return Gated(database, work)


def test_a_queued_run_says_what_it_waits_for_its_place_and_who_is_before_it(client: Client, gated: Gated) -> None:
    first, second, third = gated.send(*users(42, 42, 42))
    gated.open()
    said = client.get(f"{API}/runs/{third}").json["queuedFor"]
    assert said == {"rule": "concurrency", "key": "data.user = 42", "place": 2, "of": 2, "holders": [str(first)]}
    assert client.get(f"{API}/runs/{first}").json["queuedFor"] is None
    page = client.get(f"/runs/{second}").text
    assert "data.user = 42" in page
    assert f"/runs/{first}" in page


def test_a_run_whose_function_has_a_priority_waits_for_its_turn_in_the_queue(
    client: Client, database: psycopg.Connection[Any]
) -> None:
    work = function(id="team/job", trigger="work/asked", priority=Priority("event.data.user"))(lambda event, step: None)
    functions.register(database, Registry([work], check_expression=check_expression))
    [run] = Gated(database, work).send(*users(42))
    said = client.get(f"{API}/runs/{run}").json["queuedFor"]
    assert said["rule"] == "queue"
    assert "a turn in the queue" in client.get(f"/runs/{run}").text


def test_many_runs_that_are_repeated_have_each_its_own_data_and_wait_for_the_limit(
    client: Client, gated: Gated
) -> None:
    first = gated.send(*[{"user": n % 2, "n": n} for n in range(12)])
    gated.db.execute("UPDATE andon.runs SET status = 'completed', door = NULL, ended_at = now()")
    assert {client.post(f"{API}/runs/{id}/rerun").status_code for id in first} == {202}
    gated.deliver(inbox.send_open(gated.db, inbox.find_open(gated.db, older_than=-60, limit=100)))
    repeated = []
    while gated.open():
        assert gated.let_in() <= 2
        for claimed in gated.claim_all():
            repeated.append(claimed.event.data["n"])
            gated.settle(claimed)
    assert sorted(repeated) == list(range(12))


@pytest.mark.parametrize(("path", "kind"), [("functions/team/job", "function"), ("queues/slow", "queue")])
def test_functions_and_queues_are_paused_with_a_reason_and_resumed(
    client: Client, gated: Gated, path: str, kind: str
) -> None:
    assert client.post(f"{API}/{path}/pause", json={"running": "maybe"}).status_code == 422
    paused = client.post(f"{API}/{path}/pause", json={"reason": "deploy", "running": "hold"})
    said = paused.json
    assert (paused.status_code, said["kind"], said["reason"], said["running"]) == (202, kind, "deploy", "hold")
    assert client.post(f"{API}/{path}/pause").status_code == 409
    assert [each["kind"] for each in client.get(f"{API}/pauses").json["items"]] == [kind]
    assert client.post(f"{API}/{path}/resume").json["pausedAt"] is None
    assert client.post(f"{API}/{path}/resume").status_code == 409
    actions = [each["action"] for each in client.get(f"{API}/audit").json["items"]]
    assert actions[:2] == [f"{kind}.resumed", f"{kind}.paused"]


def test_the_page_of_functions_has_the_pause_and_its_end(client: Client, gated: Gated) -> None:
    assert client.post("/functions/team/job/pause", data={"running": "maybe"}).status_code == 422
    assert client.post("/functions/team/job/pause", data={"running": "hold"}).status_code in {200, 204}
    page = client.get("/functions").text
    assert "held at their next step" in page
    assert "paused" in page
    assert "1 at once by data.user" in page
    assert client.post("/functions/team/job/resume").status_code in {200, 204}


def test_the_page_of_functions_names_the_runs_that_are_let_in(client: Client, gated: Gated) -> None:
    first, _, other = gated.send(*users(1, 1, 2))
    gated.open()
    page = client.get("/functions").text
    assert {id for id in (first, other) if f"/runs/{id}" in page} == {first, other}
    assert page.count("<code>") == 3, "those two, and the function's module"


@pytest.mark.parametrize("path", ["functions/nothing", "queues/nothing"])
def test_what_is_not_there_is_not_found(client: Client, gated: Gated, path: str) -> None:
    assert client.post(f"{API}/{path}/pause").status_code == 404
    assert client.post(f"{API}/{path}/resume").status_code == 404


def test_a_run_of_a_paused_function_says_so(client: Client, gated: Gated) -> None:
    client.post(f"{API}/functions/team/job/pause")
    gated.pauses.learn([("default", "function", "team/job")])
    [run] = gated.send(*users("a"))
    gated.open()
    assert client.get(f"{API}/runs/{run}").json["queuedFor"]["rule"] == "pause"
    assert '<a href="/functions#team/job">function team/job</a>' in client.get(f"/runs/{run}").text


def test_the_first_page_counts_what_runs_wait_for_and_leads_to_them(
    client: Client, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [
        function(id="limited", trigger="work/limited", concurrency=LIMITS),
        function(id="slowed", trigger="work/slowed", throttle=Throttle(1, dt.timedelta(hours=1))),
        function(id="paused", trigger="work/paused"),
        function(id="ready", trigger="work/ready"),
    ]
    gated = Gated(database, *[each(lambda event, step: None) for each in made])
    assert client.post(f"{API}/functions/paused/pause").status_code == 202
    gated.pauses.learn([("default", "function", "paused")])
    runs = {name: gated.send(*users(1, 1, 1), name=f"work/{name}") for name in ("limited", "slowed", "paused", "ready")}
    gated.open()
    waiting = "UPDATE andon.runs SET status = 'waiting', started_at = now(), wake_at = %s WHERE id = %s"
    wait = (
        "INSERT INTO andon.waits (run_id, step, n, tenant, event, key, after_seq)"
        " VALUES (%s, 'w', 0, 'default', %s, gen_random_uuid(), 0)"
    )
    for run, event in zip(runs["ready"], ("work/answered", CHILD_ENDED, None), strict=True):
        database.execute(waiting, ["2999-01-01Z", run])
        if event:
            database.execute(wait, [run, event])
    page = client.get("/").text
    expected = {
        "concurrency": runs["limited"][1:],
        "throttle": runs["slowed"][1:],
        "pause": runs["paused"],
        "worker": [runs["limited"][0], runs["slowed"][0]],
        "event": runs["ready"][:1],
        "child": runs["ready"][1:2],
        "sleep": runs["ready"][2:],
    }
    for what, some in expected.items():
        assert f'<dt>{len(some)}</dt><dd><a href="/runs?waits={what}">{WAITING_FOR[what]}</a>' in page, what
        shown = client.get(f"/runs?waits={what}").text
        assert {str(run) for run in some} == set(re.findall(r'<tr id="row-([^"]+)"', shown)), what
    with monkeypatch.context() as newer:
        newer.delitem(WAITING_FOR, "throttle")  # a rule that has no words
        assert '<a href="/runs?waits=throttle">throttle</a>' in client.get("/").text
        assert "throttle" in client.get(f"/runs/{runs['slowed'][1]}").text
    gated.deploy(function(id="limited", trigger="work/limited")(lambda event, step: None))
    assert client.get("/runs?waits=former").text.count('<tr id="row-') == 2
    assert "are counted" not in client.get("/").text
    monkeypatch.setattr(waits, "MOST", 1)
    assert "of which very many wait, the oldest 1 are counted" in client.get("/").text
