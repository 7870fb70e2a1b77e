"""Execute one claimed run: call the handler, and say what came of it. Writing that down is the caller's part."""

import asyncio
import datetime as dt
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.engine.declared.functions import Handler
from andon.engine.errors import Cancelled, DefinitionChanged, HandOver, LeaseLost, StepError, Suspend
from andon.engine.events import Event
from andon.engine.memos import describe, encode_result
from andon.engine.steps.retries import delay
from andon.engine.steps.step import Step
from andon.engine.steps.stepping import RunAsync
from andon.engine.steps.waiting import Waiting
from andon.engine.stops import Cause, Place, Stop
from andon.engine.tracebacks import threads_at

_CAUSES: dict[type[BaseException], Cause] = {HandOver: Cause.HAND_OVER, LeaseLost: Cause.LEASE_LOST}


@dataclass(frozen=True)
class Completed:
    """The handler returned this (JSON text)."""

    output: str


@dataclass(frozen=True)
class Failed:
    """The run has failed for good."""

    error: dict[str, Any]


@dataclass(frozen=True)
class Suspended:
    """The run waits: it sleeps, backs off before another try (`failed` is the handler's own error, if any), or is
    `waiting` for something to come."""

    seconds: float | None = None
    wake_at: dt.datetime | None = None
    failed: dict[str, Any] | None = None
    waiting: Waiting | None = None


@dataclass(frozen=True)
class Stopped:
    """The code was ordered to stop, and has. `where` it was when its time was over: `traceback` and `frames`."""

    cause: Cause
    where: Mapping[str, Any] = field(default_factory=dict, compare=False)


Outcome = Completed | Failed | Suspended | Stopped


def is_async(handler: Handler | None) -> bool:
    """Whether the handler is an `async def`: then it is given an `AsyncStep`."""
    return inspect.iscoroutinefunction(handler)


def execute(
    handler: Handler,
    event: Event,
    step: Step,
    stop: Stop,
    *,
    attempt: int,
    retries: int,
    run_async: RunAsync | None = None,
) -> Outcome:
    """Call the handler and name the outcome. An order to stop wins over whatever the handler did with it.

    But what was completed, or waits for a time, before it heard of a hand-over, stays so.
    """
    outcome = _call(handler, event, step, stop, attempt, retries, run_async)
    if stop.cause is None or isinstance(outcome, Stopped):
        return outcome
    settled = isinstance(outcome, Completed) or (isinstance(outcome, Suspended) and outcome.failed is None)
    if settled and stop.cause in {Cause.HAND_OVER, Cause.TIMEOUT}:
        return outcome
    return Stopped(stop.cause)


def _call(
    handler: Handler,
    event: Event,
    step: Step,
    stop: Stop,
    attempt: int,
    retries: int,
    run_async: RunAsync | None,
) -> Outcome:
    try:
        stop.raise_if_ordered()
        returned = _returned(handler, event, step, stop, run_async)
        step.finish()
        return Completed(encode_result(None, returned))
    except Suspend as suspend:
        return Suspended(suspend.seconds, suspend.wake_at, waiting=suspend.waiting)
    except BaseException as error:
        if isinstance(error, Cancelled):
            stop.order(Cause.CANCELLED)
        if (cause := stop.cause or _CAUSES.get(type(error))) is not None:
            return Stopped(cause, _where(error, cause))
        if isinstance(error, StepError | DefinitionChanged):
            return Failed(_describe_cause(error))
        described = describe(error)
        wait = delay(error, attempt, retries) if isinstance(error, Exception) else None
        return Failed(described) if wait is None else Suspended(seconds=wait, failed=described)


def _returned(handler: Handler, event: Event, step: Step, stop: Stop, run_async: RunAsync | None) -> Any:
    if not is_async(handler):
        with stop.user_code(Place.HANDLER):
            return handler(event, step)

    async def main() -> Any:
        with stop.user_code(Place.HANDLER, asyncio.current_task()):
            return await handler(event, step)

    assert run_async is not None
    return run_async(main())


def _where(error: BaseException, cause: Cause) -> dict[str, Any]:
    """Where a time-out struck is kept with its attempt. Nobody asks it of another stop, and it costs milliseconds."""
    if cause is not Cause.TIMEOUT:
        return {}
    struck = error
    while (behind := struck.__cause__ or struck.__context__) is not None:
        struck = behind
    where: dict[str, Any] = {
        "traceback": describe(error)["traceback"],
        "frames": describe(struck).get("frames", []),
    }
    return {**where, "threads": threads} if (threads := threads_at()) else where


def _describe_cause(error: Exception) -> dict[str, Any]:
    """A step's failure by what it failed with, also when it is recalled; else by itself."""
    if not isinstance(error, StepError):
        return describe(error)
    if error.described is not None:
        return error.described
    return describe(error if error.__cause__ is None else error.__cause__, error.step)
