"""The dispatcher's parts in the test's own process, on real stores."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis import Redis

from andon import CancelOn, Event, Step, function
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.leadership import Leadership
from andon.adapters.redis.bus import STREAM
from andon.adapters.redis.connect import connect as connect_redis
from andon.adapters.redis.connect import connect_blocking
from andon.engine.declared.functions import Registry
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher.batches.batch import Effects
from andon_worker.dispatcher.intake import Intake
from andon_worker.dispatcher.leader import Leader
from andon_worker.dispatcher.service import DispatcherService
from andon_worker.metrics import DispatcherMetrics, new_registry
from tests.support.polling import wait_until

# Where an event's data say so, making its run fails as the server would fail: with this state.
REFUSING = """
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE state text := (SELECT data->>'refuse' FROM andon.events WHERE seq = NEW.event_seq);
BEGIN
    IF state IS NOT NULL THEN RAISE EXCEPTION 'refused for the test' USING ERRCODE = state; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON andon.runs FOR EACH ROW EXECUTE FUNCTION public.refuse()
"""


@function(id="made", trigger="thing/made", cancel_on=[CancelOn("thing/dropped", match="data.k")])
def made(event: Event, step: Step) -> None:
    """Its runs are made here, and never executed."""


@dataclass
class Bench:
    """An intake, what it reads from, and what it leaves."""

    intake: Intake
    redis: Redis
    db: Connection
    metrics: DispatcherMetrics
    leader: Leader
    effects: list[Effects] = field(default_factory=list)

    def add(self, name: str, data: Any, **fields: Any) -> str:
        """An entry on the bus; data that is text goes as it is."""
        text = data if isinstance(data, (str, bytes)) else json.dumps(data)
        entry: dict[Any, Any] = {"name": name, "data": text, **fields}
        return str(self.redis.xadd(STREAM, entry))

    def sql(self, script: str) -> None:
        """Execute some statements."""
        self.db.execute(script.encode(), prepare=False)

    def handle_all(self) -> None:
        """Until nothing is left on the bus."""

        def done() -> bool:
            resumed = self.intake.pending_first
            return self.intake.step(block_ms=0) == 0 and not resumed

        wait_until(done, what="a bus that is read to its end")

    def runs(self) -> list[Any]:
        """`data.k` of the events of which runs were made, in their order."""
        rows = self.db.execute(
            "SELECT e.data->'k' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq ORDER BY r.event_seq"
        ).fetchall()
        return [k for (k,) in rows]

    def dead(self) -> list[str]:
        """The reasons of the dead events, oldest first."""
        return [r for (r,) in self.db.execute("SELECT reason FROM andon.dead_events ORDER BY id").fetchall()]

    def open(self) -> int:
        """How many events of a test wait in the outbox."""
        row = self.db.execute(
            "SELECT count(*) FROM andon.outbox JOIN andon.events ON seq = event_seq WHERE name NOT LIKE 'andon/%'"
        ).fetchone()
        assert row is not None
        return int(row[0])

    def failures(self, part: str) -> float:
        """How often this part has failed."""
        return self.metrics.registry.get_sample_value("andon_dispatcher_failures_total", {"part": part}) or 0.0


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    """A connection of the test's own."""
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.fixture
def bench(database_url: str, redis_url: str, database: Connection) -> Iterator[Bench]:
    """An intake that leads."""
    own = Database(database_url, name="intake", lock_seconds=1)
    redis, blocking = connect_redis(redis_url, name="intake"), connect_blocking(redis_url, name="intake", bounded=True)
    leadership = Leadership("test", seconds=600)
    assert leadership.acquire(own.connection())
    metrics = DispatcherMetrics(new_registry())
    effects: list[Effects] = []
    leader = Leader(Settings(), Registry([made]), own, redis, HintBroker(redis), leadership, metrics)
    intake = Intake(leader, blocking, effects.append)
    intake.create_group()
    yield Bench(intake, redis, database, metrics, leader, effects)
    own.close()
    redis.close()
    blocking.close()


Serving = Callable[[], Any]


@pytest.fixture
def dispatcher(database_url: str, redis_url: str) -> Callable[[], Any]:
    """Runs a whole dispatcher in a thread, for a `with` block."""

    @contextmanager
    def serve() -> Iterator[DispatcherService]:
        settings = Settings(database_url=database_url, redis_url=redis_url, lease_seconds=2.0)
        redis, blocking = connect_redis(redis_url, name="x"), connect_blocking(redis_url, name="x", bounded=True)
        leader = Leader(
            settings,
            Registry([made]),
            Database(database_url, name="dispatcher", lock_seconds=1),
            redis,
            HintBroker(connect_redis(redis_url, name="hints")),
            Leadership("test", seconds=settings.lease_seconds),
            DispatcherMetrics(new_registry()),
        )
        service = DispatcherService(leader, blocking)
        thread = threading.Thread(target=service.run)
        thread.start()
        try:
            yield service
            assert thread.is_alive(), "nothing ends it but being asked to"
        finally:
            service.ask_to_stop()
            thread.join(30)
            redis.close()
            blocking.close()

    return serve
