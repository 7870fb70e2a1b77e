"""Columns that are the sum of others, in every row: that a total goes with its parts is no finding."""

from __future__ import annotations

from typing import Any

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.survey import once
from andon_worker.hybrid_report.figures.table import Table, double
from andon_worker.hybrid_report.figures.values import Floats, doubles, values_of

_MOST_COLUMNS = 60
_FIRST_ROWS = 400
FEWEST_ROWS = 8
_CLOSE = 1e-6
_MOST_PARTS = 60
_DECIMALS, _FINE = 6, 0.01  # of rounded numbers; of the standard deviation, up to which rounding may be of a sum

Sum = tuple[str, ...]


def sums(table: Table) -> list[Sum]:
    """The total and then its parts, of each column that is the sum of two others or of several side by side, be it but
    for rounding. Of parts that are sums themselves what they are made of may stand between them.

    Found in the first rows, and tried over all of them.
    """
    return [tuple(each) for each in once(table, "sums", lambda: _found(table))["found"]]


def rounded(table: Table) -> set[str]:
    """The totals that are off by what rounding makes."""
    return set(once(table, "sums", lambda: _found(table))["rounded"])


def _found(table: Table) -> dict[str, list[Any]]:
    names = [name for name, values in values_of(table, [c.name for c in table.averaged]).items() if values.varies]
    names = names[:_MOST_COLUMNS]
    told: dict[str, list[str]] = {}
    off: list[str] = []
    rows = first_rows(table, names) if len(names) > 2 and table.rows >= FEWEST_ROWS else np.empty((0, 0))
    rows = rows[np.isfinite(rows).all(axis=1)]
    if len(rows) < FEWEST_ROWS:
        return {"found": [], "rounded": []}
    halves = _halves(rows)
    left = list(range(len(names)))
    while likely := [*_of_runs(rows, left, halves), *(() if told else _of_pairs(rows, halves))]:
        known = len(told)
        for total, *parts in likely:
            table.control.check()
            each = [names[place] for place in (total, *parts)]
            if each[0] not in told and not any({*each} == {*other} for other in told.values()):
                slack = float(halves[[total, *parts]].sum())
                wrong, inexact = _off(table, each[0], each[1:], slack)
                told |= {} if wrong else {each[0]: each}
                off += [each[0]] if inexact and not wrong else []
        if len(told) == known:
            break
        parts_of = {name for _, *parts in told.values() for name in parts}
        left = [place for place in left if names[place] not in parts_of]
    return {"found": _gathered(told), "rounded": off}


def _gathered(told: dict[str, list[str]]) -> list[list[str]]:
    """The sums, with a total that has some of the parts of another in their place there, the largest first."""
    found = []
    for total, *parts in told.values():
        for other, *some in sorted(told.values(), key=len, reverse=True):
            if other != total and {*some} < {*parts}:
                parts = [other, *(name for name in parts if name not in some)]
        found.append([total, *parts])
    return found


def first_rows(table: Table, names: list[str]) -> Floats:
    """Some rows, a column for each name; what is missing is NaN."""
    wanted = ", ".join(f"CAST({identifier(name)} AS DOUBLE) AS c{place}" for place, name in enumerate(names))
    first = table.connection.execute(f"SELECT {wanted} FROM data LIMIT {_FIRST_ROWS}").fetchnumpy()
    return np.column_stack([doubles(first[f"c{place}"]) for place in range(len(names))])


def _halves(rows: Floats) -> Floats:
    """Half of each column's last decimal; nothing where that is much of its spread."""
    decimals = [
        next((d for d in range(_DECIMALS) if np.allclose(each, each.round(d), 0, 1e-9)), None) for each in rows.T
    ]
    halves = np.array([0.0 if d is None else 0.5 * 10.0**-d for d in decimals])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(halves <= _FINE * rows.std(axis=0), halves, 0.0)


def _of_runs(rows: Floats, places: list[int], halves: Floats) -> list[list[int]]:
    """A total and at least three columns side by side, among those in the places."""
    count, some = len(places), rows[:, places]
    upto = np.column_stack([np.zeros(len(rows)), some.cumsum(axis=1)])
    return [
        [total, *parts]
        for start in range(count)
        for stop in range(start + 3, min(count, start + _MOST_PARTS) + 1)
        for parts in [places[start:stop]]
        for total in _equal(upto[:, stop] - upto[:, start], rows, parts, halves)
    ]


def _of_pairs(rows: Floats, halves: Floats) -> list[list[int]]:
    count = rows.shape[1]
    return [
        [total, a, b]
        for a in range(count)
        for b in range(a + 1, count)
        for total in _equal(rows[:, a] + rows[:, b], rows, [a, b], halves)
    ]


def _equal(sum_: Floats, rows: Floats, parts: list[int], halves: Floats) -> list[int]:
    """The columns that are the sum of the parts; one of zeros is none's. Where they are off by no more than rounding
    makes, each part counts for more than that."""
    by_rounding = halves[parts].sum() + halves
    largest = np.abs(rows).max(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        fine = np.nan_to_num(_FINE * rows.std(axis=0), posinf=0.0)
    by_rounding = np.where(by_rounding < largest[parts].min(), np.minimum(by_rounding, fine), 0.0)
    near = np.abs(rows - sum_[:, None]) <= np.maximum(_CLOSE * largest, by_rounding)
    found = (int(place) for place in np.flatnonzero(near.all(axis=0)) if place not in parts)
    return [place for place in found if np.count_nonzero(rows[:, place]) > 2]


def _off(table: Table, total: str, parts: list[str], slack: float) -> tuple[int, int]:
    """In how many rows a total isn't the sum of its parts, but for rounding; and not to the last digit."""
    own, *others = (f"CAST({identifier(name)} AS DOUBLE)" for name in (total, *parts))
    off = f"abs({own} - ({' + '.join(others)}))"
    close = f"{_CLOSE} * (1 + abs({own}))"
    far = f"greatest({close}, {double(slack)})"
    wrong, inexact = table.one(f"SELECT count(*) FILTER ({off} > {far}), count(*) FILTER ({off} > {close}) FROM data")
    return wrong, inexact


def largest(found: list[Sum]) -> Sum:
    """The total that most columns are in, and those of them that are no totals; nothing where there is none."""
    return max(((total, *sorted(_leaves(total, found))) for total, *_ in found), key=len, default=())


def is_part(a: str, b: str, found: list[Sum]) -> bool:
    """Whether one of two columns is made of the other, be it through a third."""
    return a in parts_of(b, found) or b in parts_of(a, found)


def are_parts(a: str, b: str, found: list[Sum]) -> bool:
    """Whether both are parts of one total."""
    return any({a, b} <= parts_of(total, found) for total, *_ in found)


def parts_of(name: str, found: list[Sum]) -> set[str]:
    """All that a column is made of, and the totals of some of that."""
    leaves = _leaves(name, found)
    return _chain(name, found) | {total for total, *_ in found if _leaves(total, found) < leaves}


def _leaves(name: str, found: list[Sum]) -> set[str]:
    """What a column is made of that is no total."""
    return _chain(name, found) - {total for total, *_ in found}


def _chain(name: str, found: list[Sum]) -> set[str]:
    made_of: set[str] = set()
    new = {name}
    while new:
        made_of |= new
        new = {part for total, *parts in found if total in new for part in parts} - made_of
    return made_of - {name}
