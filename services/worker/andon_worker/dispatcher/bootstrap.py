"""Wire a dispatcher process. Every dependency is an argument of what uses it; nothing here runs at import."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from typing import TYPE_CHECKING

import psycopg

from andon.adapters.cel import check_expression
from andon.adapters.cron import check_schedule
from andon.adapters.health import HealthServer, stalled
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.leadership import Leadership
from andon.adapters.postgres.registered import functions as stored
from andon.adapters.postgres.subjects import subject_kinds
from andon.adapters.redis.connect import connect, connect_blocking
from andon.engine.declared.functions import Registry
from andon.engine.errors import RegistrationError
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher.gauges.stores import StoreGauges
from andon_worker.dispatcher.leader import Leader
from andon_worker.dispatcher.service import DispatcherService
from andon_worker.metrics import DispatcherMetrics, new_registry
from andon_worker.nursery.starting import declarations

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)
LOCK_SECONDS = 3
STUCK_SECONDS = 120.0
"""A dispatcher that should lead and has neither handled an entry nor found the bus empty for so long isn't ready."""


def load_functions(settings: Settings) -> tuple[Registry, str | None]:
    """What the functions' modules declare, found out by processes that import them and end; and which failed, and why.

    In place of a module that fails stands what it declared when it was last read: events that were accepted, and
    cancels, are not to vanish because of a mistake in a deploy. Raises `RegistrationError`, also for a function whose
    row can't be followed.
    """
    declared, failed = declarations(settings.functions)
    registry = Registry(declared, check_expression=check_expression, check_schedule=check_schedule)
    for doubt in [each.doubt for each in registry if each.doubt]:
        log.warning("%s", doubt)
    if failed:
        with psycopg.connect(settings.database_url) as connection:
            for each in stored.declared_before(connection, list(failed)):
                if registry.get(each.id) is None:
                    try:
                        registry.add(each)
                    except RegistrationError as error:
                        log.error("%s, as it was stored; it is left out", error)
    if any(each.subject is not None and each.subject.row is not None for each in registry):
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            subject_kinds.check(connection, registry)
    return registry, "; ".join(failed.values()) or None


def dispatcher(
    settings: Settings, registry: Registry, *, failed: str | None = None, tracing: Tracing | None = None
) -> DispatcherService:
    """A dispatcher, ready to be run; one that `failed` to read some functions leads only where no other does."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    leader = Leader(
        settings,
        registry,
        Database(settings.database_url, name="dispatcher", lock_seconds=LOCK_SECONDS),
        connect(settings.redis_url, name="dispatcher"),
        HintBroker(connect(settings.redis_url, name="dispatcher-hints")),
        Leadership(holder, seconds=settings.lease_seconds, patience=2 * settings.lease_seconds if failed else 0.0),
        DispatcherMetrics(new_registry()),
    )
    blocking = connect_blocking(settings.redis_url, name="dispatcher", bounded=True)
    return DispatcherService(leader, blocking, tracing, narrates=settings.step_log.lower() == "on")


def dispatcher_health(
    settings: Settings, functions: Registry, service: DispatcherService, *, failed: str | None = None
) -> HealthServer | None:
    """The dispatcher's probes and metrics, where a port is set; a standby is as ready as the leader."""
    if not settings.health_port:
        return None
    registry = service.metrics.registry
    service.metrics.watch(
        leads=lambda: service.leads, turn_age=lambda: service.turn_age, intake_age=lambda: service.stuck_for
    )
    handling = stalled("the intake of events", lambda: service.stuck_for, limit=STUCK_SECONDS)
    redis = connect(settings.redis_url, name="metrics")
    registry.register(StoreGauges(settings.database_url, redis, queues=functions.queues()))
    return HealthServer(
        settings.host,
        settings.health_port,
        live=stalled("the dispatcher's loop", lambda: service.turn_age),
        ready=lambda: "it is stopping" if service.stopping else failed or handling(),
        registry=registry,
        release=settings.release,
    )
