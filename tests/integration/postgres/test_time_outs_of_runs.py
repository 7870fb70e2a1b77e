"""Time-outs of runs: one that hasn't started, or hasn't ended, in time is cancelled, and says so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from andon import Concurrency, Timeouts, function
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.duties import ending, look
from andon.adapters.postgres.runs import leases
from tests.support.gated import Gated, users

HOUR = dt.timedelta(hours=1)
PASS = "UPDATE andon.runs SET start_by = start_by - interval '1 h', finish_by = finish_by - interval '1 h'"


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def gated(database: Connection, timeouts: Timeouts, *limits: Concurrency) -> Gated:
    declared = function(id="work", trigger="work/asked", timeouts=timeouts, concurrency=limits)(lambda e, s: None)
    return Gated(database, declared)


def due(database: Connection) -> bool:
    return look.due(database, lost_after=60, relay_after=60).late


def test_a_run_that_has_not_started_in_time_is_cancelled_wherever_it_waits(database: Connection) -> None:
    scene = gated(database, Timeouts(start=HOUR), Concurrency(1))
    scene.send(*users("a", "b"))
    scene.open()
    assert not due(database)
    database.execute(PASS)
    assert due(database)
    cancelling, settled = ending.cancel_late(database)
    assert (cancelling, [each.status for each in settled]) == ([], ["cancelled"] * 2)
    assert not due(database)
    told = database.execute("SELECT data->>'cause' FROM andon.events WHERE name LIKE '%.cancelled'")
    assert set(told.fetchall()) == {("start_timeout",)}


def test_a_run_that_has_started_is_not_cancelled_for_it_even_when_it_is_queued_again(database: Connection) -> None:
    scene = gated(database, Timeouts(start=HOUR))
    scene.send(*users("a"))
    held = scene.claim()
    assert held
    assert leases.suspend(database, held.id, held.fence)
    database.execute(PASS)
    assert not due(database)


def test_a_run_that_has_not_ended_in_time_is_asked_to_stop_once(database: Connection) -> None:
    scene = gated(database, Timeouts(finish=HOUR))
    scene.send(*users("a"))
    held = scene.claim(work=3600.0)
    assert held
    assert not due(database)
    database.execute(PASS)
    assert ending.cancel_late(database) == ([held.id], [])
    assert not due(database)
    assert scene.statuses() == {"cancelling": 1}
    scene.settle(held, "completed")
    assert scene.one("SELECT cancel_cause FROM andon.runs") == "finish_timeout"
    assert scene.statuses() == {"cancelled": 1}


def test_the_finish_counts_from_the_first_claim_and_sleeps_count_too(database: Connection) -> None:
    scene = gated(database, Timeouts(finish=HOUR))
    scene.send(*users("a"))
    assert scene.one("SELECT finish_by FROM andon.runs") is None
    held = scene.claim(work=3600.0)
    assert held
    first = scene.one("SELECT finish_by FROM andon.runs")
    assert leases.suspend(database, held.id, held.fence, seconds=0)
    scene.upkeep()
    assert scene.claim(work=3600.0)
    assert scene.one("SELECT finish_by FROM andon.runs") == first


def test_a_run_can_be_given_more_time_and_never_less(database: Connection) -> None:
    scene = gated(database, Timeouts(finish=HOUR))
    scene.send(*users("a"))
    held = scene.claim(work=3600.0)
    assert held
    first = scene.one("SELECT finish_by FROM andon.runs")
    assert leases.extend(database, held.id, held.fence, 60)
    assert scene.one("SELECT finish_by FROM andon.runs") == first
    assert leases.extend(database, held.id, held.fence, 7200)
    assert scene.one("SELECT finish_by FROM andon.runs") > first + dt.timedelta(minutes=59)
    assert not leases.extend(database, held.id, held.fence - 1, 7200)


def test_a_run_without_a_finish_time_out_gets_none_by_asking_for_more_time(database: Connection) -> None:
    scene = gated(database, Timeouts(start=HOUR))
    scene.send(*users("a"))
    held = scene.claim()
    assert held
    assert leases.extend(database, held.id, held.fence, 60)
    assert scene.one("SELECT finish_by FROM andon.runs") is None
