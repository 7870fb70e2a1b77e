"""Section "trends": how many rows, and how high the measures, over time; by season where the data are fine enough."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier, literal
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.alerts import date_placeholders
from andon_worker.hybrid_report.figures.association import correlation_ratio
from andon_worker.hybrid_report.figures.copies import copies
from andon_worker.hybrid_report.figures.table import Table, clean, open_table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.series import growth, rising, season, shift
from andon_worker.hybrid_report.figures.times.things import things
from andon_worker.hybrid_report.figures.values import Floats, Values, values_of
from andon_worker.hybrid_report.section import Result, Section
from andon_worker.hybrid_report.sections.trend_tables import grids
from andon_worker.hybrid_report.sections.trend_words import figures, sentences
from andon_worker.hybrid_report.wording import label

_MOST_POINTS = 1_000
_MOST_LINES = 5
_ROWS_TO_SPARE = 5  # of a period, from which one more or less makes no difference
_MOST_OTHERS, _AT_ONCE = 60, 20  # measures told in a table, and of a query
_SURE = 0.01  # the p-value below which a direction is called one
# Spans up to which single hours, or days, are fetched, to be gathered into periods here.
_HOURS, _DAYS = timedelta(days=62), timedelta(days=120 * 366)


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{timeColumn, unit, grain, rows, leftOut, complete, from, to, measures, points, series, seasons, hours, lines,
    others, things}`.

    A point is a period, `{start, rows, sums: [...], means: [...]}`, in the order of `measures`. `grain` is how fine
    the times are; no unit and no season is finer. `leftOut` are dates so far off that they stand for none,
    `{value, rows}`; `complete` are the first and the last period that the data fill.
    `series` tells of the rows and of each measure's sum (where sums mean something) and mean what they do over the
    complete periods: `{measure, aggregate, first, last, direction, ...}`, see `_told`. `seasons` are `{by: "weekday" |
    "month", measure, aggregate, strength, deviations: {season: share or difference}, relative}`; `hours` the means by
    hour of day, see `_hours`, or null. `lines` is the first measure per group: `{groupBy,
    measure, aggregate, groups: [{value, points, direction, change, first, last}], omitted}`, or null; the five largest
    groups have points, the others none. `others` tells of the measures beyond the first three as `series` does, of the
    sum or else the mean. `things` is of a table with a column per period what each of its rows does from its first
    value to its last: `{column, measure, total, rose, fell, rows: [{name, first, last, change}]}`, or null. Without a
    column of dates that varies, `timeColumn` is null and nothing else is there.
    """
    with open_table(parquet, options, control, by_period=True) as table:
        column = choose.time_column(table, options)
        if column is None:
            return {"timeColumn": None}
        if table.column(column).type == "integer":
            table.replace({column: f"make_date(CAST({identifier(column)} AS INTEGER), 1, 1)"})
        left_out = date_placeholders(table, [table.column(column)])
        table.replace({column: _without(column, [each["value"] for each in left_out])} if left_out else {})
        names = choose.measures(table, options)
        values = values_of(table, names)
        c = identifier(column)
        rows, first, last = table.one(
            f"SELECT count({c}), CAST(min({c}) AS TIMESTAMP), CAST(max({c}) AS TIMESTAMP) FROM data"
        )
        control.progress(0.2, "how fine the times are")
        grain = periods.grain_of(table, column)
        span = last - first
        unit = periods.unit_for(span, grain)
        control.progress(0.3, f"per {unit}")
        fine = _fine(grain, span)
        timeline = _Timeline(_periods(table, column, fine, list(values.values())), fine, unit, first, last, grain)
        control.progress(0.6, "hours")
        hours = _hours(table, column, list(values.values())) if grain in {"minute", "hour"} and span.days >= 3 else None
        control.progress(0.7, "groups")
        lines = _lines(table, options, column, timeline, values)
        control.progress(0.8, "other measures")
        known = {*names, *copies(table)}
        others = _others(table, column, timeline, [name for name in choose.varying(table) if name not in known])
        found_things = things(table, column, names) if table.periods > 1 else None
    control.progress(0.9, "what changes")
    summed = [table.column(name).summed for name in names]
    asked = _asked(timeline, names, summed)
    signed = {name for name, each in values.items() if each.low < 0}
    complete = timeline.complete(unit)
    return clean(
        {
            "timeColumn": column,
            "unit": unit,
            "grain": grain,
            "rows": rows,
            "complete": [periods.iso(p.start) for p in (*complete[:1], *complete[-1:])],
            "leftOut": [{"value": each["value"], "rows": each["rows"]} for each in left_out],
            "from": periods.iso(first),
            "to": periods.iso(last),
            "measures": names,
            "points": [
                {"start": periods.iso(p.start), "rows": p.rows, "sums": p.sums, "means": p.means}
                for p in timeline.points[-_MOST_POINTS:]
            ],
            "pointsOmitted": max(0, len(timeline.points) - _MOST_POINTS),
            "series": [told for ask in asked if (told := _told(ask, timeline, control.check))],
            "seasons": [found for ask in asked for found in _seasons(ask, timeline, signed)],
            "hours": hours,
            "lines": lines,
            "others": others,
            "things": found_things,
        }
    )


