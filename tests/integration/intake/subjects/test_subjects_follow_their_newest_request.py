"""Subjects by the bus and by the API's verbs: one current run, and a row that says what its subject says."""

from __future__ import annotations

import json
import uuid

import psycopg
import pytest

from andon import Event
from andon.adapters.postgres.asks import accepting, subject_requests
from andon.adapters.postgres.asks.requests import Ask, Asked, Conflict, NotFound
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.events.own_events import WideCancel
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.settle import settle_void
from andon.adapters.postgres.subjects import rows_owed, subjects
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import subject_id
from andon_worker.dispatcher.batches.batch import record_batch
from tests.integration.intake.conftest import Desk
from tests.integration.intake.subjects.videos import (
    ask,
    cancel,
    claim,
    make_job,
    publish,
    row,
    run_ids,
    send,
    settle,
    skips,
    state,
)


def test_viewers_are_told_of_each_subject_that_a_batch_names(desk: Desk, video: str) -> None:
    desk.send("job/requested", data=json.dumps({"job": {"id": 1}}))
    desk.send("job/requested", data=json.dumps({"job": {"id": 2}}))
    desk.handle_all()
    told = set().union(*(effects.subjects for effects in desk.signalled))
    assert told == {subject_id("default", "job", id) for id in ("1", "2")}


def test_a_request_by_the_bus_moves_row_and_subject_and_its_end_does(desk: Desk, video: str) -> None:
    send(desk)
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    run = claim(desk)
    settle(desk, run)
    assert (state(desk), row(desk)) == ("completed", ("done", None))
    [times] = desk.db.execute("SELECT started_at <= finished_at, cancelled_at FROM public.videos").fetchall()
    assert times == (True, None)
    send(desk, id="42")
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    settle(desk, claim(desk), "failed", "no disk")
    assert (state(desk), row(desk)) == ("failed", ("failed", "no disk"))
    assert desk.db.execute("SELECT finished_at FROM public.videos").fetchall() == [(None,)]


def test_a_request_by_the_api_moves_them_when_it_is_accepted(desk: Desk, video: str) -> None:
    asked = ask(desk)
    assert asked.event.data == {"by": "api", "videoId": 42}
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    with pytest.raises(Conflict, match="is active"):
        ask(desk)
    publish(desk, asked)
    assert len(run_ids(desk)) == 1
    with pytest.raises(Conflict, match="is active"):
        ask(desk)
    settle(desk, claim(desk))
    assert (state(desk), row(desk)) == ("completed", ("done", None))


def test_what_has_no_row_runs_nothing_and_says_so(desk: Desk, video: str) -> None:
    send(desk, id=7)
    send(desk, id="nonsense")
    send(desk, id=None)
    send(desk, id=42, tenant="other")
    assert (skips(desk), run_ids(desk)) == (["no_row", "no_row", "no_subject", "no_row"], [])
    for id in ("7", "nonsense"):
        with pytest.raises(NotFound):
            ask(desk, id)
        with pytest.raises(NotFound):
            cancel(desk, id)
    with pytest.raises(NotFound):
        ask(desk, tenant="other")
    assert desk.db.execute("SELECT count(*) FROM andon.subjects").fetchall() == [(0,)]


def test_of_a_batch_only_the_newest_request_starts(desk: Desk, video: str) -> None:
    for _ in range(3):
        desk.bus.xadd("andon:events", {"name": "video/render.requested", "data": json.dumps({"videoId": 42})})
    desk.handle_all()
    assert (skips(desk), len(run_ids(desk)), state(desk)) == (["superseded"] * 2, 1, "active")


def test_a_newer_request_supersedes_a_run_that_nobody_holds(desk: Desk, video: str) -> None:
    send(desk)
    send(desk)
    causes = desk.db.execute("SELECT status, cancel_cause, door FROM andon.runs ORDER BY event_seq").fetchall()
    assert causes == [("cancelled", "superseded", None), ("queued", None, None)]
    assert (state(desk), row(desk)) == ("active", ("processing", None))


def test_a_new_run_waits_until_the_former_code_has_stopped(desk: Desk, video: str) -> None:
    send(desk)
    former = claim(desk)
    send(desk)
    waiting = run_ids(desk)[-1]
    assert desk.statuses() == ["cancelling", "queued"]
    assert not subjects.open_doors(desk.db)
    assert leases.claim(desk.db, waiting, worker="w", lease=60) is None
    send(desk)
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    settle(desk, former, "cancelled")
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    assert subjects.open_doors(desk.db)
    with desk.db.transaction():
        assert [id for id, _ in hinted.unsent(desk.db)] == [run_ids(desk)[-1]]
    settle(desk, claim(desk))
    assert (state(desk), row(desk)) == ("completed", ("done", None))
    statuses = desk.db.execute("SELECT status FROM andon.runs WHERE kind = 'function' ORDER BY event_seq").fetchall()
    assert [status for (status,) in statuses] == ["cancelled", "cancelled", "completed"]


