"""What can go wrong, one class each; and the control flow that is no error.

`StepError` and its kin are exceptions that a handler may catch. The classes under `ControlFlow` are
`BaseException`s: they unwind a handler or a step body, and a broad `except Exception` doesn't eat them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from andon.engine.steps.waiting import Waiting
from typing import Any


class AndonError(Exception):
    """The base of every error that Andon raises; its client has one of its own, `AndonApiError`."""


class RegistrationError(AndonError):
    """A function can't be registered; the message names it."""


class EventError(AndonError):
    """An event breaks the contract; the message names the field and what was expected."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(f"{field}: {message}")


class StepError(AndonError):
    """A step has failed for good. `code` tells why: `FAILED`, `CANCELLED`, `TIMEOUT`, `RESULT`,
    `CHILD_FAILED`, `CHILD_CANCELLED`, `UNKNOWN_FUNCTION`, `LOOK_BACK`."""

    def __init__(self, message: str, *, step: str | None = None, code: str = "FAILED") -> None:
        self.step = step
        self.code = code
        self.described: dict[str, Any] | None = None
        """What is kept of it."""
        super().__init__(message)


class Cancelled(StepError):
    """The run is cancelled. Catching it is optional; every later step call raises it again."""

    def __init__(self, step: str | None = None) -> None:
        super().__init__("The run was cancelled", step=step, code="CANCELLED")


class StepTimeout(StepError):
    """The step took longer than its `timeout`. It is retried like any failure."""

    def __init__(self, step: str, seconds: float) -> None:
        super().__init__(f"Step {step!r} took longer than {seconds:g} s", step=step, code="TIMEOUT")


class InvalidResult(StepError):
    """A step or handler returned something that can't be a memo. Never retried: it would return it again."""

    def __init__(self, step: str | None, message: str) -> None:
        super().__init__(message, step=step, code="RESULT")


class QueueFull(StepError):
    """As many of the tenant's runs wait as may: the step sends when fewer do, and is tried again until then."""

    def __init__(self, step: str, most: int) -> None:
        message = f"Step {step!r}: {most:,} runs of the tenant wait already (ANDON_QUEUED_RUNS_LIMIT); cancel some"
        super().__init__(message, step=step, code="QUEUE_FULL")


class ChildFailed(StepError):
    """The run that a step has invoked has failed, or can't be made. Never retried: its function has retried it."""


class ChildCancelled(StepError):
    """The run that a step has invoked was cancelled."""


class NonRetriable(AndonError):
    """Raise it in a step: the step has failed, and trying again is no use."""


class RetryAfter(AndonError):
    """Raise it in a step: it is tried again after `seconds`, while attempts are left."""

    def __init__(self, seconds: float, message: str = "") -> None:
        self.seconds = seconds
        super().__init__(message or f"Retry after {seconds:g} s")


class DefinitionChanged(AndonError):
    """The code no longer fits what the run has done: a finished step is unknown or has moved."""


class ControlFlow(BaseException):
    """The base of what unwinds a handler without being an error."""


class Suspend(ControlFlow):
    """The run gives its process back until `wake_at`, for `seconds` of the database's clock, or while `waiting`."""

    def __init__(
        self, *, seconds: float | None = None, wake_at: dt.datetime | None = None, waiting: Waiting | None = None
    ) -> None:
        self.seconds = seconds
        self.wake_at = wake_at
        self.waiting = waiting
        super().__init__("suspended")


class HandOver(ControlFlow):
    """The process is stopping: the run goes back to the queue, no attempt counted."""


class LeaseLost(ControlFlow):
    """Another worker holds this run now; nothing that this one writes counts."""


class Interrupted(ControlFlow):
    """Delivered into a step body to end it. Let it pass; release what you hold in `finally`."""