def _without(column: str, moments: Sequence[str]) -> str:
    c = identifier(column)
    odd = ", ".join(f"TIMESTAMP {literal(moment)}" for moment in moments)
    return f"CASE WHEN CAST({c} AS TIMESTAMP) NOT IN ({odd}) THEN {c} END"


def _others(table: Table, column: str, timeline: _Timeline, names: list[str]) -> list[dict[str, Any]]:
    """The measures that are shown in a table alone."""
    told: list[dict[str, Any]] = []
    names = names[:_MOST_OTHERS]
    for start in range(0, len(names), _AT_ONCE):
        table.control.check()
        some = names[start : start + _AT_ONCE]
        values = list(values_of(table, some).values())
        own = timeline.of(_periods(table, column, timeline.unit, values))
        one = all(period.rows == 1 for period in own.points)
        for place, name in enumerate(some):
            ask = _Ask(name, "sum" if table.column(name).summed and not one else "mean", place, one)
            if found := _told(ask, own, table.control.check):
                told.append(found)
    return told


@dataclass(frozen=True)
class _Period:
    """A period, with the sums of the measures and how many values each has."""

    start: datetime
    rows: int
    counts: tuple[int, ...]
    sums: list[float | None]

    @property
    def means(self) -> list[float | None]:
        return [total / n if n and total is not None else None for total, n in zip(self.sums, self.counts, strict=True)]

    def joined(self, other: _Period) -> _Period:
        sums = [b if a is None else a if b is None else a + b for a, b in zip(self.sums, other.sums, strict=True)]
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return _Period(self.start, self.rows + other.rows, counts, sums)


class _Timeline:
    """The data by fine period, and gathered by any coarser one."""

    def __init__(
        self, fine: list[_Period], finest: str, unit: str, first: datetime, last: datetime, grain: str
    ) -> None:
        self._fine, self.finest, self.unit, self.grain = fine, finest, unit, grain
        self._first, self._last = first, last
        self.points = self.by(unit)

    def of(self, points: list[_Period]) -> _Timeline:
        """The same stretch of time with other values."""
        return _Timeline(points, self.unit, self.unit, self._first, self._last, self.grain)

    def by(self, unit: str) -> list[_Period]:
        found: dict[datetime, _Period] = {}
        for period in self._fine:
            start = periods.start_of(period.start, unit)
            moved = _Period(start, period.rows, period.counts, period.sums)
            found[start] = found[start].joined(moved) if start in found else moved
        return list(found.values())

    def complete(self, unit: str) -> list[_Period]:
        """The periods that the data fill."""
        points = self.points if unit == self.unit else self.by(unit)
        return [p for p in points if periods.complete(p.start, unit, self._first, self._last, self.grain)]


def _fine(grain: str, span: timedelta) -> str:
    if grain in {"minute", "hour"} and span <= _HOURS:
        return "minute" if grain == "minute" and span <= timedelta(hours=2) else "hour"
    if grain in {"minute", "hour", "day", "week"} and span <= _DAYS:
        return "day"
    return periods.coarser(grain, "month")


