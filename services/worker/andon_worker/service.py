"""A worker process: Dramatiq's threads, a heartbeat, a watcher, an interrupter; and how they stop."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from functools import partial

import dramatiq
from dramatiq import Worker

from andon.adapters.postgres import runs
from andon.adapters.redis import flags
from andon.adapters.redis.connect import connect_blocking
from andon.adapters.redis.live import announce
from andon.engine.functions import Registry
from andon.engine.lines import ALONE, URGENT
from andon.engine.stops import Cause
from andon.settings import Settings, SettingsError
from andon_worker.alone import AloneProcesses
from andon_worker.broker import ACTOR, ALONE_ACTOR, HintBroker
from andon_worker.heartbeat import Heartbeat
from andon_worker.hosting import Hosted
from andon_worker.lanes import Lanes
from andon_worker.runner import Runner

log = logging.getLogger(__name__)
IDLE_MILLISECONDS = 1000


def served(settings: Settings, registry: Registry) -> list[str]:
    """The queues that a worker takes runs of: those of `ANDON_QUEUES`, or all.

    Raises `SettingsError` for one that no function has: such a worker would idle, and the runs would wait.
    """
    known = registry.queues()
    unknown = sorted(set(settings.queues) - set(known))
    if unknown:
        raise SettingsError(f"ANDON_QUEUES names {unknown[0]!r}, and no function has that queue: {', '.join(known)}")
    return sorted(set(settings.queues)) or known


class WorkerService:
    """Start it, wait until it is asked to stop, and stop it; runs that don't end in time are handed over."""

    def __init__(self, settings: Settings, runner: Runner, broker: HintBroker | None) -> None:
        """Without a broker it takes no hints: somebody calls the runner."""
        self._settings = settings
        self._runner = runner
        self._alone = AloneProcesses()
        self._lanes = Lanes()
        self._asked = threading.Event()
        self._heartbeat = Heartbeat(
            runner.database,
            runner.hosts,
            interval=settings.heartbeat_seconds,
            lease=settings.lease_seconds,
            changed=self._announce,
            stuck=self.ask_to_stop,
        )
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="andon-watcher")
        self._broker = broker
        self._worker = self._declare(broker) if broker else None

    def _declare(self, broker: HintBroker) -> Worker:
        dramatiq.set_broker(broker)

        def execute_run(run_id: str) -> None:
            self._lanes.run(lambda: self._runner.follow(uuid.UUID(run_id)))

        def execute_run_alone(run_id: str) -> None:
            if self._runner.closing:
                self._runner.follow(uuid.UUID(run_id), alone=True)  # which offers it to another
            else:
                self._alone.execute(run_id)

        queues = served(self._settings, self._runner.registry)
        dramatiq.actor(actor_name=ACTOR, broker=broker, queue_name=queues[0])(execute_run)
        dramatiq.actor(actor_name=ALONE_ACTOR, broker=broker, queue_name=queues[0] + ALONE)(execute_run_alone)
        for queue in queues:
            for suffix in ("", URGENT, ALONE):
                broker.declare_queue(queue + suffix)
        worker = Worker(broker, worker_threads=self._settings.worker_threads, worker_timeout=IDLE_MILLISECONDS)
        worker.queue_prefetch = self._settings.worker_threads  # more would park runs behind long ones
        return worker

    def start(self) -> None:
        """Take runs from now on."""
        self._runner.hosts.interrupter.start()
        self._heartbeat.start()
        self._watcher.start()
        if self._worker:
            self._worker.start()
        log.info("worker %s is ready", self._runner.worker_id)

    def ask_to_stop(self) -> None:
        """Make `wait` return; from any thread or a signal handler."""
        self._asked.set()

    def wait(self) -> None:
        """Block until asked to stop."""
        while not self._asked.wait(1.0):
            pass

    def stop(self) -> bool:
        """Take nothing new, let steps reach their boundary or interrupt them, hand the runs back.

        False if code is left that doesn't end: its runs are handed back all the same, and the process must exit.
        """
        deadline = time.monotonic() + self._settings.shutdown_seconds
        hosts = self._runner.hosts
        if self._broker:
            self._broker.taking = False
        self._runner.closing = True
        self._alone.terminate()
        hosts.stop_all(Cause.HAND_OVER, hurry=False)
        clean = hosts.wait_until_empty(min(self._settings.step_grace_seconds, self._settings.shutdown_seconds))
        if not clean:
            hosts.stop_all(Cause.HAND_OVER, hurry=True)
            clean = hosts.wait_until_empty(max(deadline - time.monotonic(), 0.1))
        for left in hosts.all():
            log.error("run %s: its code doesn't stop; it is handed over", left.run.id, extra={"run": str(left.run.id)})
            self._runner.database.run(partial(runs.suspend, run_id=left.run.id, fence=left.run.fence))
        self._heartbeat.close()
        self._runner.hosts.interrupter.close()
        if clean and self._worker:
            self._worker.stop(timeout=int(max(deadline - time.monotonic(), 1.0) * 1000))
        if clean:
            self._runner.database.close()
        return clean

    @property
    def beat_age(self) -> float:
        """Seconds since a heartbeat succeeded."""
        return time.monotonic() - self._heartbeat.last_beat

    @property
    def turn_age(self) -> float:
        """Seconds since the heartbeat's loop turned; it turns while the database is away, too."""
        return time.monotonic() - self._heartbeat.last_turn

    def dead_threads(self) -> str | None:
        """Which of the threads that take runs have ended, in a sentence; None when all is well."""
        if self._asked.is_set() or self._worker is None:
            return None
        threads = [*self._worker.consumers.values(), *self._worker.workers]
        dead = sum(not thread.is_alive() for thread in threads)
        return f"{dead} of {len(threads)} threads that take runs have ended" if dead else None

    def not_taking(self) -> str | None:
        """Why it takes no runs; None when it does."""
        return "it is stopping" if self._asked.is_set() or self._runner.closing else None

    def _watch(self) -> None:
        flags.watch(
            connect_blocking(self._settings.redis_url, name="worker-watcher"),
            self._runner.hosts.raised,
            self._heartbeat.beat_now,
            self._asked.is_set,
        )

    def _announce(self, changed: Sequence[Hosted]) -> None:
        if changed:
            pairs = [(each.run.id, each.run.report_id) for each in changed]
            self._runner.breaker.call(lambda: announce(self._runner.redis, pairs))
