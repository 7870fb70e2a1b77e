"""What a step may sleep: times that the database can keep."""

import datetime as dt

from andon.engine.errors import NonRetriable

LONGEST_SECONDS = 100 * 365.25 * 86_400


def bounded(who: str, seconds: float) -> float:
    """`seconds`, at least 0; raises `NonRetriable` saying `who` takes them for no number, or over a hundred years."""
    try:
        if (number := float(seconds)) <= LONGEST_SECONDS:
            return max(number, 0.0)
    except (TypeError, ValueError, OverflowError):
        pass
    raise NonRetriable(f"{who} seconds, at most {LONGEST_SECONDS:.0f}, not {seconds!r:.80}")


def in_utc(id: str, when: dt.datetime) -> dt.datetime:
    """`when` in UTC; raises `NonRetriable` naming the step for what is no datetime, or in year 9999 and later."""
    try:
        aware = (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
        if aware.year < dt.MAXYEAR:
            return aware
    except (AttributeError, TypeError, OverflowError):
        pass  # no datetime, or its offset takes it out of the calendar
    raise NonRetriable(f"step {id!r} sleeps until a datetime before year {dt.MAXYEAR}, not {when!r:.80}")
