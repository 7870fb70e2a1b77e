"""Pauses: no run of what is paused starts, none is lost, cancels work, and all go on in their order when it is over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from andon import CancelOn, Concurrency, Event, Timeouts, function
from andon.adapters.postgres.cancels.paused import cancel_started
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.doors import pauses
from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.duties import ending
from andon.adapters.postgres.duties.look import due
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Beat
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.gates import pause_key
from tests.support.gated import Gated, users

PLACE = ("default", "function", "work")


def work(**said: Any) -> Declaration:
    rule = CancelOn("work/stopped", match="data.user")
    return function(id="work", trigger="work/asked", cancel_on=[rule], **said)(lambda event, step: None)


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def look(gated: Gated) -> None:
    """The dispatcher's look: it learns what is paused, and takes out of lines what has to wait."""
    gated.pauses.learn(due(gated.db, lost_after=60, relay_after=60).paused)
    with gated.db.transaction():
        while gated.pauses.take_out(gated.db):
            pass


def start_pause(gated: Gated, place: tuple[str, str, str] = PLACE) -> None:
    assert pauses.pause(gated.db, place, by={"id": "ada"}, reason="deploy")
    look(gated)


def end_pause(gated: Gated, place: tuple[str, str, str] = PLACE) -> None:
    assert pauses.resume(gated.db, place)
    look(gated)
    gated.open()


@pytest.mark.parametrize("place", [PLACE, ("default", "queue", "default")])
@pytest.mark.parametrize("limits", [[], [Concurrency(5)]])
def test_runs_that_are_made_meanwhile_wait_and_go_on_in_their_order(
    database: Connection, limits: list[Concurrency], place: Any
) -> None:
    gated = Gated(database, work(concurrency=limits))
    start_pause(gated, place)
    made = gated.send(*users("a", "b", "c"))
    gated.open()
    gated.upkeep()
    assert gated.hints == []
    end_pause(gated, place)
    assert gated.hints == made


def test_a_hint_that_was_sent_before_starts_nothing(database: Connection) -> None:
    gated = Gated(database, work())
    gated.send(*users("a", "b"))
    start_pause(gated)
    assert gated.claim_all() == []
    end_pause(gated)
    assert len(gated.claim_all()) == 2


@pytest.mark.parametrize("place", [PLACE, ("default", "queue", "default")])
@pytest.mark.parametrize("limits", [[], [Concurrency(1)]])
def test_no_run_starts_once_it_is_paused_also_where_no_dispatcher_knows_of_it_yet(
    database: Connection, limits: list[Concurrency], place: Any
) -> None:
    other = function(id="other", trigger="other/asked", queue="another")(lambda event, step: None)
    gated = Gated(database, work(concurrency=limits), other)
    assert pauses.pause(database, place, by=None, reason=None)
    [run] = gated.send(*users("a"))
    gated.deliver([Event("other/asked", id="other")])
    gated.open()
    assert [each.function_id for each in gated.claim_all()] == ["other"]
    look(gated)
    gated.upkeep()
    assert gated.claim_all() == []
    end_pause(gated, place)
    assert [each.id for each in gated.claim_all()] == [run]


def test_a_run_that_is_made_where_the_end_of_a_pause_is_not_known_yet_goes_on_when_it_is(database: Connection) -> None:
    gated = Gated(database, work())
    start_pause(gated)
    first = gated.send(*users("a"))
    assert pauses.resume(database, PLACE)
    gated.open()
    second = gated.send(*users("b"))
    gated.open()
    assert gated.hints == []
    look(gated)
    gated.open()
    assert gated.hints == [*first, *second]


def test_what_has_started_goes_on_and_is_not_started_again_when_it_is_given_back(database: Connection) -> None:
    gated = Gated(database, work(concurrency=Concurrency(1)))
    gated.send(*users("a"))
    gated.open()
    held = gated.claim()
    assert held
    start_pause(gated)
    assert gated.statuses() == {"running": 1}
    assert leases.suspend(database, held.id, held.fence)
    gated.upkeep()
    look(gated)
    assert gated.claim_all() == []
    end_pause(gated)
    assert len(gated.claim_all()) == 1


@pytest.mark.parametrize("place", [PLACE, ("default", "queue", "default")])
def test_what_has_started_is_held_at_its_next_step_and_goes_on_from_there(database: Connection, place: Any) -> None:
    gated = Gated(database, work(concurrency=Concurrency(1, key="data.user")))
    gated.send(*users("a", "a"))
    gated.open()
    held = gated.claim()
    assert held
    assert pauses.pause(database, place, by=None, reason=None, running="hold")
    look(gated)
    [alive] = leases.heartbeat(database, [Beat(held.id, held.fence, None, None, None, None)], lease=60)
    assert alive.paused == place[1]
    door = pause_key(*place)
    assert leases.suspend(database, held.id, held.fence, door=door)
    gated.open()
    gated.upkeep()
    look(gated)
    assert gated.claim_all() == []  # and nobody else has taken its place
    end_pause(gated, place)
    [again] = gated.claim_all()
    assert (again.id, again.fence) == (held.id, held.fence + 1)