def test_requested_again_while_it_is_cancelling_it_is_accepted(desk: Desk, video: str) -> None:
    publish(desk, ask(desk))
    former = claim(desk)
    publish(desk, cancel(desk))
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    again = ask(desk)
    publish(desk, again)
    settle(desk, former, "cancelled")
    assert (state(desk), row(desk)) == ("active", ("processing", None))
    assert subjects.open_doors(desk.db)
    with desk.db.transaction():
        hinted.unsent(desk.db)
    settle(desk, claim(desk))
    assert (state(desk), row(desk)) == ("completed", ("done", None))


@pytest.mark.parametrize("published", [False, True])
def test_a_cancel_before_the_run_is_made_holds(desk: Desk, video: str, published: bool) -> None:
    asked = ask(desk)
    if published:
        publish(desk, asked)
    cancelled = cancel(desk, reason="not needed")
    if not published:
        assert row(desk) == ("processing", None)
        publish(desk, asked)
    publish(desk, cancelled)
    assert (state(desk), row(desk)) == ("cancelled", ("cancelled", None))
    reasons = desk.db.execute("SELECT cancel_reason FROM andon.runs WHERE kind = 'function'").fetchall()
    assert reasons == [("not needed",)]
    with pytest.raises(Conflict, match="nothing to cancel"):
        cancel(desk)


def test_a_cancel_of_the_subject_by_the_bus_stops_its_current_run(desk: Desk, video: str) -> None:
    send(desk)
    data = json.dumps({"kind": "video", "id": " 42"})
    desk.bus.xadd("andon:events", {"name": "andon/subject.cancelled", "data": data})
    desk.handle_all()
    assert (state(desk), row(desk)) == ("cancelled", ("cancelled", None))


def test_every_way_to_an_end_moves_the_row(desk: Desk, video: str) -> None:
    send(desk)
    send(desk, "video/render.cancelled")
    assert row(desk) == ("cancelled", None)
    send(desk)
    claim(desk)
    desk.db.execute("UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE status = 'running'")
    settle_void(desk.db, run_ids(desk), forced=False, error=json.dumps({"message": "lost"}))
    assert row(desk) == ("failed", "lost")
    send(desk)
    claim(desk)
    send(desk, "video/render.cancelled")
    assert row(desk) == ("processing", None)
    desk.db.execute("UPDATE andon.runs SET cancel_deadline_at = now() - interval '1 s' WHERE status = 'cancelling'")
    settle_void(desk.db, run_ids(desk), forced=True)
    assert row(desk) == ("cancelled", None)
    send(desk)
    with desk.db.transaction():
        [event] = inbox.accept(desk.db, [Event("andon/runs.cancelled", {}, id=str(uuid.uuid4()))])
        wide.store(desk.db, event, WideCancel("render-video"))
        wide.sweep(desk.db)
    assert row(desk) == ("cancelled", None)


def test_a_row_that_somebody_holds_is_owed_and_delays_nobody(desk: Desk, video: str, shared_url: str) -> None:
    send(desk)
    run = claim(desk)
    with psycopg.connect(shared_url) as other:
        other.execute("UPDATE public.videos SET error = 'mine'")
        settle(desk, run)
        assert state(desk) == "completed"
        assert rows_owed.write(desk.db) == 0
        assert rows_owed.owed(desk.db)[0] == 1
        other.commit()
    desk.db.execute("UPDATE andon.rows_owed SET next_at = now()")
    assert rows_owed.write(desk.db) == 1
    assert (row(desk), rows_owed.owed(desk.db)[0]) == (("done", None), 0)


def test_a_child_of_the_row_that_is_being_inserted_delays_nothing(desk: Desk, video: str, shared_url: str) -> None:
    send(desk)
    run = claim(desk)
    with psycopg.connect(shared_url) as other:
        other.execute("INSERT INTO public.parts VALUES (42)")
        settle(desk, run)
        assert row(desk) == ("done", None)


@pytest.mark.parametrize(
    ("refuses", "mended", "why"),
    [
        ("ALTER TABLE public.videos ADD CONSTRAINT no CHECK (status <> 'done')", "DROP CONSTRAINT no", "no"),
        (
            "ALTER TABLE public.videos DROP COLUMN finished_at",
            "ADD COLUMN finished_at timestamptz",
            "column r.finished_at does not exist",
        ),
        (
            "CREATE FUNCTION public.changes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.status = 'new'; "
            "RETURN new; END $$; CREATE TRIGGER changes BEFORE UPDATE ON public.videos FOR EACH ROW "
            "EXECUTE FUNCTION public.changes()",
            "DISABLE TRIGGER ALL",
            "a trigger made new of the status done",
        ),
    ],
)
def test_what_the_table_refuses_is_owed(
    desk: Desk, video: str, shared_url: str, refuses: str, mended: str, why: str
) -> None:
    send(desk)
    with psycopg.connect(shared_url, autocommit=True) as owner:
        owner.execute(refuses.encode())
        settle(desk, claim(desk))
        assert (state(desk), row(desk)) == ("completed", ("processing", None))
        assert why in (rows_owed.owed(desk.db).reason or "")
        owner.execute(f"ALTER TABLE public.videos {mended}".encode())
    assert rows_owed.write(desk.db) == 1
    assert row(desk) == ("done", None)


