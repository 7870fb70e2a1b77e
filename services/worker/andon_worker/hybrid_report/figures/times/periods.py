"""Periods of the calendar: how fine a column's times are, and what starts when."""

from __future__ import annotations

from datetime import datetime, timedelta

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table

UNITS = ("minute", "hour", "day", "week", "month", "quarter", "year")
LENGTHS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30.44),
    "quarter": timedelta(days=91.3),
    "year": timedelta(days=365.25),
}
PER_YEAR = {"day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}

# The longest span that each unit is used for: a chart of 40 to 100 points is read best.
_LONGEST = (
    ("minute", timedelta(hours=2)),
    ("hour", timedelta(days=3)),
    ("day", timedelta(days=92)),
    ("week", timedelta(days=2 * 366)),
    ("month", timedelta(days=20 * 366)),
)

# The least days between neighbours by which a unit is known.
_APART = (("year", 300), ("quarter", 80), ("month", 25), ("week", 6))


def coarser(a: str, b: str) -> str:
    return max(a, b, key=UNITS.index)


def unit_for(span: timedelta, grain: str) -> str:
    """The unit to show a span in: never finer than the data are."""
    return coarser(next((unit for unit, longest in _LONGEST if span <= longest), "year"), grain)


def grain_of(table: Table, column: str) -> str:
    """How fine the times of a column are: the least unit that most neighbours are apart, and nine tenths by half: what
    comes by chance is now and then close together."""
    t = f"CAST({identifier(column)} AS TIMESTAMP)"
    hourly, minutely = table.one(
        f"SELECT bool_or({t} <> date_trunc('day', {t})), bool_or({t} <> date_trunc('hour', {t})) FROM data"
    )
    if minutely or hourly:
        return "minute" if minutely else "hour"
    gap, least = table.one(
        "SELECT quantile_disc(gap, 0.5), quantile_disc(gap, 0.1) FROM ("
        "SELECT date_diff('day', lag(day) OVER (ORDER BY day), day) AS gap "
        f"FROM (SELECT DISTINCT CAST({t} AS DATE) AS day FROM data)) WHERE gap IS NOT NULL"
    )
    return next((unit for unit, days in _APART if (gap or 1) >= days and 2 * least >= days), "day")


def start_of(when: datetime, unit: str) -> datetime:
    """The start of the period that a moment is in; weeks start on Monday."""
    if unit == "minute":
        return when.replace(second=0, microsecond=0)
    if unit == "hour":
        return when.replace(minute=0, second=0, microsecond=0)
    day = when.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - min(timedelta(days=day.weekday()), day - datetime.min)
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def moved(start: datetime, unit: str, by: int) -> datetime | None:
    """The period `by` periods later; None beyond the years 1 to 9999."""
    try:
        if unit in {"month", "quarter", "year"}:
            months = start.year * 12 + start.month - 1 + by * {"month": 1, "quarter": 3, "year": 12}[unit]
            return start.replace(year=months // 12, month=months % 12 + 1)
        return start + by * LENGTHS[unit]
    except (OverflowError, ValueError):
        return None


def year_before(start: datetime, unit: str) -> datetime | None:
    """The same period a year ago; of weeks and days 52 weeks ago, on the same weekday."""
    if unit in {"day", "week"}:
        return moved(start, "week", -52)
    return moved(start, unit, -PER_YEAR[unit]) if unit in {"month", "quarter"} else None


def end_of(start: datetime, unit: str) -> datetime:
    return moved(start, unit, 1) or datetime.max


def iso(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S") if when.year >= 1000 else when.isoformat()
