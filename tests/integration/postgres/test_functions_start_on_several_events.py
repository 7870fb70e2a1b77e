"""What the dispatcher makes of several triggers: one run of a function for an event, or the reason why none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from andon import Event, Function, On, Step, function
from andon.adapters.cel import check_expression
from andon.adapters.postgres.connect import Connection, connect
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import record_batch

_STARTED = """
SELECT r.function_id, e.name FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq ORDER BY e.seq, r.function_id
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def starting_on(id: str, *triggers: On) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    return function(id=id, triggers=triggers)(handler)


def dispatch(database: Connection, functions: list[Function], *events: Event) -> None:
    registry = Registry(functions, check_expression=check_expression)
    with database.transaction():
        record_batch(database, registry, events, [None] * len(events))


def rows(database: Connection, query: str) -> list[tuple[Any, ...]]:
    return database.execute(query.encode()).fetchall()


def test_an_event_that_two_triggers_cover_makes_one_run(database: Connection) -> None:
    both = starting_on("both", On("a/b", if_="event.data.n > 1"), On("a/*"))
    dispatch(database, [both], Event("a/b", {"n": 2}, id="1"), Event("a/b", {"n": 0}, id="2"), Event("a/c", id="3"))
    assert rows(database, _STARTED) == [("both", "a/b"), ("both", "a/b"), ("both", "a/c")]
    assert rows(database, "SELECT * FROM andon.skips") == []


def test_a_condition_without_a_value_starts_nothing_and_the_event_says_why(database: Connection) -> None:
    picky = starting_on("picky", On("a/b", if_="event.data.pages > 10"))
    neighbour = starting_on("neighbour", On("a/b"))
    dispatch(
        database,
        [picky, neighbour],
        Event("a/b", {"pages": 11}, id="1"),
        Event("a/b", {"pages": 9}, id="2"),
        Event("a/b", {"page": 11}, id="3"),
    )
    assert rows(database, _STARTED) == [("neighbour", "a/b"), ("picky", "a/b"), *[("neighbour", "a/b")] * 2]
    [skip] = rows(database, "SELECT e.id, function_id, reason, detail->>'error' FROM andon.skips JOIN andon.events e"
                            " ON seq = event_seq")  # fmt: skip
    assert skip == ("3", "picky", "condition_failed", "event.data.pages > 10: there is no 'pages'")


def test_a_wildcard_never_starts_on_the_end_of_a_run(database: Connection) -> None:
    everything = starting_on("everything", On("a/*"), On("andon.own/*"))
    dispatch(database, [everything], Event("andon/run.cancelled", {"runId": "x"}, id="1"))
    assert rows(database, _STARTED) == []
