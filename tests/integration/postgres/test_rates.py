"""Throttles delay starts, and rate limits drop them, by the database's clock: tests move what is due by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from andon import CancelOn, Concurrency, RateLimit, Throttle, function
from andon.adapters.postgres.connect import Connection, connect
from tests.support.gated import Gated, users

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def gated(database: Connection, **said: Any) -> Gated:
    return Gated(database, function(id="work", trigger="work/asked", **said)(lambda event, step: None))


def let_pass(database: Connection, minutes: int) -> None:
    database.execute("UPDATE andon.tats SET tat = tat - %s * interval '1 min'", [minutes])
    database.execute("UPDATE andon.gate_due SET at = at - %s * interval '1 min'", [minutes])


def test_a_throttle_starts_one_after_the_other_evenly_spread(database: Connection) -> None:
    scene = gated(database, throttle=Throttle(4, HOUR))
    scene.send(*users("a", "b", "c"))
    assert scene.open() == 1
    let_pass(database, 14)
    assert scene.open() == 0
    let_pass(database, 1)
    assert scene.open() == 1
    let_pass(database, 60)
    assert scene.open() == 1


def test_a_throttle_with_a_burst_lets_that_many_more_go_at_once(database: Connection) -> None:
    scene = gated(database, throttle=Throttle(4, HOUR, burst=2))
    scene.send(*users(*range(6)))
    assert scene.open() == 3
    let_pass(database, 15)
    assert scene.open() == 1


def test_a_throttle_counts_starts_and_not_what_runs(database: Connection) -> None:
    scene = gated(database, throttle=Throttle(1, HOUR))
    scene.send(*users("a", "b"))
    scene.open()
    held = scene.claim()
    assert held
    scene.settle(held)
    assert scene.open() == 0


def test_each_key_has_a_throttle_of_its_own(database: Connection) -> None:
    scene = gated(database, throttle=Throttle(1, HOUR, key="data.user"))
    scene.send(*users("a", "a", "b"))
    assert scene.open() == 2


def test_a_run_that_is_cancelled_while_it_waits_uses_nothing_up(database: Connection) -> None:
    rule = CancelOn("work/stopped", match="data.user")
    scene = gated(database, throttle=Throttle(1, HOUR), cancel_on=[rule])
    scene.send(*users("a", "b", "c"))
    scene.open()
    scene.send(*users("b"), name="work/stopped")
    let_pass(database, 60)
    assert scene.open() == 1
    claimed = [each.event.data["user"] for each in scene.claim_all()]
    assert claimed == ["a", "c"]


def test_a_run_that_another_limit_keeps_waiting_uses_nothing_up(database: Connection) -> None:
    scene = gated(database, throttle=Throttle(2, HOUR, burst=1), concurrency=Concurrency(1))
    scene.send(*users("a", "b"))
    assert scene.open() == 1
    held = scene.claim()
    assert held
    scene.settle(held)
    assert scene.open() == 1


def test_a_rate_limit_drops_what_is_too_much_and_says_so(database: Connection) -> None:
    scene = gated(database, rate_limit=RateLimit(2, HOUR, key="data.user"))
    scene.send(*users("a", "a", "a", "b"))
    scene.send(*users("a"))
    assert scene.statuses() == {"queued": 3}
    assert scene.db.execute("SELECT reason, count(*) FROM andon.skips GROUP BY 1").fetchall() == [("rate_limited", 2)]
    let_pass(database, 30)
    scene.send(*users("a", "a"))
    assert scene.statuses() == {"queued": 4}


def test_a_rate_limit_whose_key_has_no_value_fails_the_run(database: Connection) -> None:
    scene = gated(database, rate_limit=RateLimit(2, HOUR, key="event.data.user + '!'"))
    scene.send(*users(1))
    assert scene.statuses() == {"failed": 1}
    assert scene.one("SELECT error->>'message' FROM andon.runs").startswith("rate_limit: key=")
