"""Wire a worker process. Every dependency is an argument of what uses it; nothing here runs at import."""

from __future__ import annotations

import os
import socket
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from andon.adapters.health import HealthServer, stalled
from andon.adapters.postgres.access.room import Room
from andon.adapters.postgres.database import Database
from andon.adapters.redis.connect import connect, connect_blocking
from andon.adapters.redis.flags import FlagReader
from andon.scratch import make_scratch
from andon.settings import Settings
from andon_worker.broker import HintBroker
from andon_worker.metrics import new_registry
from andon_worker.supervisor.courier import Courier
from andon_worker.supervisor.endings import Endings
from andon_worker.supervisor.executing import Executing
from andon_worker.supervisor.hosting.hosts import Hosts
from andon_worker.supervisor.hosting.lanes import Lanes
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.ledger import Ledger
from andon_worker.supervisor.memory_limits import MemoryWatch
from andon_worker.supervisor.output.logbook import Logbook
from andon_worker.supervisor.service import WorkerService
from andon_worker.supervisor.signals.hooks import Hook, Hooks
from andon_worker.supervisor.signals.metrics import WorkerMetrics
from andon_worker.supervisor.signals.narrating import NarratingHook
from andon_worker.supervisor.signals.tracing import TracingHook

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

SPARES = 4
"""Lanes that are ready for whatever comes: making one takes some milliseconds."""


def worker(settings: Settings, *, tracing: Tracing | None = None) -> tuple[WorkerService, HealthServer | None]:
    """A worker's supervisor, ready to be run, and its probes where a port is set."""
    # One connection for each thread that asks: leases, what steps say, what becomes of runs, what of both is large,
    # what runs say.
    databases = [Database(settings.database_url, name="worker") for _ in range(5)]
    _, answering, moving, storing, keeping = databases
    redis = connect(settings.redis_url, name="worker")
    metrics = WorkerMetrics(new_registry())
    hooks: list[Hook] = [metrics, NarratingHook(everything=settings.step_log.lower() == "on")]
    scratch = make_scratch("lanes", Path(tempfile.gettempdir()))
    worker_id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
    loop, hosts = Loop(), Hosts()

    def ledger(database: Database, name: str, large: Ledger | None = None) -> Ledger:
        return Ledger(
            database,
            name=name,
            worker=worker_id,
            lease=settings.lease_seconds,
            functions=lambda: service.functions,
            hosted=lambda: [each.id for each in hosts.all()],
            finish=lambda: service.finish_seconds,
            large=large,
        )

    large = ledger(storing, "andon-large")
    results = ledger(answering, "andon-results", large)
    moves = ledger(moving, "andon-moves", large)
    if tracing is not None:
        hooks.append(TracingHook(tracing, moves))
    courier = Courier(redis, FlagReader(redis), metrics.runs)
    logbook = Logbook(keeping, courier.said)
    lanes = Lanes(
        loop,
        spares=min(SPARES, settings.at_once),
        idle=settings.at_once,
        watch=lambda lane: executing.watch(lane),
        unwatch=lambda lane: executing.unwatch(lane),
        ended=lambda lane, status: executing.lane_ended(lane, status),
    )
    all_hooks = Hooks(hooks)
    endings = Endings(loop, moves, courier, hosts, all_hooks, scratch)
    executing = Executing(
        loop,
        lanes,
        results,
        courier,
        logbook,
        hosts,
        all_hooks,
        endings,
        results_limit=settings.results_limit_bytes,
        cleanup_seconds=settings.cleanup_seconds,
        room=Room(settings.queued_runs_limit),
    )
    service = WorkerService(
        settings,
        loop=loop,
        hosts=hosts,
        lanes=lanes,
        results=results,
        moves=moves,
        large=large,
        courier=courier,
        logbook=logbook,
        executing=executing,
        memory=MemoryWatch(loop, hosts, executing),
        databases=databases,
        broker=HintBroker(
            connect(settings.redis_url, name="worker-hints"), connect_blocking(settings.redis_url, name="worker-wake")
        ),
        scratch=scratch,
        worker_id=worker_id,
    )
    metrics.watch(hosted=lambda: len(hosts.all()), lanes=settings.at_once, beat_age=lambda: service.beat_age)
    return service, health(settings, service, metrics)


def health(settings: Settings, service: WorkerService, metrics: WorkerMetrics) -> HealthServer | None:
    """The worker's probes and metrics, where a port is set."""
    if not settings.health_port:
        return None
    turning = stalled("the heartbeat or the loop", lambda: service.turn_age)
    return HealthServer(
        settings.host,
        settings.health_port,
        live=lambda: turning() or service.dead_threads(),
        ready=service.not_taking,
        registry=metrics.registry,
        release=settings.release,
    )
