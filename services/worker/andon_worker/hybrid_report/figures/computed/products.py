"""Columns that others make by multiplying, in every row, as amount = quantity x price: that they go together is no
finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.computed.sums import FEWEST_ROWS, Sum, first_rows, sums
from andon_worker.hybrid_report.figures.planned import planned
from andon_worker.hybrid_report.figures.survey import once
from andon_worker.hybrid_report.figures.table import Table, double
from andon_worker.hybrid_report.figures.values import Floats, values_of

QUOTIENT = "{0} / {1}"
_MOST_COLUMNS, _MOST_OF_THREE = 30, 12  # that are looked at, and where a third column may have a part
_FEWEST_VALUES = 3
_UNITS = 1.1  # of the last decimal, by which what was rounded once or twice may be off
_FINE = 0.05  # of the standard deviation: with more room anything would be a product
_DECIMALS, _DIGITS = 6, 4
_EXACT = 1e-9
_SAME = 0.9999  # one column in another unit, which makes nothing
_BY_SHARE: tuple[tuple[str, Callable[[Floats], Floats]], ...] = (
    ("(1 - {2})", lambda share: 1 - share),
    ("(1 - {2} / 100)", lambda share: 1 - share / 100),
    ("(1 + {2})", lambda share: 1 + share),
    ("(1 + {2} / 100)", lambda share: 1 + share / 100),
)

Product = dict[str, Any]


def made(table: Table) -> list[Sum]:
    """What is computed and then what of, of each column that is a sum or a product of others, the time between, or what
    came of a plan."""
    lasting = [
        (each.name, each.start, each.end, *(other.name for other in table.durations[:place] if each.shares(other)))
        for place, each in enumerate(table.durations)
    ]
    meant = [(each.actual, each.plan) for each in planned(table.columns)]
    return [*sums(table), *(tuple(each["columns"]) for each in products(table)), *lasting, *meant]


def products(table: Table) -> list[Product]:
    """`{columns: [made, a, b, ...], formula, factor}` of each column that is the product or the quotient of two others,
    less or more a share in a third, or times that, and times any number.

    `formula` is SQL in which `{0}` is the first of those that make it. Found in the first rows, tried over all.
    """
    return list(once(table, "products", lambda: {"found": _found(table)})["found"])


def _found(table: Table) -> list[Product]:
    every = values_of(table, [column.name for column in table.averaged]).values()
    names = [each.name for each in every if each.varies and each.unit == 1]  # what can be squared
    names = [name for name in names if table.seen[name].distinct >= _FEWEST_VALUES][:_MOST_COLUMNS]
    if len(names) < 3 or table.rows < FEWEST_ROWS:
        return []
    rows = first_rows(table, names)
    filled = np.isfinite(rows).sum(axis=0) >= FEWEST_ROWS
    names, rows = [name for name, enough in zip(names, filled, strict=True) if enough], rows[:, filled]
    slack, same = _slack(rows), _same(rows)
    told: dict[str, Product] = {}
    for formula, parts, values in _formulas(rows):
        table.control.check()
        for place, factor in _fitting(values, rows, slack):
            columns = [names[each] for each in (place, *parts)]
            known = columns[0] in told or any(set(columns) == set(each["columns"]) for each in told.values())
            if known or place in parts or any(same[place, part] for part in parts):
                continue
            if _holds(table, columns, formula, factor, slack[place]):
                told[columns[0]] = {"columns": columns, "formula": formula, "factor": factor}
    return list(told.values())


def _formulas(rows: Floats) -> Iterator[tuple[str, tuple[int, ...], Floats]]:
    """Each with the places of its columns and what it comes to; of two columns first: three may do no more."""
    width, few = rows.shape[1], min(rows.shape[1], _MOST_OF_THREE)
    with np.errstate(all="ignore"):
        for a, b in combinations(range(width), 2):
            yield "{0} * {1}", (a, b), rows[:, a] * rows[:, b]
        for a, b in permutations(range(width), 2):
            yield QUOTIENT, (a, b), rows[:, a] / rows[:, b]
        for a, b in combinations(range(few), 2):
            for c in (each for each in range(few) if each not in (a, b)):
                for formula, share in _BY_SHARE:
                    yield f"{{0}} * {{1}} * {formula}", (a, b, c), rows[:, a] * rows[:, b] * share(rows[:, c])
        for a, b, c in combinations(range(few), 3):
            yield "{0} * {1} * {2}", (a, b, c), rows[:, a] * rows[:, b] * rows[:, c]


def _fitting(values: Floats, rows: Floats, slack: Floats) -> Iterator[tuple[int, float]]:
    """The columns that are the values times a number, which is a plain one if that fits as well."""
    known = np.isfinite(rows) & np.isfinite(values)[:, None]
    x, y = np.where(known, values[:, None], 0.0), np.where(known, rows, 0.0)
    with np.errstate(all="ignore"):
        fitted = (x * y).sum(axis=0) / (x * x).sum(axis=0)
        off = np.abs(y - fitted * x).max(axis=0)
    for place in np.flatnonzero((off <= slack) & (known.sum(axis=0) >= FEWEST_ROWS)):
        plain = float(f"{fitted[place]:.{_DIGITS}g}")
        fits = np.abs(y[:, place] - plain * x[:, place]).max() <= slack[place]
        yield int(place), plain if fits else float(fitted[place])


def _slack(rows: Floats) -> Floats:
    """By how much each column may be off as it is rounded; nothing where that would be much of its spread, and by
    whole numbers: of these rates are made, and not they of rates."""
    with np.errstate(all="ignore"):
        decimals = [
            next((d for d in range(_DECIMALS) if np.allclose(column, column.round(d), 0, _EXACT)), _DECIMALS)
            for column in (each[np.isfinite(each)] for each in rows.T)
        ]
        slack = np.where(decimals, _UNITS * 10.0 ** -np.array(decimals), np.inf)
        return np.where(slack <= _FINE * np.nanstd(rows, axis=0), slack, _EXACT * np.nanmax(np.abs(rows), axis=0))


def _same(rows: Floats) -> NDArray[np.bool_]:
    """Which columns are each other in another unit."""
    whole = rows[np.isfinite(rows).all(axis=1)]
    if len(whole) < FEWEST_ROWS:
        return np.zeros((rows.shape[1], rows.shape[1]), dtype=bool)
    with np.errstate(all="ignore"):
        return np.abs(np.corrcoef(whole, rowvar=False)) >= _SAME


def _holds(table: Table, columns: list[str], formula: str, factor: float, slack: float) -> bool:
    own, *others = (f"CAST({identifier(name)} AS DOUBLE)" for name in columns)
    value = f"({formula.format(*others)}) * {double(factor)}"
    off = f"isfinite({value}) AND abs({own} - {value}) > {double(slack)}"
    (wrong,) = table.one(f"SELECT count(*) FROM data WHERE {off}")
    return not wrong
