"""`DispatcherService`: when it leads, what it makes anew, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.leadership import Leadership
from andon.adapters.redis import bus as events
from andon.adapters.redis import flags
from andon.adapters.redis.sending import send
from andon.engine.declared.functions import Registry
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher.leader import Leader
from andon_worker.dispatcher.service import DispatcherService
from andon_worker.metrics import DispatcherMetrics, new_registry
from tests.support.polling import wait_until

Start = Callable[[str], DispatcherService]


@pytest.fixture
def start(shared_url: str, db: Connection, bus: Any, registry: Registry) -> Iterator[Start]:
    """Runs services, by their holders' names; they end with the test."""
    with ExitStack() as stack:

        def start(holder: str) -> DispatcherService:
            leader = Leader(
                Settings(database_url=shared_url, lease_seconds=60),
                registry,
                Database(shared_url, name=holder),
                bus,
                HintBroker(bus),
                Leadership(holder, seconds=60),
                DispatcherMetrics(new_registry()),
            )
            service = DispatcherService(leader, bus)
            stack.enter_context(running(service))
            return service

        yield start


@contextmanager
def running(service: DispatcherService) -> Iterator[None]:
    """Its loop in a thread, until the block ends."""
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        yield
    finally:
        service.ask_to_stop()
        thread.join(30)
        assert not thread.is_alive()


def test_one_leads_the_other_stands_by_and_takes_over_at_once_when_it_stops(start: Start) -> None:
    first = start("first")
    wait_until(lambda: first.leads)
    second = start("second")
    first.ask_to_stop()
    wait_until(lambda: second.leads)
    assert not first.leads


def test_in_an_empty_redis_the_group_and_the_flags_are_made_and_then_it_is_whole(start: Start, bus: Any) -> None:
    start("one")
    wait_until(lambda: bus.get(flags.EPOCH), what="the epoch")
    assert [each["name"] for each in bus.xinfo_groups(events.STREAM)] == [events.GROUP.encode()]
    bus.flushall()
    wait_until(lambda: bus.get(flags.EPOCH), what="the epoch, after it was lost")
    assert bus.xinfo_groups(events.STREAM)


def test_an_accepted_event_that_nobody_published_is_published_and_handled(start: Start, db: Connection) -> None:
    with db.transaction():
        inbox.accept(db, [Event("walk/requested", {"case": "a"}, id=str(new_id()))])
    start("one")
    runs = "SELECT status FROM andon.runs"
    wait_until(lambda: db.execute(runs).fetchall() == [("queued",)], what="its run")
    wait_until(lambda: db.execute("SELECT count(*) FROM andon.outbox").fetchone() == (0,), what="an empty outbox")


def test_who_lost_the_lease_stands_by(start: Start, db: Connection, bus: Any) -> None:
    service = start("one")
    wait_until(lambda: service.leads)
    db.execute("UPDATE andon.dispatcher_leases SET holder = 'another', fence = fence + 1")
    send(bus, events.publishing([Event("walk/requested", {"case": "a"}, id=str(new_id()))]))
    wait_until(lambda: not service.leads)
    assert db.execute("SELECT count(*) FROM andon.runs").fetchone() == (0,)
