"""A cancel's expression that has no value, or costs too much, stops nothing: not the run, and nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from andon import CancelOn, Event, function
from andon.adapters.cel import TooLong
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.events.own_events import WideCancel
from andon.engine.declared.functions import Registry
from andon.engine.events import RUNS_CANCELLED
from andon_worker.dispatcher.batches.batch import Effects, record_batch
from andon_worker.dispatcher.halving import is_too_much

COSTLY = "event.data.a.all(x, x in event.data.a)"
NUMBERS = list(range(38_000))

walk = function(
    id="walk",
    trigger="walk/requested",
    cancel_on=[CancelOn("walk/cancelled", match="data.case", if_="event.data.total / async.data.parts > 1")],
)(lambda event, step: None)


def dispatch(connection: psycopg.Connection[Any], *events: Event) -> Effects:
    """Record these as the dispatcher does."""
    with connection.transaction():
        return record_batch(connection, Registry([walk], check_expression=lambda _: None), events, [None] * len(events))


def bulk(connection: psycopg.Connection[Any], expression: str, tenant: str = "default") -> None:
    """Ask for a bulk cancel of walks."""
    with connection.transaction():
        [event] = inbox.accept(connection, [Event(RUNS_CANCELLED, {"functionId": "walk"}, tenant=tenant)])
        wide.store(connection, event, WideCancel("walk", expression=expression))


def sweep(connection: psycopg.Connection[Any], after: str = "") -> str | None:
    """Apply one chunk; tells whose it was."""
    with connection.transaction():
        swept = wide.sweep(connection, after=after)
    return None if swept is None else swept.tenant


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement by itself."""
    with connect(database_url, name="test") as connection:
        yield connection


def test_a_bulk_cancel_counts_the_runs_of_which_it_has_no_value_and_says_why(
    database: psycopg.Connection[Any],
) -> None:
    dispatch(database, *(Event("walk/requested", {"n": n}) for n in (0, 1, 2)))
    bulk(database, "6 / event.data.n == 3")
    while sweep(database):
        pass
    told = "SELECT status, matched, failed_evaluations, first_failure FROM andon.wide_cancellations"
    assert database.execute(told).fetchall() == [("done", 1, 1, "a number is divided by zero")]
    statuses = "SELECT r.status FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq ORDER BY e.data->'n'"
    assert [row[0] for row in database.execute(statuses)] == ["queued", "queued", "cancelled"]


def test_a_costly_expression_is_applied_in_pieces_between_which_other_tenants_have_their_turn(
    database: psycopg.Connection[Any],
) -> None:
    dispatch(database, *(Event("walk/requested", {"a": NUMBERS}) for _ in range(8)))
    dispatch(database, Event("walk/requested", {"a": [1]}, tenant="other"))
    for _ in range(3):
        bulk(database, COSTLY)
    bulk(database, "event.data.a == [1]", tenant="other")
    began = time.process_time()
    assert sweep(database) == "default"
    assert sweep(database, after="default") == "other"
    assert sweep(database, after="other") == "default"
    assert time.process_time() - began < 3
    done = "SELECT status, matched FROM andon.wide_cancellations WHERE tenant = 'other'"
    assert database.execute(done).fetchall() == [("done", 1)]


def test_a_rule_whose_expression_has_no_value_is_no_match_and_counted(database: psycopg.Connection[Any]) -> None:
    dispatch(database, *(Event("walk/requested", {"case": "c", "total": total}) for total in (6, 8)))
    effects = dispatch(database, Event("walk/cancelled", {"case": "c", "parts": 0}))
    assert (effects.settled, dict(effects.failed_evaluations)) == ([], {"walk": 2})
    effects = dispatch(database, Event("walk/cancelled", {"case": "c", "parts": 5}))
    assert (effects.settled, dict(effects.failed_evaluations)) == ([], {}), "6 / 5 and 8 / 5 are 1 in whole numbers"
    effects = dispatch(database, Event("walk/cancelled", {"case": "c", "parts": 4}))
    assert (len(effects.settled), dict(effects.failed_evaluations)) == (1, {})


def test_a_batch_whose_expressions_take_too_long_leaves_nothing_behind_and_fewer_are_taken_at_once(
    database: psycopg.Connection[Any],
) -> None:
    registry = Registry([walk], check_expression=lambda _: None)
    runs = [Event("walk/requested", {"case": "a", "total": n}) for n in range(3)]
    dispatch(database, *runs)
    cancels = [Event("walk/cancelled", {"case": "a", "parts": 1}, id=f"c{n}") for n in range(2)]
    with pytest.raises(TooLong) as raised, database.transaction():
        record_batch(database, registry, cancels, [None] * 2, until=time.monotonic())
    assert is_too_much(raised.value)
    assert database.execute("SELECT count(*) FROM andon.events WHERE name = 'walk/cancelled'").fetchone() == (0,)
    for each in cancels:
        dispatch(database, each)
    assert database.execute("SELECT count(*) FROM andon.runs WHERE status = 'cancelled'").fetchone() == (1,)
