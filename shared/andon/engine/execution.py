"""Execute one claimed run: call the handler, and say what came of it. Writing that down is the caller's part."""

from __future__ import annotations

import datetime as dt
import traceback
from dataclasses import dataclass
from typing import Any

from andon.engine.errors import Cancelled, DefinitionChanged, HandOver, LeaseLost, StepError, Suspend
from andon.engine.events import Event
from andon.engine.functions import Handler
from andon.engine.memos import describe, encode_result
from andon.engine.retries import delay
from andon.engine.steps import Step
from andon.engine.stops import Cause, StopSignal


@dataclass(frozen=True)
class Completed:
    """The handler returned this (JSON text)."""

    output: str


@dataclass(frozen=True)
class Failed:
    """The run has failed for good."""

    error: dict[str, Any]


@dataclass(frozen=True)
class WasCancelled:
    """The run was cancelled and its code has stopped."""


@dataclass(frozen=True)
class Suspended:
    """The run waits: a sleep, or the back-off before another try. `failed` is the handler's own error, if any."""

    seconds: float | None = None
    wake_at: dt.datetime | None = None
    failed: dict[str, Any] | None = None


@dataclass(frozen=True)
class HandedOver:
    """The process stops; the run goes back to the queue."""


@dataclass(frozen=True)
class Lost:
    """Another worker holds the run; nothing is written."""


Outcome = Completed | Failed | WasCancelled | Suspended | HandedOver | Lost


def execute(handler: Handler, event: Event, step: Step, stop: StopSignal, *, attempt: int, retries: int) -> Outcome:
    """Call the handler and name the outcome. A cancel or a lost lease wins over whatever the handler did with it."""
    outcome = _call(handler, event, step, attempt, retries)
    match stop.cause:
        case Cause.LEASE_LOST:
            return Lost()
        case Cause.CANCELLED:
            return WasCancelled()
    return outcome


def _call(handler: Handler, event: Event, step: Step, attempt: int, retries: int) -> Outcome:
    try:
        step.raise_if_stopped()
        returned = handler(event, step)
        step.finish()
        return Completed(encode_result("(result)", returned))
    except Suspend as suspend:
        return Suspended(suspend.seconds, suspend.wake_at)
    except HandOver:
        return HandedOver()
    except LeaseLost:
        return Lost()
    except Cancelled:
        return WasCancelled()
    except (StepError, DefinitionChanged) as error:
        return Failed(_describe_cause(error))
    except BaseException as error:
        described = describe(error)
        wait = delay(error, attempt, retries) if isinstance(error, Exception) else None
        return Failed(described) if wait is None else Suspended(seconds=wait, failed=described)


def _describe_cause(error: Exception) -> dict[str, Any]:
    step = error.step if isinstance(error, StepError) else None
    described = describe(error, step)
    if error.__cause__ is not None:
        described["type"] = type(error.__cause__).__name__
        described["traceback"] = "".join(traceback.format_exception(error.__cause__))[-8_000:]
    return described
