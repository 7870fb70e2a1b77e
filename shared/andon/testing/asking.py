"""What a function makes of events, told at once: what starts, under which tags, what its limits let through."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from heapq import merge
from itertools import islice

from andon.adapters.cel import any_holds, check_expression, value_of
from andon.adapters.cron import check_schedule, ticks
from andon.adapters.keying import value_under
from andon.engine.declared import tags
from andon.engine.declared.functions import Function, Registry
from andon.engine.dispatch.ticks import tick_event
from andon.engine.events import Event
from andon.simulation import Passed, Simulation


def starts(function: Function, event: Event) -> bool:
    """Whether `event` would start a run of the function: one of its triggers covers the event and holds.

    Raises `RegistrationError` for a function that would be refused.
    """
    found = Registry([function], check_expression=check_expression, check_schedule=check_schedule).starts(event.name)
    return any(any_holds(each.conditions, event)[0] for each in found)


def tags_of(function: Function, event: Event) -> list[str]:
    """The tags that a run of this event would have."""
    return tags.tags_of(_registered(function).tags, event, value_of)[0]


def started_by(function: Function, events: Sequence[Event]) -> list[Event]:
    """Those of the events that would start a run, sent closely and in this order, while no run is cancelled or fails:
    as triggers, idempotency and debounce decide.
    """
    found: dict[object, Event] = {}
    once, debounce = function.idempotency, function.debounce
    for place, event in enumerate(each for each in events if starts(function, each)):
        key: object = None if once is None else value_under(once, event)
        if debounce is not None:
            found.pop(key := ("", value_under(debounce.key, event)), None)
        found.setdefault(place if key is None else key, event)
    return list(found.values())


def flow(
    function: Function,
    events: Sequence[Event | tuple[float, Event]],
    *,
    seconds: float | Callable[[Event], float] = 60.0,
) -> list[Passed]:
    """What would become of events, each of which comes so many seconds after the beginning, or at it, if each run took
    so many `seconds`: by the function's triggers and cancel rules, and all that it says of how its runs flow.

    Pauses are left out; so is that code needs time to stop.
    """
    timed = [each if isinstance(each, tuple) else (0.0, each) for each in events]
    takes = seconds if callable(seconds) else lambda _: float(seconds)
    return Simulation(function, takes).follow(timed)


def ticks_of(function: Function, after: dt.datetime, count: int) -> list[dt.datetime]:
    """The next `count` ticks of a function's schedules after a moment, in UTC, without their jitter."""
    every = (ticks(each.expr, each.tz, after) for each in _registered(function).schedules)
    return list(islice(merge(*every), count))


def tick_of(function: Function, at: dt.datetime) -> Event:
    """The event that the function's first schedule sends for the tick `at`; `run_function` takes it."""
    [cron, *_] = _registered(function).schedules
    return tick_event(cron, function.id, at)


def _registered(function: Function) -> Function:
    Registry([function], check_expression=check_expression, check_schedule=check_schedule)
    return function
