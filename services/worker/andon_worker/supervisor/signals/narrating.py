"""Says in the worker's log why runs fail; and for whoever develops them, what becomes of each: `ANDON_STEP_LOG`."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Any

from andon.engine.ports import Attempt
from andon.engine.steps.invoking import given
from andon_worker.supervisor.hosting.hosts import Run
from andon_worker.supervisor.signals.hooks import Hook, Outcome

log = logging.getLogger(__name__)
MOST_SHOWN = 200


class NarratingHook(Hook):
    """A line for each run that fails; with `everything`, for each that begins or ends, and each attempt that ends."""

    def __init__(self, *, everything: bool) -> None:
        self._everything = everything

    def run_begins(self, run: Run) -> str | None:
        if self._everything:
            claimed = run.claimed
            event = f"{claimed.event.name} {json.dumps(given(claimed.event.data), default=str)}"[:MOST_SHOWN]
            said = {**run.keys, "kind": claimed.kind, "trigger": event}
            log.info("run goes on" if _goes_on(run) else "run started", extra=said)
        return None

    def step_ends(self, run: Run, attempt: Attempt, outcome: Outcome, seconds: float) -> None:
        if not self._everything:
            return
        said = {**run.keys, "step": attempt.name, "attempt": attempt.number, "seconds": round(seconds, 4)}
        if outcome in ("failed", "retrying"):
            log.warning("step %s", outcome, extra={**said, "retries": attempt.retries, **_why(run.failure)})
        else:
            log.info("step %s", outcome, extra=said)

    def run_ends(self, run: Run, status: str) -> None:
        """Why it failed is said once: `told` where its step has said so already."""
        said = {**run.keys, "kind": run.claimed.kind}
        if not _goes_on(run):
            said["seconds"] = round(time.monotonic() - run.taken_at, 3)
        if status == "failed":
            told = run.failure is not None and _why(run.failure) == _why(run.error)
            log.error("run failed", extra={**said, **_why(run.error), "told": told})
        elif not self._everything:
            return
        elif status == "suspended" and run.error is not None:
            tries = {"attempt": run.claimed.attempt, "retries": run.declared.retries}
            log.warning("run retrying", extra={**said, **tries, **_why(run.error)})
        else:
            if run.ordered_at and run.stopped_at:
                said["stopped_ms"] = max(round((run.stopped_at - run.ordered_at) * 1000), 0)
            if run.underway is not None and status == "cancelled":
                said["step"] = run.underway.name
            log.info("run %s", status, extra=said)


def _goes_on(run: Run) -> bool:
    """Whether it was executed before, so that nobody here knows when it began."""
    return run.claimed.attempt > 1 or bool(run.claimed.memos)


def _why(error: Mapping[str, Any] | None) -> dict[str, str]:
    """An error in a line, and the newest line of one's own code in another."""
    if error is None:
        return {}
    said = {"error": f"{error.get('type')}: {error.get('message')}"}
    own = [each for each in error.get("frames", []) if each["own"]]
    if own:
        said["at"] = f"{own[-1]['file']}:{own[-1]['line']} in {own[-1]['function']}: {own[-1]['source']}"
    causes = [f"because of {each['type']}: {each['message']}" for each in error.get("causes", [])]
    if causes:
        said["causes"] = "\n".join(causes)
    return said
