"""What others see of runs and steps while they go on: metrics and traces are told by the same few calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from andon.engine.ports import Attempt
    from andon_worker.supervisor.hosting.hosts import Run

Outcome = Literal["completed", "failed", "retrying", "cancelled"]


class Hook:
    """Told in the worker's threads; must be quick and raise nothing. Who derives from it says what concerns it."""

    def run_begins(self, run: Run) -> str | None:
        """A run was claimed; returns the traceparent of what is traced of it, if anything is."""

    def step_ends(self, run: Run, attempt: Attempt, outcome: Outcome, seconds: float) -> None:
        """An attempt at a step, or at a branch of one, has ended; `run.failure` says why where it has failed."""

    def lease_lost(self, run: Run) -> None:
        """Another holds it now."""

    def run_ends(self, run: Run, status: str) -> None:
        """Its end is written; `status` is also `suspended` or `lost`."""


class Hooks:
    """All of them, as one."""

    def __init__(self, hooks: Sequence[Hook]) -> None:
        self._hooks = hooks

    def run_begins(self, run: Run) -> str | None:
        return next(filter(None, [each.run_begins(run) for each in self._hooks]), None)

    def step_ends(self, run: Run, attempt: Attempt, outcome: Outcome, seconds: float) -> None:
        for each in self._hooks:
            each.step_ends(run, attempt, outcome, seconds)

    def lease_lost(self, run: Run) -> None:
        for each in self._hooks:
            each.lease_lost(run)

    def run_ends(self, run: Run, status: str) -> None:
        for each in self._hooks:
            each.run_ends(run, status)
