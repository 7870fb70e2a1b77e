"""How long it took from one date of a row to another, as from created to resolved: a measure that the file hasn't."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from pathlib import Path

import numpy as np

from andon.reports import Column, Control, ReportOptions
from andon.reports.columns import Nature
from andon.reports.duck import identifier, literal
from andon.reports.errors import InvalidOptions
from andon.reports.options import MOST_DATES, lasting
from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.figures.alerts import date_placeholders
from andon_worker.hybrid_report.figures.computed.copies import ALIKE
from andon_worker.hybrid_report.figures.promises.kept import promised
from andon_worker.hybrid_report.figures.survey import once
from andon_worker.hybrid_report.figures.table import Table, double, open_table
from andon_worker.hybrid_report.figures.values import Floats, doubles, sampled

_SECONDS = {"hours": 3_600, "days": 86_400}
_MOST = 2
_ROWS, _FEWEST_ROWS, _FEWEST_VALUES = 20_000, 20, 3
_IN_ORDER = 0.99  # of the rows with both dates
_BOUND = 1 / 3  # of the spread that they would have if each end stood beside any start
_VARIES = 0.2  # of the median: months are of 28 to 31 days, which tells nothing
LATE = ("yes", "no")
_UNFINISHED = 0.01  # of the rows with a start
_LAST = (0.9, 0.99)  # of the rows with a start, that come before the last


@dataclass(frozen=True)
class Duration:
    """A column made of two others. `without` counts the rows that have a start and no end, as what isn't over, `back`
    those whose end is before the start: neither has a duration. `unfinished` says that more than one row of a
    hundred lacks an end, and more of those that began last: along time the duration would fall by itself, for of these
    the short ones alone are over.

    Where the start was promised and the end is when it came, ends before it count as well, below zero, and `late` is a
    further column that says of each row whether it was (one of `LATE`).
    """

    name: str
    start: str
    end: str
    unit: str
    sql: str
    rows: int
    without: int
    back: int
    unfinished: bool
    late: str | None = None

    def shares(self, other: Duration) -> bool:
        """Whether both are computed from one date, and so go together."""
        return bool({self.start, self.end} & {other.start, other.end})


@contextmanager
def open_measured(
    parquet: Path, options: ReportOptions, control: Control, *, by_period: bool = False
) -> Iterator[Table]:
    """The dataset as `open_table` has it, with the durations between its dates as further columns."""
    with open_table(parquet, options, control, by_period=by_period) as table:
        asked = {*options.measures, *([options.question] if options.question else [])}
        chosen = asked - {column.name for column in table.columns}
        found = durations(table, chosen)
        if lacking := chosen - {each.name for each in found}:
            said = f"the rows have no time as {', '.join(sorted(lacking))}"
            raise InvalidOptions([("/options", f"{said}: no end follows its start, or a column is of one period")])
        if found:
            made = ", ".join(f"{each.sql} AS {identifier(each.name)}" for each in found)
            made += "".join(f", {_late(each)} AS {identifier(each.late)}" for each in found if each.late)
            table.connection.execute(
                "DROP VIEW data; ALTER VIEW source RENAME TO file; "
                f"CREATE VIEW source AS SELECT *, {made} FROM file; CREATE VIEW data AS FROM source"
            )
            table = replace(table, columns=_beside(table.columns, found), durations=tuple(found))
        yield table


def _beside(columns: Sequence[Column], found: Sequence[Duration]) -> tuple[Column, ...]:
    """The columns with the durations behind them, but how late something was before all other numbers: it is what its
    rows are about."""
    made = {
        each: Column(each.name, "number", unit=each.unit).with_role(
            "duration", Nature("lasting", f"{each.start} to {each.end}")
        )
        for each in found
    }
    late = [column for each, column in made.items() if each.late]
    first = next((place for place, each in enumerate(columns) if each.averaged), len(columns))
    return (*columns[:first], *late, *columns[first:], *(column for column in made.values() if column not in late))


def _late(promise: Duration) -> str:
    """SQL of whether a row was late."""
    name, (yes, no) = f"({promise.sql})", map(literal, LATE)
    return f"CASE WHEN {name} > 0 THEN {yes} WHEN {name} <= 0 THEN {no} END"


def durations(table: Table, chosen: Collection[str] = ()) -> list[Duration]:
    """Those of the `chosen` names, and up to two others, those from the date first from which most go.

    A pair of dates is taken whose end isn't before its start in 99 % of the rows that have both, and that belong
    together: the middle half of the durations spans less than a third of what it would if ends stood beside starts by
    chance, the root of the sum of the squares of what those of the starts and of the ends span. A birth and a visit,
    a start and the day of an export, or when something was last touched, don't. The durations must vary by more than
    the lengths of months do, and no number of the table, nor another duration, may tell the same.
    """
    if table.across or table.base != "source":
        return []
    found = [Duration(**each) for each in once(table, "lasting", lambda: {"found": _found(table)})["found"]]
    known = {each.name for each in found}
    between = lasting(table.columns)
    for name in sorted({*chosen} & between.keys() - known):
        start, end = ((each, _without_placeholders(table, table.column(each))) for each in between[name])
        made = _made(table, start, end, name.partition(" ")[0], ordered=False)
        found += [made] if made else []
    return found


def _found(table: Table) -> list[dict[str, object]]:
    dates = [c for c in table.temporal if c.role == "date" and not c.of_origin and table.seen[c.name].varies]
    dates = dates[:MOST_DATES]
    if len(dates) < 2:
        return []
    shown = [_without_placeholders(table, column) for column in dates]
    numbers = [c.name for c in table.columns if c.type in {"integer", "number"}]
    taken = sampled(table, [f"epoch({sql})" for sql in shown] + [identifier(name) for name in numbers], _ROWS)
    moments, known = [doubles(each) for each in taken[: len(dates)]], [doubles(each) for each in taken[len(dates) :]]
    found: list[dict[str, object]] = []
    kept = promised([column.name for column in dates], moments)
    for start, end in kept[:_MOST]:
        unit = "days" if "date" in (dates[start].type, dates[end].type) else "hours"
        made = _made(table, (dates[start].name, shown[start]), (dates[end].name, shown[end]), unit, promise=True)
        found += [asdict(made)] if made else []
    pairs = []
    for start, end in permutations(range(len(dates)), 2):
        unit = "days" if "date" in (dates[start].type, dates[end].type) else "hours"
        if not {(start, end), (end, start)} & {*kept} and _belong(moments[start], moments[end], unit):
            pairs.append((start, end, unit))
    starts = [start for start, *_ in pairs]
    pairs.sort(key=lambda pair: -starts.count(pair[0]))
    for start, end, unit in pairs:
        lasted = _lasted(moments[start], moments[end], unit)
        if len(found) < _MOST and not any(_alike(lasted, each) for each in known):
            made = _made(table, (dates[start].name, shown[start]), (dates[end].name, shown[end]), unit)
            if made:
                found.append(asdict(made))
                known.append(lasted)
    return found


def _without_placeholders(table: Table, column: Column) -> str:
    """The SQL of a date, missing where it stands for none."""
    value = identifier(column.name)
    odd = [f"TIMESTAMP {literal(each['value'])}" for each in date_placeholders(table, [column])]
    return f"CASE WHEN CAST({value} AS TIMESTAMP) NOT IN ({', '.join(odd)}) THEN {value} END" if odd else value


def _lasted(start: Floats, end: Floats, unit: str) -> Floats:
    """What `_made` computes; NaN where a date is missing or the end before the start."""
    size = _SECONDS[unit]
    lasted = np.floor(end / size) - np.floor(start / size) if unit == "days" else (end - start) / size
    return np.where(lasted >= 0, lasted, np.nan)


def _belong(start: Floats, end: Floats, unit: str) -> bool:
    both = np.isfinite(start) & np.isfinite(end)
    if both.sum() < _FEWEST_ROWS:
        return False
    start, end = start[both], end[both]
    lasted = _lasted(start, end, unit)
    known = lasted[np.isfinite(lasted)]
    if len(known) < _IN_ORDER * len(lasted) or len(np.unique(known)) < _FEWEST_VALUES:
        return False
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    by_chance = float(np.hypot(_spread(start), _spread(end))) / _SECONDS[unit]
    return bool(high - low > _VARIES * middle and _spread(known) < _BOUND * by_chance)


def _spread(values: Floats) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low)


def _alike(lasted: Floats, other: Floats) -> bool:
    """Whether another number says the same, be it rounded or in another unit."""
    both = np.isfinite(lasted) & np.isfinite(other)
    if both.sum() < 0.5 * np.isfinite(lasted).sum():
        return False
    a, b = lasted[both], other[both]
    return bool(a.std() and b.std()) and float(np.corrcoef(a, b)[0, 1]) >= ALIKE


def _made(
    table: Table,
    start: tuple[str, str],
    end: tuple[str, str],
    unit: str,
    *,
    ordered: bool = True,
    promise: bool = False,
) -> Duration | None:
    """The duration over all rows; None where there is none, or the name is taken; or where rows are out of order after
    all, unless they need not be `ordered`; a `promise` may be kept early."""
    (one, since), (other, until) = start, end
    name = f"{unit} from {one} to {other}"
    if unit == "days":
        lasted = f"date_diff('day', CAST({since} AS DATE), CAST({until} AS DATE))"
    else:
        lasted = f"(epoch({until}) - epoch({since})) / {_SECONDS[unit]}"
    rows, back, without = table.one(
        f"SELECT count(*) FILTER ({lasted} >= 0), count(*) FILTER ({lasted} < 0), "
        f"count(*) FILTER ({since} IS NOT NULL AND {until} IS NULL) FROM data"
    )
    if (
        not rows + (back if promise else 0)
        or (ordered and not promise and rows < _IN_ORDER * (rows + back))
        or name.lower() in {column.name.lower() for column in table.columns}
    ):
        return None
    sql = f"CASE WHEN {lasted} >= 0 THEN CAST({lasted} AS DOUBLE) END"
    late = None
    if promise:
        rows, sql, late = rows + back, f"CAST({lasted} AS DOUBLE)", f"late ({other} after {one})"
    unfinished = without > _UNFINISHED * (rows + without) and _piled_up(table, since, until)
    return Duration(name, one, other, unit, sql, rows, without, back, unfinished, late)


def _piled_up(table: Table, since: str, until: str) -> bool:
    """Whether ends are missing more often in the last tenth of the rows, or in the last hundredth, than before, and not
    by chance."""
    (moments,) = table.one(f"SELECT approx_quantile(epoch({since}), {[*_LAST]}) FROM data")
    for moment in moments:
        late = f"epoch({since}) > {double(moment)}"
        counted = table.one(
            f"SELECT count(*) FILTER ({late} AND {until} IS NULL), count(*) FILTER ({late}), "
            f"count(*) FILTER (NOT {late} AND {until} IS NULL), count(*) FILTER (NOT {late}) FROM data"
        )
        if all(counted[1::2]) and evidence.difference(*counted)[0] > 0:
            return True
    return False
