"""The data by period of the calendar, and what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
_RARE = 3  # times as far apart as usual
# Spans up to which single hours, or days, are fetched, to be gathered into periods here.
_HOURS, _DAYS = timedelta(days=62), timedelta(days=120 * 366)


@dataclass(frozen=True)
class Period:
    """A period, with the sums of the measures, how many values each has and the farthest of them from zero; not `whole`
    where rows are lacking, and `thin` in the places of measures of which values are."""

    start: datetime
    rows: int
    counts: tuple[int, ...]
    sums: list[float | None]
    farthest: tuple[float | None, ...]
    whole: bool = True
    thin: tuple[int, ...] = ()

    @property
    def means(self) -> list[float | None]:
        return [total / n if n and total is not None else None for total, n in zip(self.sums, self.counts, strict=True)]

    def joined(self, other: Period) -> Period:
        sums = [b if a is None else a if b is None else a + b for a, b in zip(self.sums, other.sums, strict=True)]
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        both = zip(self.farthest, other.farthest, strict=True)
        farthest = tuple(max((x for x in pair if x is not None), key=abs, default=None) for pair in both)
        return Period(self.start, self.rows + other.rows, counts, sums, farthest)


@dataclass(frozen=True)
class Stretch:
    """From when to when the data go, in whole steps of how fine their times are; `step` is how far apart they are where
    that is always the same."""

    first: datetime
    last: datetime
    grain: str
    step: timedelta | None = None


class Timeline:
    """The data by fine period, and gathered by any coarser one."""

    def __init__(self, fine: list[Period], finest: str, unit: str, stretch: Stretch) -> None:
        self._fine, self.finest, self.unit, self.stretch = fine, finest, unit, stretch
        self.points = self.by(unit)

    def coarsened(self) -> Timeline:
        """By a longer unit where single periods have a few rows that come and go by chance, as people are hired, or
        most have none, as outside a season."""
        found = self
        for unit in periods.UNITS[max(periods.UNITS.index(self.unit), periods.UNITS.index("hour")) + 1 :]:
            if not found._sparse() and not found._seldom():
                break
            found = Timeline(self._fine, self.finest, unit, self.stretch)
        return found

    def _sparse(self) -> bool:
        """Few, and not as regular as what is measured every so often: their variance is that of chance (S. D. Poisson,
        1837), at least by half."""
        many = max(1.0, (self.stretch.last - self.stretch.first) / periods.LENGTHS[self.unit])
        mean = sum(period.rows for period in self.points) / many
        variance = sum(period.rows**2 for period in self.points) / many - mean**2
        known = self.unit != "day" and self.unit == self.stretch.grain  # a row per month has no longer unit
        return not known and mean < _FEW_ROWS and variance > mean / 2

    def _seldom(self) -> bool:
        """Whether fewer than half of the periods have rows, which don't come every so often."""
        steps, length = _steps(self._fine), periods.LENGTHS[self.unit]
        if self.unit in {"minute", "hour"} or not steps:
            return False
        half = self.points[-1].start - self.points[0].start > 2 * len(self.points) * length
        return half and steps[-1] > _RARE * steps[len(steps) // 2]

    def of(self, points: list[Period]) -> Timeline:
        """The same stretch of time with other values."""
        return Timeline(points, self.unit, self.unit, self.stretch)

    def by(self, unit: str) -> list[Period]:
        found: dict[datetime, Period] = {}
        for period in self._fine:
            start = periods.start_of(period.start, unit)
            moved = replace(period, start=start, whole=True, thin=())
            found[start] = found[start].joined(moved) if start in found else moved
        points = list(found.values())
        if self.stretch.step:
            return _held(points) if periods.LENGTHS[unit] > self.stretch.step else points
        return _continued(points, unit)

    @property
    def even(self) -> bool:
        """Whether each period has as many rows as any other."""
        return _even([p for p in self.points if p.whole])

    @property
    def regular(self) -> bool:
        """Whether rows come as often in each period, so that a few of them are as many as there can be."""
        return self.even or self.stretch.step is not None

    def complete(self, unit: str) -> list[Period]:
        """The periods that the data fill, but for a twelfth, or as far as the others are filled: of weeks without
        weekends five days."""
        points = self.points if unit == self.unit else self.by(unit)
        spare = max(periods.LENGTHS[unit] / 12, self.stretch.step or timedelta())
        before, after = (max(spare, margin * 1.1) for margin in self._margins(unit))
        return [
            p
            for p in points
            if p.whole
            and self.stretch.first - p.start <= before
            and periods.end_of(p.start, unit) - self.stretch.last <= after
        ]

    def _margins(self, unit: str) -> tuple[timedelta, timedelta]:
        """How much of a period there usually is before its first row, and after its last; of those within."""
        ends: dict[datetime, list[datetime]] = {}
        for period in self._fine:
            ends.setdefault(periods.start_of(period.start, unit), []).append(period.start)
        first = sorted(starts[0] - start for start, starts in [*ends.items()][1:])
        last = sorted(
            max(timedelta(), periods.end_of(start, unit) - periods.end_of(starts[-1], self.finest))
            for start, starts in [*ends.items()][:-1]
        )
        return first[len(first) // 2] if first else timedelta(), last[len(last) // 2] if last else timedelta()


def _steps(points: Sequence[Period]) -> list[timedelta]:
    return sorted(after.start - each.start for each, after in pairwise(points))


def _held(points: list[Period]) -> list[Period]:
    """Of rows that come regularly: which periods have far fewer than the others, for what is lacking may be nights.

    Far fewer are nine tenths, and three deviations below the median (F. R. Hampel, "The influence curve and its role in
    robust estimation", Journal of the American Statistical Association 69, 1974).
    """
    if len(points) < _FEW_ROWS:
        return points
    rows, *counts = (_least(values) for values in zip(*((p.rows, *p.counts) for p in points), strict=True))
    return [
        replace(
            p,
            whole=p.rows >= rows,
            thin=tuple(place for place, n in enumerate(p.counts) if n < counts[place]),
        )
        for p in points
    ]


def _least(counts: Sequence[int]) -> float:
    known = sorted(n for n in counts if n) or [0]
    median = known[len(known) // 2]
    deviation = 1.4826 * sorted(abs(n - median) for n in known)[len(known) // 2]
    return min(0.9 * median, median - 3 * deviation)


def _continued(points: list[Period], unit: str) -> list[Period]:
    """With the periods between that have no rows, where these come and go: none is a number of them, too.

    Not where most periods have as many, nor where none is usual: every second year, and days of shops that are closed
    on Sundays.
    """
    steps, length = _steps(points), 1.1 * periods.LENGTHS[unit]
    if unit in {"minute", "hour"} or not steps or _even(points):
        return points
    if steps[len(steps) // 2] > length or steps[-1] <= length or sum(steps, length) > 2 * len(points) * length:
        return points
    if unit == "day" and len({p.start.weekday() for p in points}) < 7:
        return points
    made, by_start, at, many = [], {p.start: p for p in points}, points[0].start, len(points[0].counts)
    while at <= points[-1].start:
        made.append(by_start.get(at) or Period(at, 0, (0,) * many, [0.0] * many, (None,) * many))
        at = periods.end_of(at, unit)
    return made


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
    sums = "".join(f", count({v.sql}), sum({v.sql}), arg_max({v.sql}, abs({v.sql}))" for v in values)
    return f"date_trunc('{unit}', CAST({identifier(column)} AS TIMESTAMP)), count(*){sums}"


def _period(row: Sequence[Any], values: Sequence[Values]) -> Period:
    start, rows, *numbers = row
    totals, farthest = (
        [v.original(each) for v, each in zip(values, numbers[place::3], strict=True)] for place in (1, 2)
    )
    return Period(start, rows, tuple(numbers[::3]), totals, tuple(farthest))


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
        if self.place in period.thin:
            return None
        return (period.sums if self.aggregate == "sum" else period.means)[self.place]

    def without_farthest(self, period: Period) -> float | None:
        """The value of a measure that the period would have without its row farthest from zero."""
        total, farthest, others = period.sums[self.place], period.farthest[self.place], period.counts[self.place] - 1
        if total is None or farthest is None or not others:
            return None
        return total - farthest if self.aggregate == "sum" else (total - farthest) / others

    @classmethod
    def of(cls, column: Column, values: Values, aggregate: str, place: int, one: bool) -> Ask:
        """A share of a mean means something where nothing is below zero; of a total where no total is."""
        return cls(column.name, aggregate, place, one, column.relative and (aggregate == "sum" or values.low >= 0))


def asked(timeline: Timeline, measures: Sequence[tuple[Column, Values]]) -> list[Ask]:
    """Rows, sums and means; one of them alone where each period has as many rows: then they go alike. Means alone where
    rows come every so many days, of which a month has now one more and now one less."""
    one, step = all(period.rows == 1 for period in timeline.points), timeline.stretch.step
    even = timeline.regular
    longer = step is not None and timedelta(days=1) < step < periods.LENGTHS[timeline.unit]
    made = [] if one or even else [Ask(None, "rows")]
    for place, (column, values) in enumerate(measures):
        summed = column.summed and not longer
        if summed and not one:
            made.append(Ask.of(column, values, "sum", place, one))
        if one or not even or not summed:
            made.append(Ask.of(column, values, "mean", place, one))
    return made


def _even(points: Sequence[Period]) -> bool:
    """Whether each period has as many rows as any other, but for one, or one for each of its days."""
    days = [(after.start - each.start).days for each, after in pairwise(points)][1:]
    if days and [period.rows for period in points[1:-1]] == days:
        return True
    rows = [period.rows for period in points[1:-1]] or [0]
    return max(rows) - min(rows) <= (min(rows) >= _ROWS_TO_SPARE)
