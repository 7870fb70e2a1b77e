"""Says in the worker's log what becomes of runs and steps, for whoever develops them: `ANDON_STEP_LOG`."""

from __future__ import annotations

import json
import logging
import time

from andon_worker.supervisor.hosting.hosting import Run
from andon_worker.supervisor.signals.hooks import Outcome

log = logging.getLogger(__name__)
MOST_SHOWN = 200


class NarratingHook:
    """A line for each run that begins or ends, and for each attempt at a step that ends."""

    def run_begins(self, run: Run) -> str | None:
        claimed = run.claimed
        again = claimed.attempt > 1 or bool(claimed.memos)
        event = f"{claimed.event.name} {json.dumps(dict(claimed.event.data), default=str)}"[:MOST_SHOWN]
        said = {**run.keys, "kind": claimed.kind, "trigger": event}
        log.info("run goes on" if again else "run started", extra=said)
        return None

    def step_ends(self, run: Run, outcome: Outcome, seconds: float) -> None:
        attempt = run.underway or run.latest
        if attempt is None:
            return
        said = {**run.keys, "step": attempt.name, "attempt": attempt.number, "seconds": round(seconds, 4)}
        if outcome in ("failed", "retrying"):
            log.warning("step %s", outcome, extra={**said, "error": run.failure, "retries": attempt.retries})
        else:
            log.info("step %s", outcome, extra=said)

    def lease_lost(self, run: Run) -> None:
        """Its end says so."""

    def run_ends(self, run: Run, status: str) -> None:
        said = {**run.keys, "kind": run.claimed.kind}
        if run.ordered_at and run.stopped_at:
            said["stopped_ms"] = max(round((run.stopped_at - run.ordered_at) * 1000), 0)
        if run.underway is not None and status == "cancelled":
            said["step"] = run.underway.name
        log.info("run %s", status, extra={**said, "seconds": round(time.monotonic() - run.taken_at, 3)})
