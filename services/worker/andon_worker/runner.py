"""Follow a hint: claim the run, execute it, write what came of it."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis import Redis
from sqlalchemy.engine import Engine

from andon.adapters.postgres import runs
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.journal import RESULTS_LIMIT_BYTES, PostgresJournal, complete_together
from andon.adapters.postgres.runs import Claimed
from andon.adapters.postgres.settle import Settled, settle_held
from andon.adapters.redis import bus, live
from andon.adapters.redis.breaker import Breaker
from andon.adapters.redis.flags import FlagCheck, FlagReader
from andon.engine.execution import (
    Completed,
    Failed,
    HandedOver,
    Lost,
    Outcome,
    Suspended,
    WasCancelled,
    execute,
)
from andon.engine.functions import Function, Handler, Registry
from andon.engine.ports import Isolation
from andon.engine.rules import flag_name, run_flag
from andon.engine.steps import Step
from andon.engine.stops import Cause
from andon_worker.hosting import Hosted, Hosts
from andon_worker.metrics import WorkerMetrics, new_registry
from andon_worker.observing import run_observed, show_end, step_observer

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

log = logging.getLogger(__name__)
UNKNOWN_FUNCTION_SECONDS = 5.0


@dataclass
class Runner:
    """Everything that executing a run needs. Called from Dramatiq's worker threads."""

    database: Database
    sessions: Callable[[], Engine]
    redis: Redis
    flag_reader: FlagReader
    breaker: Breaker
    registry: Registry
    hosts: Hosts
    isolation: Isolation | None
    worker_id: str
    lease: float
    tracing: Tracing | None = None
    results_limit_bytes: int = RESULTS_LIMIT_BYTES
    closing: bool = False
    metrics: WorkerMetrics = field(default_factory=lambda: WorkerMetrics(new_registry()))

    def __post_init__(self) -> None:
        self._together = complete_together(self.database)

    def follow(self, run_id: uuid.UUID, *, alone: bool = False) -> None:
        """Follow a hint of this run: execute the one whose turn it is, if any is ready."""
        if self.closing:
            self.database.run(lambda connection: runs.offer_again(connection, run_id, alone=alone))
            return
        run = self._claim(run_id, alone)
        if run is None:
            return
        function = self.registry.get(run.function_id)
        assert function is None or isinstance(function, Function)
        with self.hosts.host(run, _flags(run, function)) as hosted, run_observed(run, self.tracing):
            if function is None:
                self._write(hosted, _unknown(run), 0.0)
                return
            outcome = self._execute(hosted, function)
            self._write(hosted, outcome, time.monotonic())

    def _claim(self, run_id: uuid.UUID, alone: bool) -> Claimed | None:
        return self.database.insist(
            lambda connection: runs.claim(
                connection,
                run_id,
                worker=self.worker_id,
                lease=self.lease,
                alone=alone,
                hosted=[each.run.id for each in self.hosts.all()],  # never a run whose body is still here
            ),
            give_up=lambda: self.closing,
        )

    def _execute(self, hosted: Hosted, function: Function) -> Outcome:
        run = hosted.run
        if self.closing:
            hosted.stop.set(Cause.HAND_OVER)
        journal = PostgresJournal(
            self.database,
            self.sessions,
            self._together,
            run.id,
            run.fence,
            hosted.stop,
            results_limit_bytes=self.results_limit_bytes,
        )
        hosted.step = Step(
            memos=run.memos,
            retries=function.retries,
            stop=hosted.stop,
            journal=self.metrics.timed(journal, run.function_id),
            cancel_check=FlagCheck(
                self.flag_reader,
                self.breaker,
                hosted.flags,
                run.event.seq,
                ask_postgres=lambda: self._is_marked(hosted),
                clear_at=lambda: journal.clear_at,
            ),
            isolation=self.isolation,
            observe=step_observer(self.tracing),
            run_id=str(run.id),
            fence=run.fence,
            attempt=run.attempt,
            parent_run_id=str(run.parent_run_id) if run.parent_run_id else None,
        )
        return execute(
            _handler(function, run.kind),
            run.event,
            hosted.step,
            hosted.stop,
            attempt=run.attempt,
            retries=function.retries,
        )

    def _is_marked(self, hosted: Hosted) -> bool:
        """Ask Postgres whether the run is cancelled; while it is away too, no step starts unchecked."""
        found = self.database.insist(
            lambda connection: connection.execute(
                "SELECT cancel_requested_at IS NOT NULL FROM andon.runs WHERE id = %s AND fence = %s",
                [hosted.run.id, hosted.run.fence],
            ).fetchone(),
            give_up=lambda: hosted.stop.cause is not None,
        )
        if found is None:
            hosted.stop.set(Cause.LEASE_LOST)
        return bool(found and found[0])

    def _write(self, hosted: Hosted, outcome: Outcome, ended: float) -> None:
        """Write the outcome under the fence, then tell the others."""
        match outcome:
            case Completed(output):
                self._settle(hosted, "completed", ended, output=output)
            case Failed(error):
                log.error("run %s failed: %s", hosted.run.id, error["message"])
                self._settle(hosted, "failed", ended, error=json.dumps(error))
            case WasCancelled():
                self._settle(hosted, "cancelled", ended)
            case Suspended():
                self._suspend(hosted, outcome, ended)
            case HandedOver():
                log.info("run %s is handed over", hosted.run.id)
                self._suspend(hosted, Suspended(), ended)
            case Lost():
                self.metrics.lease_losses.inc()
                log.warning("run %s is lost: another worker holds it", hosted.run.id)

    def _suspend(self, hosted: Hosted, wait: Suspended, ended: float) -> None:
        run = hosted.run
        kept = self.database.insist(
            lambda connection: runs.suspend(
                connection, run.id, run.fence, seconds=wait.seconds, wake_at=wait.wake_at, failed=wait.failed
            )
        )
        if not kept:
            self._settle(hosted, "cancelled", ended)  # cancelled meanwhile; or lost, and then this does nothing

    def _settle(
        self, hosted: Hosted, status: str, ended: float, *, output: str | None = None, error: str | None = None
    ) -> None:
        run = hosted.run
        settled = self.database.insist(
            lambda connection: settle_held(
                connection,
                run_id=run.id,
                fence=run.fence,
                report_id=run.report_id,
                status=status,
                output=output,
                error=error,
                stopped_seconds_ago=time.monotonic() - ended if ended else 0.0,
            )
        )
        if settled is None:
            self.metrics.lease_losses.inc()
            log.warning("run %s: its end as %s was not written; another worker holds it", run.id, status)
            return
        self.tell([settled])
        if self.tracing is not None:
            show_end(self.tracing, self.database, run.id, settled.status)

    def tell(self, settled: Sequence[Settled]) -> None:
        """Publish what has ended; what Redis doesn't take now, the outbox relays."""
        events = [each.event for each in settled if each.event]
        pipe = self.redis.pipeline(transaction=False)
        bus.add(pipe, events)
        live.add(pipe, [(each.run_id, each.report_id) for each in settled])
        self.breaker.call(pipe.execute)
        self.metrics.runs.count(self.database, settled)


def _flags(run: Claimed, function: Function | None) -> tuple[str, ...]:
    rules = function.cancel_on if function and run.kind == "function" else ()
    named = (flag_name(run.tenant, run.function_id, rule, run.event.data) for rule in rules)
    return (run_flag(run.id), *(name for name in named if name))


def _handler(function: Function, kind: str) -> Handler:
    hook = {"on_cancel": function.on_cancel, "on_failure": function.on_failure}.get(kind, function.handler)
    return hook if hook is not None else lambda _event, _step: None


def _unknown(run: Claimed) -> Suspended:
    log.error("run %s: no function %r is registered here; set ANDON_FUNCTIONS", run.id, run.function_id)
    return Suspended(seconds=UNKNOWN_FUNCTION_SECONDS)