def test_a_row_that_is_gone_harms_no_run(desk: Desk, video: str, caplog: pytest.LogCaptureFixture) -> None:
    send(desk)
    run = claim(desk)
    desk.db.execute("DELETE FROM public.videos")
    settle(desk, run)
    assert state(desk) == "completed"
    assert rows_owed.write(desk.db) == 0
    assert "the row of video 42 of tenant default is gone" in caplog.text
    assert rows_owed.owed(desk.db)[0] == 0


def test_a_function_without_a_row_has_a_subject_all_the_same(desk: Desk, video: str) -> None:
    kind, named = subject_requests.kind_of(desk.db, "job"), subject_requests.named(desk.db, "t", "job", "a b")
    asked = subject_requests.request(desk.db, kind, named, {"job": {"n": 1}}, Ask("t"))
    assert asked.event.data == {"job": {"n": 1, "id": "a b"}}
    publish(desk, asked)
    settle(desk, claim(desk))
    found = desk.db.execute("SELECT id, tenant, status FROM andon.subjects").fetchall()
    assert found == [(subject_id("t", "job", "a b"), "t", "completed")]
    with pytest.raises(NotFound, match="No function moves"):
        subject_requests.kind_of(desk.db, "none")


def test_a_request_that_starts_no_run_leaves_everything_as_it_was(desk: Desk, video: str) -> None:
    send(desk)
    settle(desk, claim(desk))
    [before] = desk.db.execute("SELECT * FROM public.videos").fetchall()
    asked = ask(desk)
    assert row(desk) == ("processing", None)
    with desk.db.transaction():
        back = subjects.GivenBack(subject_id("default", "video", "42"), asked.event.id, "refused")
        subjects.give_back(desk.db, [back])
    assert desk.db.execute("SELECT * FROM public.videos").fetchall() == [before]
    assert state(desk) == "completed"


def test_a_request_that_a_rule_refuses_changes_nothing_beside_an_active_run(desk: Desk, video: str) -> None:
    for wanted in (True, False):
        data = json.dumps({"pick": "a", "wanted": wanted})
        desk.bus.xadd("andon:events", {"name": "pick/requested", "data": data})
        desk.handle_all()
    assert (desk.statuses(), state(desk)) == (["queued"], "active")
    settle(desk, claim(desk))
    assert state(desk) == "completed"


def test_a_request_of_what_no_function_moves_any_more_fails_it(desk: Desk, video: str, registry: Registry) -> None:
    asked = ask(desk)
    none = Registry([make_job])
    functions.register(desk.db, none)
    with desk.db.transaction():
        record_batch(desk.db, none, asked.events, [None])
    functions.register(desk.db, registry)
    status, error = row(desk)
    assert (state(desk), status) == ("failed", "failed")
    assert error == "No function is registered for video/render.requested; see ANDON_FUNCTIONS"


def test_an_event_of_the_api_moves_its_subject_when_it_is_accepted(desk: Desk, video: str) -> None:
    send(desk)
    former = claim(desk)
    with desk.db.transaction():
        event = Event("video/render.requested", {"videoId": 42}, id="again")
        accepted = accepting.accept_effects(desk.db, [event], {})
    assert (accepted.events[0].id, accepted.stopped) == ("again", [former.id])
    publish(desk, Asked(event, [event]))
    assert len(run_ids(desk)) == 2
    settle(desk, former, "cancelled")
    assert (state(desk), row(desk)) == ("active", ("processing", None))


def test_a_request_that_a_rule_may_refuse_replaces_nothing_before_it_is_known(desk: Desk, video: str) -> None:
    for wanted in (True, False):
        event = Event("pick/requested", {"pick": "a", "wanted": wanted}, id=f"e{wanted}")
        with desk.db.transaction():
            accepted = accepting.accept_effects(desk.db, [event], {})
        assert accepted.stopped == []
        publish(desk, Asked(event, accepted.events))
    assert (desk.statuses(), state(desk)) == (["queued"], "active")


def test_a_refused_request_that_took_a_cancelled_ones_place_leaves_it_the_newest(desk: Desk, video: str) -> None:
    for settles_first in (False, True):
        send(desk)
        former = claim(desk)
        publish(desk, cancel(desk))
        again = ask(desk)
        if settles_first:
            settle(desk, former, "cancelled")
            assert (state(desk), row(desk)) == ("active", ("processing", None))
        with desk.db.transaction():
            back = subjects.GivenBack(subject_id("default", "video", "42"), again.event.id, "refused")
            subjects.give_back(desk.db, [back])
        if not settles_first:
            assert (state(desk), row(desk)) == ("active", ("processing", None))
            settle(desk, former, "cancelled")
        assert (state(desk), row(desk)) == ("cancelled", ("cancelled", None))
        current = desk.db.execute("SELECT current_run_id, cancelled_at IS NOT NULL FROM andon.subjects").fetchall()
        assert current == [(former.id, True)]