def _periods(table: Table, column: str, unit: str, values: list[Values]) -> list[_Period]:
    sums = "".join(f", count({v.sql}), sum({v.sql})" for v in values)
    start = f"date_trunc('{unit}', CAST({identifier(column)} AS TIMESTAMP))"
    found = table.all(
        f"SELECT {start}, count(*){sums} FROM data WHERE {identifier(column)} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    return [
        _Period(
            start,
            rows,
            tuple(numbers[::2]),
            [v.original(total) for v, total in zip(values, numbers[1::2], strict=True)],
        )
        for start, rows, *numbers in found
    ]


@dataclass(frozen=True)
class _Ask:
    """A series to tell of: the rows, or a measure's sums or means; `one` where each period has a single row."""

    measure: str | None
    aggregate: str
    place: int = 0
    one: bool = False

    def value(self, period: _Period) -> float | None:
        if self.measure is None:
            return float(period.rows)
        return (period.sums if self.aggregate == "sum" else period.means)[self.place]


def _asked(timeline: _Timeline, names: Sequence[str], summed: Sequence[bool]) -> list[_Ask]:
    """Rows, sums and means; one of them alone where each period has as many rows: then they go alike."""
    one, even = all(period.rows == 1 for period in timeline.points), _even(timeline.points)
    asked = [] if one or even else [_Ask(None, "rows")]
    for place, name in enumerate(names):
        if summed[place] and not one:
            asked.append(_Ask(name, "sum", place))
        if one or not even or not summed[place]:
            asked.append(_Ask(name, "mean", place, one))
    return asked


def _even(points: Sequence[_Period]) -> bool:
    """Whether each period has as many rows as any other, but for one, or one for each of its days."""
    days = [(after.start - each.start).days for each, after in pairwise(points)][1:]
    if days and [period.rows for period in points[1:-1]] == days:
        return True
    rows = [period.rows for period in points[1:-1]] or [0]
    return max(rows) - min(rows) <= (min(rows) >= _ROWS_TO_SPARE)


def _told(ask: _Ask, timeline: _Timeline, check: Callable[[], object]) -> dict[str, Any] | None:
    """`{measure, aggregate, one, complete, first: {from, to, periods, value}, last, direction, tau, change, perYear,
    latest: {start, value, before, yearAgo}, peak: {start, value}, dip, shift: {start, before, after}}`.

    `direction` is `rose`, `fell` or null; `first` and `last` are means over as many periods as a year has, or a quarter
    of them if there are not two years; `before` and `yearAgo` are `{start, value}`, null where they aren't known.
    """
    known = [(p.start, value) for p in timeline.complete(timeline.unit) if (value := ask.value(p)) is not None]
    if len(known) < 2:
        return None
    starts, numbers = [start for start, _ in known], np.array([value for _, value in known])
    scale = float(np.abs(numbers).max()) or 1.0
    tau, p = rising(numbers / scale)
    check()
    width = _window(len(known), timeline.unit)
    first, last = (float((part / scale).mean() * scale) for part in (numbers[:width], numbers[-width:]))
    years = (starts[-width] - starts[0]) / periods.LENGTHS["year"]
    at = shift(numbers / scale, check) if len(known) >= 12 else None
    if at is not None and _seasonal(numbers / scale, at, periods.PER_YEAR.get(timeline.unit, 0)):
        at = None
    high, low = int(numbers.argmax()), int(numbers.argmin())
    by_start = dict(known)
    return {
        "measure": ask.measure,
        "aggregate": ask.aggregate,
        "one": ask.one,
        "complete": len(known),
        "first": _stretch(starts[:width], first),
        "last": _stretch(starts[-width:], last),
        "direction": ("rose" if tau > 0 else "fell") if p < _SURE and len(known) >= 6 and first != last else None,
        "tau": tau,
        "change": last / first - 1 if first > 0 and last >= 0 else None,
        "perYear": growth(first, last, years),
        "latest": {
            "start": periods.iso(starts[-1]),
            "value": float(numbers[-1]),
            "before": _at(by_start, periods.moved(starts[-1], timeline.unit, -1)),
            "yearAgo": _at(by_start, periods.year_before(starts[-1], timeline.unit)),
        },
        "peak": {"start": periods.iso(starts[high]), "value": float(numbers[high])},
        "dip": {"start": periods.iso(starts[low]), "value": float(numbers[low])},
        "shift": None
        if at is None
        else {
            "start": periods.iso(starts[at]),
            "before": float((numbers[:at] / scale).mean() * scale),
            "after": float((numbers[at:] / scale).mean() * scale),
        },
    }


