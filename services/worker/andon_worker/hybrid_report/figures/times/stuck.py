"""Readings that stand still: one exact value for far longer than a column that varies otherwise keeps any."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.values import Floats, Values, doubles, values_of

_FEWEST_ROWS, _MOST_ROWS, _MOST_COLUMNS = 100, 300_000, 20
_REGULAR = 0.9  # of the steps from row to row, that are as long as the usual one
_FEWEST_VALUES, _FEWEST = 30, 12  # different ones of a column; rows of a run
_USUAL, _NEXT = 8, 4  # times as long as 99 of a hundred runs, and as any other
_ELSEWHERE = 0.1  # of the run's rows, that may have its value elsewhere where that is the least or the most of all
_MOST_THINGS = 5  # columns that may name what is read

Stuck = dict[str, Any]


def stuck(table: Table, time: str | None) -> list[Stuck]:
    """`{kind, columns: [name], value, rows, from, to, usual, by, of}` of each column that stood still, in tables of up
    to 300,000 rows that come regularly; of each thing that the column `by` names where several are read (`of` this
    one), else null. `usual` is how many rows 99 of a hundred runs of one value have at most.

    The least or the most that a column has is no standing still if it stands elsewhere as well, as no rain.
    """
    if time is None or not table.column(time).temporal or not _FEWEST_ROWS <= table.rows <= _MOST_ROWS:
        return []
    names = [c.name for c in table.averaged if not (c.along or c.running)]
    values = values_of(table, [name for name in names if table.seen[name].distinct >= _FEWEST_VALUES][:_MOST_COLUMNS])
    by = _thing(table, time) if values else None
    if not values or by is None:
        return []
    thing = f"CAST({identifier(by)} AS VARCHAR)" if by else "''"
    wanted = "".join(f", {each.sql} AS c{place}" for place, each in enumerate(values.values()))
    rows = table.connection.execute(
        f"SELECT {thing} AS thing, CAST({identifier(time)} AS TIMESTAMP) AS t{wanted} FROM data "
        f"WHERE {identifier(time)} IS NOT NULL ORDER BY 1, 2"
    ).fetchnumpy()
    _, things = np.unique(np.ma.getdata(rows["thing"]).astype(str), return_inverse=True)
    at = np.ma.getdata(rows["t"])
    if not _regular(at, things):
        return []
    found = []
    for place, each in enumerate(values.values()):
        table.control.check()
        x = doubles(rows[f"c{place}"])
        known = np.isfinite(x)
        if told := _longest(x[known], at[known], things[known], each):
            start = np.flatnonzero(known)[told.pop("start")]
            of = str(np.ma.getdata(rows["thing"])[start]) if by else None
            found.append({"kind": "stuck", "columns": [each.name], **told, "by": by or None, "of": of})
    return found


def _thing(table: Table, time: str) -> str | None:
    """The column that names what is read, where several things are at each moment; empty where one is, and None where
    none names it."""
    t = identifier(time)
    named = [c.name for c in table.columns if c.role in {"category", "code", "id"} and not c.temporal][:_MOST_THINGS]
    asked = ", ".join(f"count(DISTINCT ({identifier(name)}, {t}))" for name in named)
    moments, *pairs = table.one(f"SELECT count(DISTINCT {t}){', ' * bool(named)}{asked} FROM data")
    if moments == table.rows:
        return ""
    few = (name for name, many in zip(named, pairs, strict=True) if many == table.rows)
    return next((name for name in few if table.seen[name].distinct < 0.1 * table.rows), None)


def _regular(at: NDArray[Any], things: NDArray[np.int64]) -> bool:
    steps = np.diff(at)[things[1:] == things[:-1]]
    return len(steps) > 0 and float((steps == np.sort(steps)[len(steps) // 2]).mean()) >= _REGULAR


def _longest(x: Floats, at: NDArray[Any], things: NDArray[np.int64], values: Values) -> Stuck | None:
    """The longest run of one value, with the place at which it starts, if it is far longer than all others."""
    if len(x) < _FEWEST_ROWS:
        return None
    starts = np.flatnonzero(np.r_[True, (x[1:] != x[:-1]) | (things[1:] != things[:-1])])
    lengths = np.diff(np.r_[starts, len(x)])
    longest = int(lengths.argmax())
    many, usual = int(lengths[longest]), int(np.quantile(lengths, 0.99, method="inverted_cdf"))
    next_ = int(np.delete(lengths, longest).max(initial=0))
    value = float(x[starts[longest]])
    elsewhere = int((x == value).sum()) - many
    at_an_end = value in (x.min(), x.max()) and elsewhere > _ELSEWHERE * many
    if many < max(_FEWEST, _USUAL * usual, _NEXT * next_) or at_an_end:
        return None
    start, end = starts[longest], starts[longest] + many - 1
    ends = {
        key: periods.iso(moment.astype("datetime64[us]").item())
        for key, moment in (("from", at[start]), ("to", at[end]))
    }
    return {"start": int(start), "value": values.original(value), "rows": many, "usual": usual, **ends}