def test_a_run_that_is_held_when_the_pause_is_over_already_goes_on_at_once(database: Connection) -> None:
    gated = Gated(database, work())
    gated.send(*users("a"))
    held = gated.claim()
    assert held
    assert leases.suspend(database, held.id, held.fence, door=pause_key(*PLACE))
    gated.open()
    assert len(gated.claim_all()) == 1


def test_what_has_started_is_cancelled_where_the_pause_says_so_and_nothing_else(database: Connection) -> None:
    gated = Gated(database, work())
    asleep, runs_now, _ = gated.send(*users("a", "b", "c"))
    sleeper, held = gated.claim(), gated.claim()
    assert sleeper
    assert held
    assert leases.suspend(database, sleeper.id, sleeper.fence, seconds=3600)
    assert pauses.pause(database, PLACE, by={"id": "ada"}, reason=None, running="cancel")
    look(gated)
    assert due(database, lost_after=60, relay_after=60).cancel_paused
    marked, more = cancel_started(database)
    assert (marked.cancelling, [each.run_id for each in marked.settled], more) == ([runs_now], [asleep], False)
    assert gated.statuses() == {"cancelled": 1, "cancelling": 1, "queued": 1}
    said = "SELECT cancel_cause || ' ' || (cancel_requested_by->>'id') FROM andon.runs WHERE id = %s"
    assert database.execute(said, [asleep]).fetchone() == ("paused ada",)
    assert not due(database, lost_after=60, relay_after=60).cancel_paused


def test_a_run_that_waits_for_the_end_of_a_pause_can_be_cancelled(database: Connection) -> None:
    gated = Gated(database, work())
    start_pause(gated)
    gated.send(*users("a", "b"))
    gated.send(*users("a"), name="work/stopped")
    end_pause(gated)
    assert gated.statuses() == {"cancelled": 1, "queued": 1}


def test_other_tenants_and_other_functions_go_on(database: Connection) -> None:
    other = function(id="other", trigger="work/asked")(lambda event, step: None)
    gated = Gated(database, work(), other)
    start_pause(gated)
    gated.send(*users("a"))
    gated.send(*users("a"), tenant="another")
    started = [(each.tenant, each.function_id) for each in gated.claim_all()]
    assert sorted(started) == [("another", "other"), ("another", "work"), ("default", "other")]


def test_the_time_to_start_stands_still_meanwhile(database: Connection) -> None:
    gated = Gated(database, work(timeouts=Timeouts(start=dt.timedelta(hours=1))))
    gated.send(*users("a"))
    start_pause(gated)
    before = gated.one("SELECT start_by FROM andon.runs")
    database.execute("UPDATE andon.pauses SET paused_at = paused_at - interval '30 min'")
    database.execute("UPDATE andon.runs SET queued_at = queued_at - interval '40 min'")
    end_pause(gated)
    assert gated.one("SELECT start_by FROM andon.runs") - before >= dt.timedelta(minutes=30)


@pytest.mark.parametrize("place", [PLACE, ("default", "queue", "default")])
@pytest.mark.parametrize("limits", [[], [Concurrency(1)]])
def test_a_run_whose_time_to_start_comes_in_a_pause_has_the_rest_of_it_afterwards(
    database: Connection, limits: list[Concurrency], place: Any
) -> None:
    gated = Gated(database, work(concurrency=limits, timeouts=Timeouts(start=dt.timedelta(hours=1))))
    gated.send(*users("a", "b"))
    start_pause(gated, place)
    [made] = gated.send(*users("c"))
    database.execute("UPDATE andon.pauses SET paused_at = paused_at - interval '2 h'")
    database.execute(
        "UPDATE andon.runs SET queued_at = queued_at - interval '2 h', start_by = start_by - interval '2 h'"
    )
    for _ in range(2):
        ending.cancel_late(database)
        assert gated.statuses() == {"queued": 3}
        assert not due(database, lost_after=60, relay_after=60).late
    end_pause(gated, place)
    left = gated.one("SELECT start_by - clock_timestamp() FROM andon.runs WHERE id = %s", made)
    assert dt.timedelta(minutes=59) < left <= dt.timedelta(hours=1)
    database.execute("UPDATE andon.runs SET start_by = start_by - interval '2 h'")
    ending.cancel_late(database)
    assert gated.statuses() == {"cancelled": 3}


def test_it_is_paused_once_and_resumed_once(database: Connection) -> None:
    assert pauses.pause(database, PLACE, by=None, reason=None)
    assert not pauses.pause(database, PLACE, by=None, reason=None)
    assert pauses.resume(database, PLACE)
    assert not pauses.resume(database, PLACE)
    assert not Pauses()
