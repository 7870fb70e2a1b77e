"""Numeric columns that nearly repeat another, as a day's highest price does its lowest: they are told as one."""

from __future__ import annotations

import re

import numpy as np

from andon_worker.hybrid_report.figures.survey import once
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Floats, doubles, sampled, values_of

ALIKE = 0.98
SAME = 0.9999  # one follows from the other, whatever they are
_ALIKE_APART, _MOVING = 0.995, 0.97  # of two that lie apart, and of their changes from row to row
_CLOSE = 0.15  # between two values of a row, as a share of the column's standard deviation
_ROWS, _FEWEST_ROWS, _MOST_COLUMNS = 5_000, 10, 1_000
_TELLING = re.compile(r"(?i)\bclose\b|schluss|total|gesamt|final")


def copies(table: Table) -> dict[str, str]:
    """Of each column that nearly repeats another, which; told by a sample of the rows.

    Two are copies if one follows from the other, or if they are of one role and unit, and correlate by 0.98 while they
    lie close together, or by 0.995 while they also change together from row to row: whatever grows correlates. Of
    several the first is the one that the others repeat, or that which is called a total, or a closing price.
    """
    return once(table, "copies", lambda: _found(table))


def _found(table: Table) -> dict[str, str]:
    periods = table.across
    some = [c for c in table.averaged if not (periods and c.name in periods.starts)][:_MOST_COLUMNS]
    if len(some) < 2 or table.rows < _FEWEST_ROWS:
        return {}
    values = values_of(table, [c.name for c in some])
    taken = sampled(table, [each.sql for each in values.values()], _ROWS)
    rows = np.column_stack([doubles(each) for each in taken])
    sets: list[list[int]] = []
    for i, j in _likely(rows):
        table.control.check()
        alike = _are_copies(rows[:, i], rows[:, j], (some[i].role, some[i].unit) == (some[j].role, some[j].unit))
        if alike and values[some[i].name].varies and values[some[j].name].varies:
            known = next((each for each in sets if i in each or j in each), None)
            if known is None:
                sets.append([i, j])
            else:
                known += [place for place in (i, j) if place not in known]
    found: dict[str, str] = {}
    for each in sets:
        names = [some[place].name for place in sorted(each)]
        kept = next((name for name in names if _TELLING.search(name)), names[0])
        found |= {name: kept for name in names if name != kept}
    return found


def _likely(rows: Floats) -> list[tuple[int, int]]:
    """Pairs that may correlate so much, by one product of matrices: what is missing counts as the mean there."""
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = rows - np.nansum(rows, axis=0) / np.isfinite(rows).sum(axis=0)
        centred = np.nan_to_num(centred / np.sqrt(np.nansum(centred**2, axis=0)))
    near = np.abs(np.triu(centred.T @ centred, 1)) >= ALIKE * 0.9
    return [(int(i), int(j)) for i, j in np.argwhere(near)]


def _are_copies(a: Floats, b: Floats, of_one_kind: bool) -> bool:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < max(_FEWEST_ROWS, 0.5 * max(np.isfinite(a).sum(), np.isfinite(b).sum())):
        return False
    a, b = a[both], b[both]
    together = abs(_correlation(a, b))
    if together >= SAME or together < ALIKE or not of_one_kind:
        return together >= SAME
    close = bool(np.median(np.abs(a - b)) < _CLOSE * a.std())
    return close or (together >= _ALIKE_APART and _correlation(np.diff(a), np.diff(b)) >= _MOVING)


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() and b.std() else 0.0
