"""What came of a run, written: its end, its next wait, or a failure in the place of a process that has died.

All of it is called in the loop's thread, and none of it waits: the ledger writes, and what follows is posted back.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.runs import cleanups, journal, leases, waits
from andon.adapters.postgres.runs.attempts import Attempted
from andon.adapters.postgres.runs.journal import Standing
from andon.adapters.postgres.runs.settle import Settled
from andon.engine.declared.gates import holds_while_waiting, is_limited
from andon.engine.errors import AndonError, StepTimeout
from andon.engine.events import Event
from andon.engine.memos import describe
from andon.engine.states import TERMINAL
from andon.engine.steps.retries import delay
from andon.engine.steps.stepping import failure
from andon.engine.stops import Cause
from andon.engine.tracebacks import frames_of_crash
from andon.scratch import remove
from andon_worker.nursery.starting import in_words
from andon_worker.supervisor.courier import Courier
from andon_worker.supervisor.hosting.hosts import Hosts, Run
from andon_worker.supervisor.hosting.lanes import Lane
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.ledger import Ledger, Refused, Settle, Unheld, Write
from andon_worker.supervisor.signals.hooks import Hooks

log = logging.getLogger(__name__)
SHORT_SECONDS = 60.0


class ProcessDied(AndonError):
    """A run's process died of its own code. The step is tried again like after any failure."""


class CleanupTimeout(AndonError):
    """A cleanup held its lane for too long. It isn't tried again by itself, which would take as long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The cleanup took longer than {seconds:g} s (ANDON_CLEANUP_SECONDS)")


class Endings:
    """Writes how runs end here. `closing` says that lanes end because the worker does."""

    def __init__(self, loop: Loop, ledger: Ledger, courier: Courier, hosts: Hosts, hooks: Hooks, scratch: Path) -> None:
        self._loop = loop
        self._ledger = ledger
        self._courier = courier
        self._hosts = hosts
        self._hooks = hooks
        self._scratch = scratch
        self.closing = False

    def scratch_of(self, lane: Lane) -> Path:
        """The folder below which its runs get their `TMPDIR`."""
        return self._scratch / str(lane.number)

    def clear_up(self, lane: Lane) -> None:
        """It is gone, and nobody uses its folder any more."""
        _remove(self.scratch_of(lane))

    def write(self, run: Run, status: int | None = None) -> None:
        """Write what came of the run. Its lane is free, or gone: `status` is how that ended, None with its nursery."""
        for timer in filter(None, (run.timeout, run.limit)):
            timer.cancel()
        end, body = run.end or ({}, b"")
        said = end.get("as")
        cause = run.cause or (Cause(end["cause"]) if said == "stopped" else None)
        if cause is Cause.LEASE_LOST:
            self.lost(run)
        elif cause is Cause.CANCELLED:
            self._settle(run, "cancelled")
        elif said == "completed":
            self._settle(run, "completed", output=body.decode())
        elif said == "failed":
            self._settle(run, "failed", error=end["error"])
        elif said == "suspended" and end.get("waiting") is not None:
            self._wait(run, end["waiting"])
        elif said == "suspended":
            wake_at = None if end["wake_at"] is None else dt.datetime.fromisoformat(end["wake_at"])
            failed = end["failed"]
            self._suspend(
                run, seconds=end["seconds"], wake_at=wake_at, failed=failed, attempted=_of_handler(run, failed)
            )
        elif cause is Cause.TIMEOUT and run.overdue is not None:
            self._settle(run, "failed", error=describe(CleanupTimeout(run.overdue)))
        elif cause is Cause.TIMEOUT and run.underway is not None:
            attempt = run.underway
            self._failed(run, StepTimeout(attempt.name, attempt.timeout or 0.0), end.get("where"))
        elif cause is None and status is None and not self.closing:
            self._abandon(run, "with the nursery, though each lane had a nurse")
        elif cause is not None or status is None:
            log.info("run %s is handed over", run.id, extra=run.keys)
            self._suspend(run, attempted=_handed_over(run))
        else:
            frames = frames_of_crash(run.output.errors.decode(errors="replace"))
            self._failed(run, ProcessDied(died(run, status)), {"frames": frames} if frames else None)

    def _failed(self, run: Run, error: Exception, where: Mapping[str, Any] | None = None) -> None:
        """Its process is gone by the fault of its code: the step's attempt has failed, or the handler's. `where` it was
        is more than this process knows.
        """
        attempt = run.underway
        if attempt is None:
            described, wait = describe(error), delay(error, run.claimed.attempt, run.declared.retries)
            if wait is None:
                self._settle(run, "failed", error=described)
            else:
                self._suspend(run, seconds=wait, failed=described, attempted=_of_handler(run, described))
            return
        described, wait = failure(attempt, error)
        described |= where or {}
        seconds = time.monotonic() - run.began
        run.failure = described
        self._hooks.step_ends(run, attempt, "failed" if wait is None else "retrying", seconds)

        def kept(answer: Standing | Refused | None) -> None:
            if isinstance(answer, Refused):
                self._settle(run, "failed", error=described)
            else:  # the handler hears of a failure for good in another process: by recalling it
                self._suspend(run, seconds=wait)

        held, final = run.holding, wait is None

        def write(connection: Connection) -> bool | Standing:
            return journal.keep_failure(connection, held, attempt, seconds, described, final=final)

        self._ledger.write(Write(self._posted(kept), held, "fail", write))

    def _posted(self, then: Callable[[Any], object]) -> Callable[[Any], object]:
        """What the ledger's thread calls with an answer: `then` gets it in the loop's."""
        return lambda answer: self._loop.post(lambda: then(answer))

    def _suspend(
        self,
        run: Run,
        *,
        seconds: float | None = None,
        wake_at: dt.datetime | None = None,
        failed: dict[str, Any] | None = None,
        attempted: Attempted | None = None,
    ) -> None:
        run.error = failed
        held, frees = run.holding, frees_its_slots(run, seconds, wake_at)
        door = run.pause_door if seconds is None and wake_at is None else None

        def write(connection: Connection) -> bool:
            return leases.suspend(
                connection,
                *held,
                seconds=seconds,
                wake_at=wake_at,
                failed=failed,
                attempted=attempted,
                frees=frees,
                door=door,
            )

        self._ledger.write(Write(self._posted(lambda answer: self._suspended(run, answer)), held, "suspend", write))

    def _suspended(self, run: Run, answer: Standing | Refused | None) -> None:
        if answer is None:
            self._finished(run, "suspended")
        elif answer == "cancelled":
            self._settle(run, "cancelled")
        else:
            self.lost(run)

    def _wait(self, run: Run, waiting: dict[str, Any]) -> None:
        def written(answer: list[Event] | Standing | Refused) -> None:
            if isinstance(answer, list):
                self._courier.publish(answer)
                self._suspended(run, None)
            elif isinstance(answer, Refused):
                refused = describe(ValueError(f"Step {waiting['name']!r} can't wait: {answer}"))
                self._settle(run, "failed", error=refused)
            else:
                self._suspended(run, answer)

        held, trace, frees = run.holding, run.trace, frees_its_slots(run, float("inf"), None)
        write = Write(
            self._posted(written), held, "wait", lambda c: waits.suspend(c, held, waiting, trace, frees=frees)
        )
        self._ledger.write(write)

    def _abandon(self, run: Run, how: str) -> None:
        """It is lost, and nobody knows by whose fault: so it counts as a lost worker does."""
        log.warning("run %s is lost %s", run.id, how, extra=run.keys)
        held, done = run.holding, self._posted(lambda _: self._finished(run, "lost"))
        self._ledger.write(Write(done, held, "abandon", lambda c: leases.abandon(c, *held), minds_cancel=False))

    def _settle(self, run: Run, status: str, *, output: str | None = None, error: dict[str, Any] | None = None) -> None:
        run.error = error

        def written(answer: Settled | Standing | Refused) -> None:
            if isinstance(answer, Settled):
                if answer.status in TERMINAL:
                    self._courier.tell(answer)
                else:
                    self._courier.announce(answer.run_id, answer.subject_id)
                self._finished(run, answer.status)
            elif not isinstance(answer, Refused) or status == "failed":
                self.lost(run)
            elif answer.of_value:
                self._settle(run, "failed", error=describe(ValueError(f"The run's result can't be kept: {answer}")))
            else:
                self._abandon(run, f"at its end, which is refused: {answer}")

        step = (run.underway.name, run.began) if run.underway else None
        frees = is_limited(run.declared)
        settle = Settle(self._posted(written), run.holding, status, output, error, run.stopped_at, step, frees)
        self._ledger.write(settle)

    def lost(self, run: Run) -> None:
        """It is somebody else's, and its code has ended here."""
        self.let_go(run)
        self.given_up(run)

    def let_go(self, run: Run) -> None:
        """Its code has ended: if it was settled by force, its cleanup waits for that."""
        held = run.holding
        self._ledger.write(Unheld(lambda _: None, lambda connection: cleanups.let_go(connection, [held])))

    def given_up(self, run: Run) -> None:
        """It is somebody else's, and its code may go on."""
        self._hooks.lease_lost(run)
        log.warning("run %s is lost: another worker holds it", run.id, extra=run.keys)
        self._finished(run, "lost")

    def _finished(self, run: Run, status: str) -> None:
        self._courier.run_errand(lambda: self._clear_up(run, status))
        self._hosts.remove(run)
        run.done()

    def _clear_up(self, run: Run, status: str) -> None:
        """In the courier's thread: what nobody waits for."""
        self._hooks.run_ends(run, status)
        if run.litter is not None:
            _remove(run.litter)


