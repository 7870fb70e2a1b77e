"""A run that waits for an event: none is lost between the check and the wait, and the first by seq counts."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from andon import Event, Wait
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events import arrivals, inbox, wait_paths
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.upkeep.retention import Pruning
from andon.engine.declared.functions import Registry
from andon.engine.ids import new_id
from tests.support.family import FUNCTIONS, Family, declared


@pytest.fixture
def family(database_url: str) -> Iterator[Family]:
    with connect(database_url, name="test") as connection:
        yield Family(connection)


def send(family: Family, name: str = "a/b", case: Any = "a", *, awaited: bool = True, **data: Any) -> str:
    """An event that somebody sends; returns its id."""
    id = str(new_id())
    family.take(Event(name, {"case": case, **data}, id=id), awaited=awaited)
    return id


def had(run: Claimed, step: str = "come") -> tuple[int, str]:
    """Which event the step has had, and its id."""
    said = run.memos[step].output
    return said["n"], said["event"]["id"]


SAME = Wait("a/b", "data.case")


def test_an_event_that_comes_later_wakes_the_run(family: Family) -> None:
    run = family.wait(family.start(), SAME)
    assert family.look() == []
    send(family, case="another")
    send(family, name="a/c")
    assert family.wake() == []
    id = send(family)
    assert had(family.go_on(run)) == (0, id)
    assert family.count("waits") == 0


@pytest.mark.parametrize("awaited", [True, False], ids=["looked for", "known to be awaited by none"])
def test_an_event_between_the_wait_and_the_look_is_not_lost(family: Family, awaited: bool) -> None:
    run = family.wait(family.start(), SAME)
    id = send(family, awaited=awaited)
    assert family.look() == [run.id]
    assert had(family.go_on(run)) == (0, id)


def test_an_event_before_the_wait_counts_from_the_runs_own_on(family: Family) -> None:
    send(family)
    run = family.start()
    first = send(family)
    send(family)
    family.wait(run, SAME)
    assert family.look() == [run.id]
    assert had(family.go_on(run)) == (0, first)


def test_with_since_wait_only_what_comes_from_now_on_counts(family: Family) -> None:
    run = family.start()
    send(family)
    family.wait(run, SAME, since="wait")
    assert family.look() == []
    id = send(family)
    assert had(family.go_on(run)) == (0, id)


def test_an_event_that_is_accepted_and_not_handled_when_the_wait_is_looked_for_is_delivered_once(
    family: Family,
) -> None:
    run = family.start()
    with family.db.transaction():
        [event] = inbox.accept(family.db, [Event("a/b", {"case": "a"}, id="accepted")])
    family.wait(run, SAME)
    assert family.look() == [run.id]
    family.take(event)
    assert had(family.go_on(run)) == (0, "accepted")


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [(1, 1.0, True), (1, "1", False), ({"x": [1, 2]}, {"x": [1.0, 2]}, True), (True, 1, False), ("ä", "ä", True)],
)
@pytest.mark.parametrize("before", [True, False])
def test_values_are_the_same_with_their_types_in_a_batch_and_in_a_look(
    family: Family, mine: Any, theirs: Any, same: bool, before: bool
) -> None:
    run = family.start(value=mine)
    if before:
        send(family, value=theirs)
    family.wait(run, Wait("a/b", "data.value"))
    family.look()
    if not before:
        send(family, value=theirs)
    assert bool(family.wake()) == same


def test_the_first_of_several_counts_by_seq_whichever_it_is(family: Family) -> None:
    run = family.start()
    ids = [send(family, name) for name in ("a/c", "a/b")]
    family.wait(run, Wait("a/b"), Wait("a/c"))
    family.look()
    assert had(family.go_on(run)) == (1, ids[0])


def test_a_condition_is_asked_in_a_batch_and_in_a_look(family: Family) -> None:
    wait = Wait("a/b", if_="async.data.level >= event.data.level")
    early, late = family.start(level=2), family.start(level=2)
    ids = [send(family, level=level) for level in (1, 2)]
    family.wait(early, wait)
    family.wait(late, wait, since="wait")
    family.look()
    ids += [send(family, level=level) for level in (1, 3)]
    woken = family.wake()
    assert sorted(woken) == sorted([early.id, late.id])
    runs = {run.id: run for run in map(family.claim, [early.id, late.id])}
    assert had(runs[early.id]) == (0, ids[1])
    assert had(runs[late.id]) == (0, ids[3])


def test_what_another_wait_of_the_run_has_had_is_not_had_again(family: Family) -> None:
    run = family.start()
    [first, second] = [send(family), send(family)]
    family.wait(run, SAME)
    family.look()
    again = family.go_on(run)
    assert had(again) == (0, first)
    seq = again.memos["come"].output["event"]["seq"]
    family.wait(again, SAME, step="next", position=1, consumed={("a/b", "data.case"): [seq]})
    family.look()
    assert had(family.go_on(again), "next") == (0, second)


def test_an_event_that_comes_when_the_time_is_over_and_not_told_yet_is_delivered(family: Family) -> None:
    run = family.wait(family.start(), SAME, seconds=0)
    family.look()
    held = family.go_on(run)
    assert held.memos["come"].due
    id = send(family)
    memo = family.expire(held)
    assert (memo.status, memo.output["event"]["id"]) == ("completed", id)


def test_an_event_that_comes_after_the_time_out_was_kept_changes_nothing(family: Family) -> None:
    run = family.wait(family.start(), SAME, seconds=0)
    family.look()
    held = family.go_on(run)
    assert family.expire(held).output is None
    send(family)
    assert family.expire(held).output is None
    assert (family.count("waits"), family.wake()) == (0, [])


def test_a_run_that_is_suspended_again_keeps_its_first_answer(family: Family) -> None:
    run = family.wait(family.start(), SAME, seconds=3600)
    [until] = family.db.execute("SELECT wake_at FROM andon.runs").fetchone() or [None]
    family.db.execute("UPDATE andon.runs SET wake_at = now()")
    family.wait(family.go_on(run), SAME, seconds=7200)
    assert family.db.execute("SELECT wake_at, status FROM andon.runs").fetchall() == [(until, "waiting")]
    assert family.count("waits") == 1


def test_a_run_whose_event_has_come_before_it_is_suspended_again_is_queued_at_once(family: Family) -> None:
    run = family.wait(family.start(), SAME)
    family.look()
    family.db.execute("UPDATE andon.runs SET wake_at = now()")
    held = family.go_on(run)
    assert not held.memos["come"].due
    send(family)
    family.wait(held, SAME)
    assert family.status(run.id) == "queued"
    assert family.count("waits") == 0


@pytest.mark.parametrize("first", ["event", "cancel"])
def test_a_run_that_gets_its_event_and_a_cancel_is_cancelled(family: Family, first: str) -> None:
    run = family.wait(family.start(), SAME)
    family.look()
    for name in ("a/b", "family/cancelled") if first == "event" else ("family/cancelled", "a/b"):
        send(family, name)
    assert family.status(run.id) == "cancelled"
    assert family.count("waits") == 0
    assert family.wake() == []


def test_a_cancelled_run_does_not_wait(family: Family) -> None:
    run = family.start()
    family.cancel(run.id)
    with pytest.raises(AssertionError):
        family.wait(run, SAME)
    assert family.count("waits") == 0


def test_whom_a_batch_can_not_wake_at_once_the_looks_after_it_do(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [family.wait(family.start(case="all"), Wait("a/b")) for _ in range(5)]
    family.look()
    monkeypatch.setattr(arrivals, "MOST_WOKEN", 2)
    id = send(family)
    assert len(family.wake()) == 2
    family.look()
    assert len(family.wake()) == 3
    assert {had(family.claim(run.id))[1] for run in runs} == {id}


def test_tenants_waits_are_woken_and_looked_for_in_turn_whatever_another_has(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tenant in (*["default"] * 5, "few"):
        [(run_id, _)] = family.take(Event("parent/requested", {"case": "a"}, id=str(new_id()), tenant=tenant)).started
        run = family.wait(family.claim(run_id), Wait("a/b"))
    assert [arrivals.next_tenant(family.db, after=each) for each in ("", "default", "few")] == [
        "default",
        "few",
        "default",
    ]
    with family.db.transaction():
        assert arrivals.look(family.db, "few") == (True, [])
    assert arrivals.next_tenant(family.db, after="default") == "default", "nothing of the other is left"
    family.look()
    monkeypatch.setattr(arrivals, "MOST_WOKEN", 2)
    family.take(*[Event("a/b", {}, id=str(new_id()), tenant=tenant) for tenant in ("default", "few")])
    woken = family.wake()
    assert len(woken) == 3
    assert run.id in woken


def many_others(family: Family) -> None:
    """More events of the awaited name than a wait looks through."""
    family.db.execute(
        "INSERT INTO andon.events (tenant, id, name, data, ts) SELECT 'default', gen_random_uuid(), 'a/b', '{}', now()"
        " FROM generate_series(1, %s)",
        [arrivals.LOOK_BACK + 1],
    )


def test_a_wait_that_would_have_to_look_through_too_many_events_says_so(family: Family) -> None:
    run = family.start()
    many_others(family)
    family.wait(run, SAME)
    family.look()
    error = family.go_on(run).memos["come"].error
    assert error is not None
    assert error["code"] == "LOOK_BACK"
    assert "waits=[Wait(" in json.dumps(error)


@pytest.mark.parametrize(("days", "since", "refused"), [(32, "run", True), (32, "wait", False), (30, "run", False)])
def test_a_run_older_than_the_events_that_are_kept_can_not_look_back(
    family: Family, days: int, since: str, refused: bool
) -> None:
    run = family.start()
    Pruning(family.db, batch=100, deleted=lambda what, count: None).events(dt.timedelta(days=30), low_water())
    age = "UPDATE andon.events SET received_at = now() - %s * interval '1 day' WHERE seq = %s"
    family.db.execute(age, [days, run.event.seq])
    send(family)
    family.wait(run, SAME, since=since)
    family.look()
    if since == "wait":
        send(family)
    error = family.go_on(run).memos["come"].error
    assert bool(error) == refused
    if error is not None:
        assert (error["code"], "since='wait'" in error["message"]) == ("LOOK_BACK", True)


def low_water() -> str:
    """All that the bus has had was handled."""
    return f"{int(dt.datetime.now(dt.UTC).timestamp() * 1000)}-0"


def declare(family: Family, *waits: Wait) -> None:
    """Functions that say so are deployed, and who leads is new."""
    family.registry = Registry([*FUNCTIONS, declared("waiting", waits=waits)])
    wait_paths.register(family.db, family.registry.awaited)


def test_by_a_declared_field_an_event_is_found_among_however_many(family: Family) -> None:
    declare(family, SAME)
    run = family.start()
    many_others(family)
    send(family, case="b")
    wanted = send(family)
    many_others(family)
    family.wait(run, SAME)
    family.look()
    assert had(family.go_on(run)) == (0, wanted)


def test_what_was_recorded_before_a_field_was_declared_is_looked_through(family: Family) -> None:
    run = family.start()
    wanted = send(family)
    declare(family, SAME)
    many_others(family)
    family.wait(run, SAME)
    family.look()
    assert had(family.go_on(run)) == (0, wanted)


def test_a_field_that_is_declared_no_more_begins_anew(family: Family) -> None:
    declare(family, SAME)
    declare(family)
    run = family.start()
    wanted = send(family)
    declare(family, SAME)
    assert family.count("event_keys") == 0
    family.wait(run, SAME)
    family.look()
    assert had(family.go_on(run)) == (0, wanted)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_order_each_run_that_waits_gets_one_of_its_events_if_there_is_any(
    family: Family, seed: int
) -> None:
    """Runs begin to wait, events are accepted, handled and looked for in a random order, some batches after others."""
    chance = random.Random(seed)
    runs: dict[str, Claimed] = {}
    waiting: set[str] = set()
    accepted: list[Event] = []
    known = False
    for number in range(60):
        case = str(chance.randrange(6))
        match chance.choice(["start", "wait", "wait", "accept", "accept", "handle", "handle", "look"]):
            case "start" if case not in runs:
                runs[case] = family.start(case=case)
            case "wait" if case in runs and case not in waiting:
                family.wait(runs[case], SAME)
                waiting.add(case)
            case "accept":
                with family.db.transaction():
                    accepted += inbox.accept(family.db, [Event("a/b", {"case": case}, id=f"e{number}")])
            case "handle" if accepted:
                family.take(accepted.pop(chance.randrange(len(accepted))), awaited=known)
            case "look":
                family.look()
                known = True
    family.look()
    for event in accepted:
        family.take(event)
    for case in sorted(waiting):
        run = runs[case]
        rows = family.db.execute(
            "SELECT id FROM andon.events WHERE name = 'a/b' AND seq > %s AND data->>'case' = %s",
            [run.event.seq, case],
        ).fetchall()
        [kept] = family.db.execute(
            "SELECT s.status, s.output->'event'->>'id', r.wake_at IS NOT NULL,"
            " (SELECT count(*) FROM andon.waits w WHERE w.run_id = r.id)"
            " FROM andon.steps s JOIN andon.runs r ON r.id = s.run_id WHERE r.id = %s",
            [run.id],
        ).fetchall()
        ids = {id for (id,) in rows}
        assert kept == (("completed", kept[1], True, 0) if ids else ("waiting", None, False, 1))
        assert not ids or kept[1] in ids
