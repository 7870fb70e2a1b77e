"""Columns that are the sum of others, in every row: that a total goes with its parts is no finding."""

from __future__ import annotations

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Floats, doubles, values_of

_MOST_COLUMNS = 60
_FIRST_ROWS = 400
FEWEST_ROWS = 8
_CLOSE = 1e-6
_MOST_PARTS = 20

Sum = tuple[str, ...]


def sums(table: Table) -> list[Sum]:
    """The total and then its parts, of each column that is the sum of two others or of several side by side.

    Found in the first rows, and tried over all of them.
    """
    names = [name for name, values in values_of(table, [c.name for c in table.averaged]).items() if values.varies]
    names = names[:_MOST_COLUMNS]
    if len(names) < 3 or table.rows < FEWEST_ROWS:
        return []
    rows = first_rows(table, names)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) < FEWEST_ROWS:
        return []
    likely = [tuple(names[place] for place in found) for found in (*_of_runs(rows), *_of_pairs(rows))]
    told: dict[str, Sum] = {}
    for total, *parts in likely:
        table.control.check()
        known = total in told or any({total, *parts} == set(each) for each in told.values())
        if not known and _holds(table, total, parts):
            told[total] = (total, *parts)
    return list(told.values())


def first_rows(table: Table, names: list[str]) -> Floats:
    """Some rows, a column for each name; what is missing is NaN."""
    wanted = ", ".join(f"CAST({identifier(name)} AS DOUBLE) AS c{place}" for place, name in enumerate(names))
    first = table.connection.execute(f"SELECT {wanted} FROM data LIMIT {_FIRST_ROWS}").fetchnumpy()
    return np.column_stack([doubles(first[f"c{place}"]) for place in range(len(names))])


def _of_runs(rows: Floats) -> list[list[int]]:
    """A total and at least three columns side by side."""
    count = rows.shape[1]
    upto = np.column_stack([np.zeros(len(rows)), rows.cumsum(axis=1)])
    return [
        [total, *range(start, stop)]
        for start in range(count)
        for stop in range(start + 3, min(count, start + _MOST_PARTS) + 1)
        for total in _equal(upto[:, stop] - upto[:, start], rows)
        if not start <= total < stop
    ]


def _of_pairs(rows: Floats) -> list[list[int]]:
    count = rows.shape[1]
    return [
        [total, a, b]
        for a in range(count)
        for b in range(a + 1, count)
        for total in _equal(rows[:, a] + rows[:, b], rows)
        if total not in (a, b)
    ]


def _equal(sum_: Floats, rows: Floats) -> list[int]:
    """The columns that are the sum; one of zeros is none's."""
    near = np.abs(rows - sum_[:, None]) <= _CLOSE * np.abs(rows).max(axis=0)
    return [int(place) for place in np.flatnonzero(near.all(axis=0)) if np.count_nonzero(rows[:, place]) > 2]


def _holds(table: Table, total: str, parts: list[str]) -> bool:
    own, *others = (f"CAST({identifier(name)} AS DOUBLE)" for name in (total, *parts))
    made = " + ".join(others)
    (wrong,) = table.one(f"SELECT count(*) FROM data WHERE abs({own} - ({made})) > {_CLOSE} * (1 + abs({own}))")
    return not wrong


def is_part(a: str, b: str, found: list[Sum]) -> bool:
    """Whether one of two columns is made of the other, be it through a third."""
    return a in _parts(b, found) or b in _parts(a, found)


def _parts(name: str, found: list[Sum]) -> set[str]:
    """All that a column is made of."""
    made_of: set[str] = set()
    new = {name}
    while new:
        made_of |= new
        new = {part for total, *parts in found if total in new for part in parts} - made_of
    return made_of - {name}
