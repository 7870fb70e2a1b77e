"""When a schedule ticks: cron expressions in time zones, and what daylight saving makes of them.

With a minute and an hour that are named, an expression is read as a local time: one that doesn't exist is the first
instant after the gap, one that comes twice is the first of them. With `*` as its hour it is an interval, and goes on
through such a night as on any other.
"""

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
A_LEAP_YEARS_DAY = dt.datetime(2024, 1, 1)


def check_schedule(expr: str, tz: str) -> None:
    """Raise `ValueError` that says what was expected, unless the expression can be read and ticks some day."""
    if expr.upper().startswith(("TZ=", "CRON_TZ=")):
        raise ValueError(f'expr={expr!r}: expected five fields alone; the zone is named by tz="..."')
    if len(expr.split()) != FIELDS:
        raise ValueError(f"expr={expr!r}: expected minute, hour, day of month, month, day of week, such as '0 3 * * *'")
    try:
        _zone(tz)
    except (ValueError, OSError, LookupError):
        raise ValueError(f"tz={tz!r}: expected a time zone such as 'Europe/Berlin'") from None
    try:
        next(CronSim(expr, A_LEAP_YEARS_DAY))
    except CronSimError as error:
        raise ValueError(f"expr={expr!r}: {error}") from None
    except StopIteration:
        raise ValueError(f"expr={expr!r}: expected a time that comes; it never does") from None


def ticks(expr: str, tz: str, after: dt.datetime) -> Iterator[dt.datetime]:
    """The ticks after a moment, in UTC, each once, in their order."""
    zone = _zone(tz)
    interval = expr.split()[1] == "*"
    local = after.astimezone(zone)
    last = after
    for time in CronSim(expr, local if interval else local.replace(tzinfo=None)):
        tick = time.astimezone(dt.UTC) if interval else _instant(time, zone)
        if tick > last:
            yield tick
            last = tick


def next_tick(expr: str, tz: str, after: dt.datetime) -> dt.datetime:
    """The first tick after a moment."""
    return next(ticks(expr, tz, after))


def _instant(local: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """A local time in UTC: of two the first; where there is none, the first instant after the gap."""
    instant = local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    while instant.astimezone(zone).replace(tzinfo=None) != local:
        local += dt.timedelta(minutes=1)
        instant = local.replace(tzinfo=zone, fold=0).astimezone(dt.UTC)
    return instant


@lru_cache(maxsize=128)
def _zone(tz: str) -> ZoneInfo:
    return ZoneInfo(tz)
