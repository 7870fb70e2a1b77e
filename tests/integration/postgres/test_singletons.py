"""Singletons: of the runs with one key one goes at a time; of the others each mode makes what it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from andon import CancelOn, Concurrency, Singleton, function
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.events import inbox
from andon.engine.declared.declarations import Declaration
from andon.engine.events import Event
from tests.support.gated import Gated, users


def work(mode: Literal["skip", "cancel", "latest"], key: str | None = "data.user", **said: Any) -> Declaration:
    singleton = Singleton(key, mode)
    return function(id="work", trigger="work/asked", singleton=singleton, **said)(lambda event, step: None)


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def skips(gated: Gated) -> list[Any]:
    return gated.db.execute("SELECT reason, by_run FROM andon.skips ORDER BY event_seq").fetchall()


def test_skip_makes_no_run_while_one_of_the_key_is_open_and_names_it(database: Connection) -> None:
    gated = Gated(database, work("skip"))
    [first] = gated.send(*users("a"))
    gated.send(*users("a", "b", "a"))
    assert gated.statuses() == {"queued": 2}
    assert skips(gated) == [("singleton", first), ("singleton", first)]


def test_skip_makes_one_of_those_that_come_together(database: Connection) -> None:
    gated = Gated(database, work("skip"))
    gated.send(*users("a", "a", "a"))
    assert gated.statuses() == {"queued": 1}
    assert len(skips(gated)) == 2


def test_skip_makes_a_run_again_when_the_other_has_stopped_and_not_before(database: Connection) -> None:
    gated = Gated(database, work("skip", cancel_on=[CancelOn("work/stopped", match="data.user")]))
    gated.send(*users("a"))
    gated.open()
    held = gated.claim()
    assert held
    gated.send(*users("a"), name="work/stopped")
    gated.send(*users("a"))
    assert gated.statuses() == {"cancelling": 1}
    gated.settle(held, "cancelled")
    gated.send(*users("a"))
    assert gated.statuses() == {"cancelled": 1, "queued": 1}


def test_cancel_stops_the_older_run_and_the_new_one_starts_when_its_code_has_stopped(database: Connection) -> None:
    gated = Gated(database, work("cancel"))
    first, *_ = gated.send(*users("a"))
    gated.open()
    held = gated.claim()
    assert held
    [second] = gated.send(*users("a"))
    assert gated.effects.flags == {f"run:{first}": gated.one("SELECT max(seq) FROM andon.events")}
    assert gated.open() == 0
    gated.settle(held, "cancelled")
    assert gated.open() == 1
    assert gated.hints == [second]
    assert gated.one("SELECT cancel_cause FROM andon.runs WHERE id = %s", first) == "singleton"
    assert gated.one("SELECT data->>'cause' FROM andon.events WHERE name = 'andon/function.cancelled'") == "singleton"


def test_a_burst_of_a_thousand_cancels_all_but_the_last_and_two_are_never_let_in(database: Connection) -> None:
    gated = Gated(database, work("cancel"))
    gated.send(*users("a"))
    gated.open()
    held = gated.claim()
    assert held
    for _ in range(4):
        *_, last = gated.send(*users(*["a"] * 250))
        gated.open()
        assert gated.let_in() == 1
    gated.settle(held, "completed")
    gated.open()
    assert gated.hints == [last]
    assert gated.statuses() == {"cancelled": 1000, "queued": 1}
    assert gated.one("SELECT count(*) FROM andon.cancellations") == 1


def test_an_older_event_that_comes_later_is_cancelled_and_not_the_newer(database: Connection) -> None:
    gated = Gated(database, work("cancel"))
    event = Event("work/asked", {"user": "a"}, id="late")
    with database.transaction():
        inbox.accept(database, [event])
    [newer] = gated.send(*users("a"))
    gated.deliver([event])
    gated.open()
    assert gated.hints == [newer]
    assert gated.statuses() == {"cancelled": 1, "queued": 1}


def test_latest_lets_the_running_one_end_and_keeps_the_newest_of_those_that_wait(database: Connection) -> None:
    gated = Gated(database, work("latest"))
    first, *_ = gated.send(*users("a"))
    gated.open()
    held = gated.claim()
    assert held
    gated.send(*users("a", "a"))
    *_, newest = gated.send(*users("a", "a"))
    assert gated.statuses() == {"running": 1, "cancelled": 3, "queued": 1}
    gated.settle(held)
    gated.open()
    assert gated.hints == [newest]
    assert first != newest


@pytest.mark.parametrize("mode", ["skip", "cancel", "latest"])
def test_a_singleton_without_a_key_is_one_for_each_tenant(database: Connection, mode: Any) -> None:
    gated = Gated(database, work(mode, key=None))
    gated.send(*users("a", "b"))
    gated.send(*users("a"), tenant="other")
    gated.open()
    assert gated.let_in() == 2


def test_a_singleton_waits_for_its_own_door_before_those_of_others(database: Connection) -> None:
    gated = Gated(database, work("latest", concurrency=Concurrency(1)))
    gated.send(*users("b"))
    gated.open()
    gated.send(*users("a"))
    gated.open()  # at the door of all by now
    gated.send(*users("a"))
    assert gated.statuses() == {"queued": 2, "cancelled": 1}