def _remove(folder: Path) -> None:
    if folder.exists():
        threading.Thread(target=remove, args=[folder], daemon=True).start()


def _of_handler(run: Run, failed: dict[str, Any] | None) -> Attempted | None:
    """The handler's own attempt, if it has failed."""
    if failed is None:
        return None
    return Attempted(None, run.claimed.attempt, "failed", time.monotonic() - run.taken_at)


def _handed_over(run: Run) -> Attempted | None:
    """What was cut short because the worker ends."""
    if run.underway is None:
        return None
    return Attempted(run.underway.name, run.underway.number, "handed over", time.monotonic() - run.began)


def frees_its_slots(run: Run, seconds: float | None, wake_at: dt.datetime | None) -> bool:
    """Whether a run gives back its slots now that it waits: when its function says so, and not for a short moment."""
    if run.claimed.kind != "function" or holds_while_waiting(run.declared):
        return False
    return wake_at is not None or (seconds or 0.0) >= SHORT_SECONDS


def died(run: Run, status: int) -> str:
    """How a run's process died, in words; `status` is `waitpid`'s."""
    where = f"The process of step {run.underway.name!r}" if run.underway else "The process of the run"
    if run.killed_for is not None:
        return f"{where} was ended: {run.killed_for}"
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"{where} ended with exit code {code}"
    return f"{where} died by {in_words(code)}" + (" (out of memory?)" if code == -9 else "")