def _seasonal(values: Floats, at: int, year: int) -> bool:
    """Whether what looks like a shift was there a year before, too."""
    after = [(values[i], values[i - year]) for i in range(max(at, year), len(values)) if year and i - year < at]
    if not after:
        return False
    jump = float(values[at:].mean() - values[:at].mean())
    since = float(np.mean([now - then for now, then in after]))
    return since / jump < 0.5


def _window(count: int, unit: str) -> int:
    """Over how many periods the first and the last level are taken."""
    year = periods.PER_YEAR.get(unit, 0)
    if year and count >= 2 * year:
        return year
    return max(1, count // 4)


def _stretch(starts: Sequence[datetime], value: float) -> dict[str, Any]:
    return {"from": periods.iso(starts[0]), "to": periods.iso(starts[-1]), "periods": len(starts), "value": value}


def _at(by_start: dict[datetime, float], start: datetime | None) -> dict[str, Any] | None:
    return {"start": periods.iso(start), "value": by_start[start]} if start in by_start and start else None


def _seasons(ask: _Ask, timeline: _Timeline, signed: Set[str]) -> list[dict[str, Any]]:
    """By weekday where single days are known, by month where single months are: two whole cycles at least.

    Of `signed` measures, as temperatures, a share of the trend would mean nothing.
    """
    found: list[tuple[str, str, int, Callable[[datetime], int]]] = []
    if timeline.finest == "day" and timeline.grain in {"day", "hour", "minute"}:
        found.append(("weekday", "day", 7, lambda start: start.isoweekday()))
    if periods.UNITS.index(timeline.grain) <= periods.UNITS.index("month") and timeline.finest in {"day", "month"}:
        found.append(("month", "month", 12, lambda start: start.month))
    told = []
    for by, unit, most, season_of in found:
        known = [(p.start, value) for p in timeline.complete(unit) if (value := ask.value(p)) is not None]
        numbers = np.array([value for _, value in known])
        if by == "month" and ask.aggregate != "mean":
            # A February is shorter, which is no season.
            numbers = numbers / [monthrange(start.year, start.month)[1] / 30.44 for start, _ in known]
        seasons = [season_of(start) for start, _ in known]
        cycle = len(set(seasons))  # five where no day is a weekend's
        if len(known) < 2 * cycle + 1:
            continue
        # With days or months missing here and there, so many values in a row are no week and no year.
        cycles = (known[-1][0] - known[0][0]) / periods.LENGTHS[unit] / most
        if cycle < 2 or len(known) < 0.93 * cycles * cycle:
            continue
        scale = float(np.abs(numbers).max()) or 1.0
        relative = ask.measure not in signed and bool((numbers > 0).all())
        strength, deviations = season(numbers / scale, seasons, cycle, relative)
        told.append(
            {
                "by": by,
                "measure": ask.measure,
                "aggregate": ask.aggregate,
                "one": ask.one,
                "strength": strength,
                "relative": relative,
                "deviations": {str(name): each if relative else each * scale for name, each in deviations.items()},
            }
        )
    return told


def _hours(table: Table, column: str, values: list[Values]) -> dict[str, Any]:
    """`{points: [{hour, rows, means}], etas}`: of each measure how much of its spread lies between the hours."""
    wanted = "".join(f", avg({v.sql}), coalesce(var_pop({v.sql}), 0), count({v.sql})" for v in values)
    found = table.all(
        f"SELECT hour({identifier(column)}), count(*){wanted} FROM data "
        f"WHERE {identifier(column)} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    points = [
        {"hour": hour, "rows": rows, "means": [v.original(m) for v, m in zip(values, numbers[::3], strict=True)]}
        for hour, rows, *numbers in found
    ]
    etas = []
    for place in range(len(values)):
        known = [row[2 + 3 * place : 5 + 3 * place] for row in found if row[2 + 3 * place] is not None]
        means, variances, counts = (np.array(each, dtype=float) for each in zip(*known, strict=True))
        etas.append(correlation_ratio(counts, counts * means, counts * (variances + means**2)))
    return {"points": points, "etas": etas}


def _lines(
    table: Table, options: ReportOptions, column: str, timeline: _Timeline, values: dict[str, Values]
) -> dict[str, Any] | None:
    """The first measure, or the rows if there is none, of each of the largest groups."""
    groupings = [name for name in choose.groupings(table, options) if name != column]
    groupings = [name for name in groupings if name in options.group_by or not table.column(name).part_of_time]
    if not groupings or len(timeline.points) < 3:
        return None
    group = identifier(groupings[0])
    name = next(iter(values), None)
    one = all(period.rows == 1 for period in timeline.points)
    if one:
        return None
    ask = _Ask(name, "sum" if name and table.column(name).summed else "mean" if name else "rows")
    found = table.all(
        f"SELECT {group}, count(*) FROM data WHERE {group} IS NOT NULL AND {identifier(column)} IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    full = [period.start for period in timeline.complete(timeline.unit)]
    per_group = _per_group(
        table, group, [value for value, _ in found[: choose.MOST_GROUPS]], column, timeline.unit, values, name
    )
    groups: list[dict[str, Any]] = []
    for value, own in per_group.items():
        told = {period.start: ask.value(period) for period in own}
        # Where a group has no rows, its total is nothing; a mean there is none of, and the line has a gap.
        nothing = None if ask.aggregate == "mean" else 0.0
        whole = [(at, told.get(at, nothing)) for at in full]
        known = [(at, each) for at, each in whole if each is not None]
        points = [[periods.iso(at), each] for at, each in whole]
        drawn = {"points": points} if len(groups) < _MOST_LINES else {}
        groups.append({"value": label(value), **drawn, **_moved(known, timeline)})
    return {
        "groupBy": groupings[0],
        "measure": name,
        "aggregate": ask.aggregate,
        "groups": groups,
        "omitted": len(found) - len(groups),
    }


def _moved(known: list[tuple[datetime, float]], timeline: _Timeline) -> dict[str, Any]:
    if len(known) < 6:
        return {"direction": None, "change": None, "first": None, "last": None}
    numbers = np.array([value for _, value in known])
    scale = float(np.abs(numbers).max()) or 1.0
    tau, p = rising(numbers / scale)
    width = _window(len(known), timeline.unit)
    first, last = float((numbers[:width] / scale).mean()), float((numbers[-width:] / scale).mean())
    return {
        "direction": ("rose" if tau > 0 else "fell") if p < _SURE else None,
        "change": last / first - 1 if first > 0 and last >= 0 else None,
        "first": first * scale,
        "last": last * scale,
    }


def _per_group(
    table: Table, group: str, groups: list[Any], column: str, unit: str, values: dict[str, Values], name: str | None
) -> dict[Any, list[_Period]]:
    """Of each group its periods, from one query."""
    sums = f", count({values[name].sql}), sum({values[name].sql})" if name else ""
    start = f"date_trunc('{unit}', CAST({identifier(column)} AS TIMESTAMP))"
    rows = table.connection.execute(
        f"SELECT {group}, {start}, count(*){sums} FROM data WHERE {identifier(column)} IS NOT NULL "
        f"AND {group} IN (SELECT unnest(?)) GROUP BY 1, 2 ORDER BY 2",
        [groups],
    ).fetchall()
    found: dict[Any, list[_Period]] = {value: [] for value in groups}
    for value, at, many, *numbers in rows:
        count, total = numbers or (0, None)
        sums_of = [values[name].original(total)] if name else []
        found[value].append(_Period(at, many, (count,) if name else (), sums_of))
    return found


SECTION = Section("trends", "Trends over time", compute, sentences, figures, grids)
