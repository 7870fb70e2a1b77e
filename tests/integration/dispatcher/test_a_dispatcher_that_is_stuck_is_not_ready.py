"""Readiness knows for how long nothing was taken in, and liveness isn't concerned: it would only restart it."""

from __future__ import annotations

from typing import Any

import psycopg

from andon.adapters.health import stalled
from tests.integration.dispatcher.conftest import Bench
from tests.support.polling import wait_until


def test_a_table_that_is_locked_makes_it_unready_until_it_is_free(
    dispatcher: Any, bench: Bench, database_url: str
) -> None:
    bench.db.execute("UPDATE andon.dispatcher_leases SET lease_until = now()")
    with dispatcher() as service:
        stuck = stalled("the intake of events", lambda: service.stuck_for, limit=2.0)
        live = stalled("the loop", lambda: service.turn_age, limit=30.0)
        bench.add("thing/made", {"k": 1})
        wait_until(lambda: bench.runs() == [1])
        assert stuck() is None
        with psycopg.connect(database_url) as holder:
            holder.execute("LOCK TABLE andon.runs IN ACCESS EXCLUSIVE MODE")
            bench.add("thing/made", {"k": 2})
            told = wait_until(stuck)
            assert told.startswith("the intake of events has not turned for")
            assert live() is None
        wait_until(lambda: bench.runs() == [1, 2])
        wait_until(lambda: stuck() is None)


def test_one_that_stands_by_is_as_ready_as_the_leader(dispatcher: Any, bench: Bench) -> None:
    with dispatcher() as service:  # the bench leads
        stuck = stalled("the intake of events", lambda: service.stuck_for, limit=2.0)
        born = service.turn_age
        wait_until(lambda: service.turn_age + born >= 0 and stuck() is None)
        assert not service.leads
