"""The data by period of the calendar, and what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from andon.reports import Column
from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.values import Values

_FEW_ROWS = 3  # of a period
_ROWS_TO_SPARE = 5  # of a period, from which one more or less makes no difference
# Spans up to which single hours, or days, are fetched, to be gathered into periods here.
_HOURS, _DAYS = timedelta(days=62), timedelta(days=120 * 366)


@dataclass(frozen=True)
class Period:
    """A period, with the sums of the measures and how many values each has."""

    start: datetime
    rows: int
    counts: tuple[int, ...]
    sums: list[float | None]

    @property
    def means(self) -> list[float | None]:
        return [total / n if n and total is not None else None for total, n in zip(self.sums, self.counts, strict=True)]

    def joined(self, other: Period) -> Period:
        sums = [b if a is None else a if b is None else a + b for a, b in zip(self.sums, other.sums, strict=True)]
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Period(self.start, self.rows + other.rows, counts, sums)


class Timeline:
    """The data by fine period, and gathered by any coarser one."""

    def __init__(self, fine: list[Period], finest: str, unit: str, first: datetime, last: datetime, grain: str) -> None:
        self._fine, self.finest, self.unit, self.grain = fine, finest, unit, grain
        self._first, self._last = first, last
        self.points = self.by(unit)

    def coarsened(self) -> Timeline:
        """By a longer unit where single periods have a few rows that come and go by chance, as people are hired."""
        found = self
        for unit in periods.UNITS[max(periods.UNITS.index(self.unit), periods.UNITS.index("hour")) + 1 :]:
            if not found._sparse():
                break
            found = Timeline(self._fine, self.finest, unit, self._first, self._last, self.grain)
        return found

    def _sparse(self) -> bool:
        """Few, and not as regular as what is measured every so often: their variance is that of chance (S. D. Poisson,
        1837), at least by half."""
        many = max(1.0, (self._last - self._first) / periods.LENGTHS[self.unit])
        mean = sum(period.rows for period in self.points) / many
        variance = sum(period.rows**2 for period in self.points) / many - mean**2
        return self.unit != self.grain and mean < _FEW_ROWS and variance > mean / 2

    def of(self, points: list[Period]) -> Timeline:
        """The same stretch of time with other values."""
        return Timeline(points, self.unit, self.unit, self._first, self._last, self.grain)

    def by(self, unit: str) -> list[Period]:
        found: dict[datetime, Period] = {}
        for period in self._fine:
            start = periods.start_of(period.start, unit)
            moved = Period(start, period.rows, period.counts, period.sums)
            found[start] = found[start].joined(moved) if start in found else moved
        return list(found.values())

    def complete(self, unit: str) -> list[Period]:
        """The periods that the data fill."""
        points = self.points if unit == self.unit else self.by(unit)
        return [p for p in points if periods.complete(p.start, unit, self._first, self._last, self.grain)]


def finest(grain: str, span: timedelta) -> str:
    """The unit by which the data are fetched."""
    if grain in {"minute", "hour"} and span <= _HOURS:
        return "minute" if grain == "minute" and span <= timedelta(hours=2) else "hour"
    if grain in {"minute", "hour", "day", "week"} and span <= _DAYS:
        return "day"
    return periods.coarser(grain, "month")


def by_period(table: Table, column: str, unit: str, values: Sequence[Values]) -> list[Period]:
    found = table.all(
        f"SELECT {_asked(column, unit, values)} {_DATED.format(identifier(column))} GROUP BY 1 ORDER BY 1"
    )
    return [_period(row, values) for row in found]


def by_group(
    table: Table, group: str, groups: Sequence[Any], column: str, unit: str, values: Sequence[Values]
) -> dict[Any, list[Period]]:
    """Of each of the groups its periods, from one query."""
    g = identifier(group)
    found: dict[Any, list[Period]] = {value: [] for value in groups}
    rows = table.connection.execute(
        f"SELECT {g}, {_asked(column, unit, values)} {_DATED.format(identifier(column))} "
        f"AND {g} IN (SELECT unnest(?)) GROUP BY 1, 2 ORDER BY 2",
        [groups],
    ).fetchall()
    for value, *row in rows:
        found[value].append(_period(row, values))
    return found


_DATED = "FROM data WHERE {0} IS NOT NULL"


def _asked(column: str, unit: str, values: Sequence[Values]) -> str:
    sums = "".join(f", count({v.sql}), sum({v.sql})" for v in values)
    return f"date_trunc('{unit}', CAST({identifier(column)} AS TIMESTAMP)), count(*){sums}"


def _period(row: Sequence[Any], values: Sequence[Values]) -> Period:
    start, rows, *numbers = row
    totals = [v.original(total) for v, total in zip(values, numbers[1::2], strict=True)]
    return Period(start, rows, tuple(numbers[::2]), totals)


@dataclass(frozen=True)
class Ask:
    """A series to tell of: the rows, or a measure's sums or means; `one` where each period has a single row,
    `relative` where a share of it means something."""

    measure: str | None
    aggregate: str
    place: int = 0
    one: bool = False
    relative: bool = True

    def value(self, period: Period) -> float | None:
        if self.measure is None:
            return float(period.rows)
        return (period.sums if self.aggregate == "sum" else period.means)[self.place]


def asked(timeline: Timeline, columns: Sequence[Column]) -> list[Ask]:
    """Rows, sums and means; one of them alone where each period has as many rows: then they go alike."""
    one, even = all(period.rows == 1 for period in timeline.points), _even(timeline.points)
    made = [] if one or even else [Ask(None, "rows")]
    for place, column in enumerate(columns):
        if column.summed and not one:
            made.append(Ask(column.name, "sum", place))
        if one or not even or not column.summed:
            made.append(Ask(column.name, "mean", place, one, column.relative))
    return made


def _even(points: Sequence[Period]) -> bool:
    """Whether each period has as many rows as any other, but for one, or one for each of its days."""
    days = [(after.start - each.start).days for each, after in pairwise(points)][1:]
    if days and [period.rows for period in points[1:-1]] == days:
        return True
    rows = [period.rows for period in points[1:-1]] or [0]
    return max(rows) - min(rows) <= (min(rows) >= _ROWS_TO_SPARE)
