"""A dispatcher's batches in the test's own process: what they make of events, without bus and workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from andon import Event, Function
from andon.adapters.cel import check_expression
from andon.adapters.cron import check_schedule
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.duties import hinted
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import Effects, record_batch


class Planner:
    """Records batches of events for these functions."""

    def __init__(self, database: Connection, *functions: Function) -> None:
        self.database = database
        self.registry = Registry(functions, check_expression=check_expression, check_schedule=check_schedule)
        self._ids = count(1)

    def batch(self, *events: tuple[str, dict[str, Any]]) -> Effects:
        """One batch of events, by name and data."""
        made = [Event(name, data, id=f"e{next(self._ids)}") for name, data in events]
        with self.database.transaction():
            return record_batch(self.database, self.registry, made, [None] * len(made))

    def wake(self) -> list[Any]:
        """The dispatcher's upkeep for sleepers, as if their time had come."""
        self.rows("UPDATE andon.runs SET wake_at = now() WHERE status = 'waiting' RETURNING id")
        with self.database.transaction():
            return hinted.wake(self.database)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a query says."""
        return self.database.execute(query.encode()).fetchall()

    def runs(self) -> list[tuple[Any, ...]]:
        """Each run's event id and status, in the order of events."""
        return self.rows(
            "SELECT e.id, r.status FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq ORDER BY e.seq, r.id"
        )

    def skips(self) -> list[tuple[Any, ...]]:
        """Each skip's event id and reason, and the event id of the run that was in the way."""
        return self.rows(
            "SELECT e.id, s.reason, t.id FROM andon.skips s JOIN andon.events e ON e.seq = s.event_seq"
            " LEFT JOIN andon.runs r ON r.id = s.by_run LEFT JOIN andon.events t ON t.seq = r.event_seq ORDER BY e.seq"
        )


@contextmanager
def planner(database_url: str, *functions: Function) -> Iterator[Planner]:
    """A planner on a database of its own."""
    with connect(database_url, name="test") as connection:
        yield Planner(connection, *functions)
