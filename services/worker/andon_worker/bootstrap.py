"""Wire a worker process. Every dependency is an argument of what uses it; nothing here runs at import."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection, Engine

from andon.adapters.cel import check_expression
from andon.adapters.health import HealthServer, stalled
from andon.adapters.postgres.connect import OPTIONS, sqlalchemy_url
from andon.adapters.postgres.database import Database
from andon.adapters.redis.breaker import Breaker
from andon.adapters.redis.connect import connect, connect_blocking
from andon.adapters.redis.flags import FlagReader
from andon.engine.functions import Registry
from andon.engine.ports import Isolation
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.dispatcher.gauges import StoreGauges
from andon_worker.dispatcher.leadership import Leadership
from andon_worker.dispatcher.service import DispatcherService
from andon_worker.hosting import Hosts
from andon_worker.metrics import DispatcherMetrics, new_registry
from andon_worker.runner import Runner
from andon_worker.service import WorkerService

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing


def load_functions(settings: Settings) -> Registry:
    """Import and check the functions that this process knows."""
    return Registry.load(settings.functions, check_expression=check_expression)


def worker(
    settings: Settings,
    registry: Registry,
    *,
    isolation: Isolation | None = None,
    tracing: Tracing | None = None,
    hints: bool = True,
) -> tuple[WorkerService, Runner]:
    """A worker service, ready to be started, and what executes its runs; without `hints` it takes none itself."""
    redis = connect(settings.redis_url, name="worker")
    hosts = Hosts()
    runner = Runner(
        database=Database(settings.database_url, name="worker"),
        sessions=sessions(settings),
        redis=redis,
        flag_reader=FlagReader(redis),
        breaker=Breaker(),
        registry=registry,
        hosts=hosts,
        isolation=isolation,
        worker_id=f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}",
        lease=settings.lease_seconds,
        tracing=tracing,
        results_limit_bytes=settings.results_limit_bytes,
    )
    return WorkerService(settings, runner, _hints(settings) if hints else None), runner


def _hints(settings: Settings) -> HintBroker:
    return HintBroker(
        connect(settings.redis_url, name="worker-hints"), connect_blocking(settings.redis_url, name="worker-wake")
    )


def sessions(settings: Settings) -> Callable[[], Engine]:
    """The SQLAlchemy engine for `step.transaction`, made when it is first asked for."""

    @cache
    def engine() -> Engine:
        made = create_engine(
            sqlalchemy_url(settings.database_url),
            pool_size=settings.worker_threads,
            max_overflow=2,
            pool_pre_ping=True,
            connect_args={"application_name": "andon-step", **OPTIONS},
        )
        event.listen(made, "begin", _end_if_frozen)
        return made

    return engine


def _end_if_frozen(connection: Connection) -> None:
    """What a function's transaction has locked is not locked for ever. Said in each, for a pooler's sake."""
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '60s'")


def dispatcher(settings: Settings, registry: Registry, *, tracing: Tracing | None = None) -> DispatcherService:
    """A dispatcher, ready to be run."""
    holder = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    return DispatcherService(
        settings,
        registry,
        Database(settings.database_url, name="dispatcher"),
        connect(settings.redis_url, name="dispatcher"),
        connect_blocking(settings.redis_url, name="dispatcher"),
        HintBroker(connect(settings.redis_url, name="dispatcher-hints")),
        Leadership(holder, seconds=settings.lease_seconds),
        DispatcherMetrics(new_registry()),
        tracing,
    )


def worker_health(settings: Settings, service: WorkerService, runner: Runner) -> HealthServer | None:
    """The worker's probes and metrics, where a port is set."""
    if not settings.health_port:
        return None
    runner.metrics.watch(
        hosted=lambda: len(runner.hosts.all()), threads=settings.worker_threads, beat_age=lambda: service.beat_age
    )
    turning = stalled("the heartbeat", lambda: service.turn_age)
    return HealthServer(
        settings.host,
        settings.health_port,
        live=lambda: turning() or service.dead_threads(),
        ready=service.not_taking,
        registry=runner.metrics.registry,
        release=settings.release,
    )


def dispatcher_health(settings: Settings, functions: Registry, service: DispatcherService) -> HealthServer | None:
    """The dispatcher's probes and metrics, where a port is set; a standby is as ready as the leader."""
    if not settings.health_port:
        return None
    registry = service.metrics.registry
    service.metrics.watch(leads=lambda: service.leads, turn_age=lambda: service.turn_age)
    redis = connect(settings.redis_url, name="metrics")
    registry.register(StoreGauges(settings.database_url, redis, queues=functions.queues()))
    return HealthServer(
        settings.host,
        settings.health_port,
        live=stalled("the dispatcher's loop", lambda: service.turn_age),
        ready=lambda: "it is stopping" if service.stopping else None,
        registry=registry,
        release=settings.release,
    )
