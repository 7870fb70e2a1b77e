"""Ticks of a schedule: which get a run, and which were missed."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from andon.engine.declared.triggers import Cron, schedule_id
from andon.engine.events import CRON, Event

GRACE = dt.timedelta(minutes=1)
"""A tick that is late by less isn't missed."""
MOST_CAUGHT_UP = 100
MOST_COUNTED = 50_000
"""Of ticks that were missed; who was away for longer is told of so many."""


@dataclass(frozen=True)
class Plan:
    """What to do about the ticks that are due. Each of `run` gets a run, the oldest first."""

    run: list[dt.datetime]
    missed: int
    """How many were late by more than the grace, and get none of their own."""
    last: dt.datetime
    """The newest that is due."""


def plan(cron: Cron, function_id: str, due: Iterable[dt.datetime], now: dt.datetime) -> Plan:
    """Which of the ticks get a run. The first of `due` is, and so are those after it whose time has come by now."""
    found: list[dt.datetime] = []
    for tick in due:
        if found and (tick + delay(cron, function_id, tick) > now or len(found) == MOST_COUNTED):
            break
        found.append(tick)
    late = [each for each in found if now - each - delay(cron, function_id, each) >= GRACE]
    if not late:
        return Plan(found, 0, found[-1])
    if cron.catch_up == "all":
        return Plan(found[-MOST_CAUGHT_UP:], len(found[:-MOST_CAUGHT_UP]), found[-1])
    in_time = found[len(late) :]
    return Plan(found[-1:] if cron.catch_up == "once" else in_time, len(late), found[-1])


def delay(cron: Cron, function_id: str, tick: dt.datetime) -> dt.timedelta:
    """How late a tick takes effect: a part of the jitter that is the same whoever asks, and whenever."""
    if not cron.jitter:
        return dt.timedelta(0)
    said = f"{schedule_id(function_id, cron.expr, cron.tz)}:{tick.isoformat()}".encode()
    share = int.from_bytes(hashlib.blake2b(said, digest_size=4).digest()) / 2**32
    return dt.timedelta(seconds=int(cron.jitter.total_seconds() * share))


def tick_event(cron: Cron, function_id: str, tick: dt.datetime, *, missed: int = 0) -> Event:
    """The event of a tick. Its id is the same for the same tick, so that it has one effect, ever."""
    id = f"cron:{function_id[:100]}:{schedule_id(function_id, cron.expr, cron.tz)}:{tick:%Y-%m-%dT%H:%M:%SZ}"
    return Event(CRON, told(cron.expr, cron.tz, function_id, tick, missed, cron.data), id=id)


def told(expr: str, tz: str, function_id: str, at: dt.datetime, missed: int, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the event of a tick says."""
    said = {"functionId": function_id, "schedule": expr, "tz": tz, "at": f"{at:%Y-%m-%dT%H:%M:%SZ}", "missed": missed}
    return {**data, **said}
