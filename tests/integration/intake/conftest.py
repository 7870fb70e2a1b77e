"""A dispatcher's parts in this process: on a real database that tests share and empty, and a Redis of the test's own.

The Redis is the fake that passes the bus' and the flags' contract tests beside a real one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import fakeredis
import pytest

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.leadership import Leadership
from andon.adapters.postgres.registered import functions
from andon.adapters.redis.bus import GROUP, STREAM
from andon.engine.declared.functions import Registry
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher.batches.batch import Effects
from andon_worker.dispatcher.intake import Intake
from andon_worker.dispatcher.leader import Leader
from andon_worker.metrics import DispatcherMetrics, new_registry

TABLES = (
    "runs",
    "events",
    "outbox",
    "cancellations",
    "wide_cancellations",
    "steps",
    "dead_events",
    "dispatcher_leases",
)


@pytest.fixture(scope="module")
def shared_url(create_database: Callable[[], str]) -> str:
    """A database that the tests of a module empty, one after the other."""
    return create_database()


@pytest.fixture
def db(shared_url: str) -> Iterator[Connection]:
    """The test's own view of the emptied database."""
    connection = connect(shared_url, name="test")
    connection.execute(f"TRUNCATE {', '.join(f'andon.{each}' for each in TABLES)} CASCADE")
    yield connection
    connection.close()


@pytest.fixture
def database(shared_url: str) -> Iterator[Database]:
    """What the dispatcher reaches it by."""
    made = Database(shared_url, name="dispatcher")
    yield made
    made.close()


@pytest.fixture
def bus() -> Iterator[Any]:
    """A Redis of the test's own."""
    with fakeredis.FakeRedis() as fake:
        yield fake


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The tests' functions."""
    return Registry.load(["tests.functions"])


@dataclass
class Desk:
    """An intake that leads, and what it signalled."""

    db: Connection
    bus: Any
    intake: Intake
    leadership: Leadership
    metrics: DispatcherMetrics
    signalled: list[Effects] = field(default_factory=list)
    on_signal: Callable[[Effects], None] = lambda _: None

    def send(self, name: str = "walk/requested", case: str = "a", **fields: Any) -> str:
        """Put an entry on the bus; returns its id."""
        entry = {"name": name, "data": json.dumps({"case": case}), **fields}
        return str(self.bus.xadd(STREAM, entry).decode())

    def handle(self) -> int:
        """Look once, without waiting for what is to come."""
        return self.intake.step(block_ms=0)

    def handle_all(self) -> None:
        """Look until the bus is read to its end; the first look is for what somebody has left."""
        self.handle()
        while self.handle():
            pass

    @property
    def pending(self) -> int:
        """How many entries were read and not acknowledged."""
        return int(self.bus.xpending(STREAM, GROUP)["pending"])

    def statuses(self) -> list[str]:
        """The runs' statuses, in the order of their events."""
        return [status for (status,) in self.db.execute("SELECT status FROM andon.runs ORDER BY event_seq").fetchall()]

    def dead(self) -> list[str]:
        """The reasons of the dead events."""
        return [reason for (reason,) in self.db.execute("SELECT reason FROM andon.dead_events ORDER BY id").fetchall()]

    def dropped(self, reason: str) -> float:
        """How many entries were counted as dropped for that reason."""
        found = self.metrics.registry.get_sample_value("andon_bus_dropped_entries_total", {"reason": reason})
        return found or 0.0


@pytest.fixture
def desk(db: Connection, database: Database, bus: Any, registry: Registry) -> Desk:
    """An intake that leads, on an empty bus with its group."""
    functions.register(db, registry)
    leadership = Leadership("test", seconds=60)
    assert leadership.acquire(db)
    metrics = DispatcherMetrics(new_registry())

    def signal(effects: Effects) -> None:
        made.on_signal(effects)
        made.signalled.append(effects)

    intake = Intake(Leader(Settings(), registry, database, bus, HintBroker(bus), leadership, metrics), bus, signal)
    intake.create_group()
    made = Desk(db, bus, intake, leadership, metrics)
    return made
