"""Limits on how many runs go at once: runs wait at a door, unhinted and unclaimed, and are let in as others end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from andon import CancelOn, Concurrency, function
from andon.adapters.postgres.asks import requests
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.settle import settle_void
from andon.adapters.postgres.upkeep import draining
from andon.engine.declared.declarations import Declaration
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon_worker.dispatcher.duties.ending import reclaim
from tests.support.gated import Gated, users

CANCEL = CancelOn("work/stopped", match="data.user")


def work(*limits: Concurrency, id: str = "work", **said: Any) -> Declaration:
    return function(id=id, trigger="work/asked", concurrency=limits, cancel_on=[CANCEL], **said)(lambda e, s: None)


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def test_no_more_are_let_in_than_the_limit_and_the_next_when_one_has_ended(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(2, key="data.user")))
    gated.send(*users("a", "a", "a", "a", "b"))
    assert gated.open() == 3
    held = gated.claim_all()
    assert (len(held), gated.at_doors()) == (3, 2)
    gated.settle(next(each for each in held if each.event.data["user"] == "a"))
    assert gated.open() == 1
    assert gated.let_in("a") == 2


def test_runs_at_a_door_are_let_in_in_the_order_of_their_events(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    made = gated.send(*users(*range(5)))
    order = []
    for _ in made:
        assert gated.open() == 1
        claimed = gated.claim()
        assert claimed
        order.append(claimed.id)
        gated.settle(claimed)
    assert order == made


def test_a_run_at_a_door_is_neither_hinted_nor_claimed_by_anyone(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    first, second = gated.send(*users("a", "b"))
    gated.open()
    gated.upkeep()
    draining.drain(database, {})
    draining.resume(database)
    gated.upkeep()
    assert second not in gated.hints
    assert [id for hints in hinted.all_queued(database) for id, _ in hints] == [first]
    assert (
        leases.claim(database, second, worker="me", lease=60) is not None
    )  # a stray hint leads to whom it is the turn of
    assert leases.claim(database, second, worker="me", lease=60) is None
    assert gated.let_in() == 1


def test_all_of_several_limits_hold(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1, key="data.user"), Concurrency(2)))
    gated.send(*users("a", "a", "b", "b", "c", "c"))
    gated.open()
    done = 0
    while held := gated.claim_all():
        assert len(held) == len({each.event.data["user"] for each in held}) <= 2
        for each in held:
            gated.settle(each)
        done += len(held)
        gated.open()
    assert done == 6


def test_a_long_line_is_not_moved_about_where_all_of_it_waits_for_the_same(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1, key="data.user"), Concurrency(1)))
    gated.send(*users("b"), *users(*["a"] * 200))
    gated.open()
    [keyed] = database.execute(
        "SELECT count(*) FROM andon.runs WHERE door = gate_keys[1] GROUP BY door ORDER BY 1 DESC LIMIT 1"
    ).fetchone() or [0]
    assert keyed == 199


def test_a_key_that_functions_share_counts_the_runs_of_all_of_them(database: Connection) -> None:
    shared = Concurrency(2, key="'api'", scope="account")
    gated = Gated(database, work(shared), work(shared, id="other"))
    gated.send(*users("a"), tenant="one")
    gated.send(*users("a"), tenant="two")
    gated.open()
    assert (gated.let_in(), gated.at_doors()) == (2, 2)


def test_a_cancelled_run_leaves_its_line_at_once_and_frees_nothing(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    gated.send(*users("a", "b", "c"))
    gated.open()
    gated.send(*users("b"), name="work/stopped")
    assert gated.statuses() == {"queued": 2, "cancelled": 1}
    assert gated.open() == 0


def test_a_slot_is_held_until_the_code_has_stopped(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    gated.send(*users("a", "b"))
    gated.open()
    held = gated.claim()
    assert held
    gated.send(*users("a"), name="work/stopped")
    assert gated.open() == 0  # cancelling: its code goes on
    gated.settle(held, "cancelled")
    assert gated.open() == 1


def test_a_run_settled_by_force_frees_its_slot(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    first, _ = gated.send(*users("a", "b"))
    gated.open()
    gated.claim()
    gated.send(*users("a"), name="work/stopped")
    database.execute("UPDATE andon.runs SET cancel_deadline_at = now() WHERE id = %s", [first])
    with database.transaction():
        assert settle_void(database, [first], forced=True)
    assert gated.open() == 1


def test_a_cancel_by_request_of_one_that_nobody_holds_frees_its_slot(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    first, _ = gated.send(*users("a", "b"))
    gated.open()
    with database.transaction():
        assert requests.cancel_run(database, first, requests.Ask("default"))
    assert gated.open() == 1


def test_a_run_that_lost_its_worker_keeps_its_slot(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    gated.send(*users("a", "b"))
    gated.open()
    gated.claim()
    database.execute("UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE status = 'running'")
    reclaim(database, 9)
    gated.upkeep()
    assert gated.open() == 0
    again = gated.claim()
    assert again is not None
    assert again.event.data["user"] == "a"


@pytest.mark.parametrize(("hold", "next_one"), [("run", 0), ("active", 1)])
def test_a_run_that_waits_keeps_its_slot_unless_its_function_says_otherwise(
    database: Connection, hold: Any, next_one: int
) -> None:
    gated = Gated(database, work(Concurrency(1, hold=hold)))
    gated.send(*users("a", "b"))
    gated.open()
    held = gated.claim()
    assert held
    assert leases.suspend(database, held.id, held.fence, seconds=0, frees=hold == "active")
    assert gated.open() == next_one
    gated.upkeep()
    assert gated.let_in() == 1
    for user in ["b", "a"] if next_one else ["a", "b"]:
        gated.open()
        claimed = gated.claim()
        assert claimed
        assert claimed.event.data["user"] == user
        gated.settle(claimed)


def test_a_run_that_has_waited_is_let_in_before_those_that_came_after_it(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1, hold="active")))
    gated.send(*users("a", "b", "c"))
    gated.open()
    first = gated.claim()
    assert first
    assert leases.suspend(database, first.id, first.fence, seconds=0, frees=True)
    gated.open()
    second = gated.claim()
    assert second
    gated.upkeep()
    gated.settle(second)
    gated.open()
    third = gated.claim()
    assert third
    assert third.event.data["user"] == "a"


def test_a_run_that_a_wide_cancel_is_to_take_gets_no_slot(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    gated.send(*users("a", "b", "c"))
    event = Event("andon/runs.cancelled", {"functionId": "work"}, id=str(new_id()))
    gated.deliver([event])
    with database.transaction():
        gated.gatekeeper.open(database)
    assert gated.let_in() == 0
    with database.transaction():
        assert wide.sweep(database)
    assert gated.statuses() == {"cancelled": 3}


def test_many_that_one_wide_cancel_takes_free_their_slots(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(2)))
    gated.send(*users(*range(5)))
    gated.open()
    gated.deliver([Event("andon/runs.cancelled", {"functionId": "work"}, id=str(new_id()))])
    with database.transaction():
        assert wide.sweep(database)
    gated.send(*users("new"))
    assert gated.open() == 1


def test_a_lower_limit_ends_nobody_and_lets_in_nobody_until_fewer_are_left(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(3)))
    gated.send(*users(*range(6)))
    gated.open()
    held = gated.claim_all()
    gated.deploy(work(Concurrency(1)))
    gated.reconcile()
    for each in held[:2]:
        assert gated.open() == 0
        gated.settle(each)
    assert gated.open() == 0
    gated.settle(held[2])
    assert gated.open() == 1


@pytest.mark.parametrize(("limits", "let_in"), [([Concurrency(4)], 4), ([], 6)])
def test_a_higher_limit_or_none_counts_for_those_that_wait_already(
    database: Connection, limits: list[Concurrency], let_in: int
) -> None:
    gated = Gated(database, work(Concurrency(1)))
    gated.send(*users(*range(6)))
    gated.open()
    gated.deploy(work(*limits))
    gated.reconcile()
    gated.open()
    assert gated.let_in() == let_in


def test_what_was_lost_between_an_end_and_the_look_at_its_door_is_found_within_a_minute(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1)))
    gated.send(*users("a", "b"))
    gated.reconcile()  # as who begins to lead
    gated.open()
    held = gated.claim()
    assert held
    gated.settle(held)
    database.execute("DELETE FROM andon.gate_due")
    assert gated.open() == 0
    gated.reconcile()
    assert gated.open() == 1
    assert gated.one("SELECT count(*) FROM andon.slots") == 1


def test_a_run_whose_key_has_no_value_fails_at_once_with_that_reason(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1, key="event.data.user + '!'")))
    gated.send({"user": 3}, {"user": "a"})
    assert gated.statuses() == {"failed": 1, "queued": 1}
    assert "has no value" in gated.one("SELECT error->>'message' FROM andon.runs WHERE status = 'failed'")
    assert [each.status for each in gated.effects.settled] == ["failed"]


def test_cleanup_runs_are_never_kept_waiting(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1), on_cancel=lambda event, step: None))
    gated.send(*users("a", "b"))
    gated.open()
    held = gated.claim()
    assert held
    gated.send(*users("a"), name="work/stopped")
    gated.settle(held, "cancelled")
    gated.open()
    gated.upkeep()
    assert {each.kind for each in gated.claim_all()} == {"function", "on_cancel"}


def test_doors_are_looked_at_some_hundreds_at_a_time(database: Connection) -> None:
    gated = Gated(database, work(Concurrency(1, key="data.user")))
    gated.send(*users(*range(1_200)))
    with database.transaction():
        hints, more = gated.gatekeeper.open(database)
    assert (len(hints), more) == (500, True)
    assert gated.open() == 700
