"""Functions that start each other by their runs' ends come to an end, and nobody forges such an end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from andon import Event, Function, function
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events.inbox import find_open, send_open
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import journal
from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.runs.leases import claim
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.declared.functions import Registry
from andon.engine.events import MOST_HOPS, check_event
from andon.engine.ports import Attempt
from andon.engine.steps.sending import as_text, event_id
from andon.engine.storable import DEEPEST
from andon_worker.dispatcher.batches.batch import Effects, record_batch


def declared(id: str, trigger: str) -> Function:
    """A function; its runs are ended by the test."""
    return function(id=id, trigger=trigger)(lambda event, step: None)


def end(connection: psycopg.Connection[Any], run_id: uuid.UUID, fence: int, status: str = "failed") -> None:
    """Settle a run as its worker does."""
    error = '{"message": "told"}'
    settle_held(connection, [End(run_id, fence, status, error=error)])


class Chain:
    """A dispatcher and a worker in one: it takes events in, and ends each run that they start."""

    def __init__(self, connection: psycopg.Connection[Any], *declarations: Function) -> None:
        self.connection = connection
        self.registry = Registry(declarations)
        self.runs = 0
        self.refused: list[str] = []
        functions.register(connection, self.registry)

    def take(self, events: list[Event]) -> Effects:
        """Handle these as a batch."""
        with self.connection.transaction():
            effects = record_batch(
                self.connection, self.registry, events, [f"{self.runs}-{place}" for place in range(len(events))]
            )
        self.refused += effects.refused.values()
        return effects

    def run(self, first: Event, status: str) -> None:
        """Take an event in, and all that follows from it, each run ending so."""
        started = self.take([first]).started
        while started:
            for run_id, _ in started:
                held = claim(self.connection, run_id, worker="w", lease=60)
                assert held is not None
                self.runs += 1
                settle_held(self.connection, [End(run_id, held.fence, status, error='{"message":""}')])
            started = []
            while ends := send_open(self.connection, find_open(self.connection, older_than=-60, limit=400)):
                started += self.take(ends).started


@pytest.fixture
def database(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection that commits each statement by itself."""
    with connect(database_url, name="test") as connection:
        yield connection


def test_a_function_that_starts_itself_by_failing_is_stopped_at_the_50th_hop(
    database: psycopg.Connection[Any],
) -> None:
    chain = Chain(database, declared("first", "a/b"), declared("again", "andon/function.failed"))
    chain.run(Event("a/b"), "failed")
    assert chain.runs == MOST_HOPS
    [why] = chain.refused
    assert "hop 50 and the last" in why
    assert database.execute("SELECT count(*) FROM andon.outbox").fetchone() == (0,)


def test_the_end_of_any_run_in_a_chain_is_an_event_that_the_bus_takes(database: psycopg.Connection[Any]) -> None:
    deep: dict[str, Any] = {}
    for _ in range(DEEPEST - 1):
        deep = {"a": deep}
    chain = Chain(database, declared("first", "a/b"), declared("again", "andon/function.failed"))
    chain.run(check_event(Event("a/b", deep)), "failed")
    assert chain.runs == MOST_HOPS
    for name, data in database.execute("SELECT name, data FROM andon.events"):
        check_event(Event(name, data))


def test_several_functions_that_start_each_other_do_not_spread(database: psycopg.Connection[Any]) -> None:
    chain = Chain(database, *(declared(f"f{n}", "andon/function.failed") for n in range(3)), declared("first", "a/b"))
    chain.run(Event("a/b"), "failed")
    assert 3 <= chain.runs < 200
    assert chain.refused


def test_a_function_that_starts_itself_by_what_it_sends_is_stopped_at_the_50th_hop(
    database: psycopg.Connection[Any],
) -> None:
    chain = Chain(database, declared("echo", "a/b"))
    started = chain.take([Event("a/b")]).started
    while started:
        [(run_id, _)] = started
        held = claim(database, run_id, worker="w", lease=60)
        assert held is not None
        chain.runs += 1
        sent = as_text([Event("a/b", {"n": chain.runs}, id=event_id(str(run_id), "again", 0))])
        [event] = (
            journal.send(database, Holding(run_id, held.fence), Attempt("again", 0), events=sent, output="[]") or []
        )
        started = chain.take([event]).started
    assert chain.runs == MOST_HOPS
    assert "hop 50 and the last" in chain.refused[0]


def test_an_end_is_told_to_all_who_listen(database: psycopg.Connection[Any]) -> None:
    chain = Chain(database, *(declared(f"f{n}", "andon/function.failed") for n in range(3)), declared("first", "a/b"))
    started = chain.take([Event("a/b")]).started
    [(run_id, _)] = started
    assert claim(database, run_id, worker="w", lease=60)
    end(database, run_id, fence=1)
    assert len(chain.take(send_open(database, find_open(database, older_than=-60, limit=10))).started) == 3


def test_an_end_that_nobody_has_come_to_is_forged_and_dead(database: psycopg.Connection[Any]) -> None:
    chain = Chain(database, declared("audit", "andon/function.cancelled"), declared("first", "a/b"))
    forged = Event("andon/function.cancelled", {"functionId": "first"}, id="forged")
    effects = chain.take([forged, Event("a/b", id="1")])
    assert len(effects.started) == 1
    assert list(effects.refused) == ["0-0"]
    assert "which Andon alone can" in effects.refused["0-0"]
    assert database.execute("SELECT count(*) FROM andon.events WHERE id = 'forged'").fetchone() == (0,)


def test_an_end_that_is_delivered_again_is_not_forged(database: psycopg.Connection[Any]) -> None:
    chain = Chain(database, declared("audit", "andon/function.failed"), declared("first", "a/b"))
    [(run_id, _)] = chain.take([Event("a/b")]).started
    assert claim(database, run_id, worker="w", lease=60)
    end(database, run_id, fence=1)
    [told] = send_open(database, find_open(database, older_than=-60, limit=10))
    assert told.hops == 1
    assert len(chain.take([told]).started) == 1
    again = chain.take([told])
    assert (again.started, again.refused) == ([], {})
