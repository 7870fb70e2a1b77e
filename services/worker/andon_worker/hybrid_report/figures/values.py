"""Numeric columns as doubles in a range that arithmetic bears, and evenly spread samples of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table, double

Floats = NDArray[np.float64]

# The cube of a value must be a double, and so must a sum of fifty million of them.
_LARGEST, _SMALLEST = 1e90, 1e-90


@dataclass(frozen=True)
class Values:
    """A numeric column: how many values it has, and from where to where.

    `sql` is a value in units of `unit`: 1, or where the column's values are beyond what can be squared, the power of
    two that brings the largest near 1. Means and deviations come out in that unit; `original` takes them back.
    """

    name: str
    count: int
    low: float
    high: float
    unit: float = 1.0

    @property
    def varies(self) -> bool:
        return self.count > 0 and self.low < self.high

    @property
    def sql(self) -> str:
        value = f"CAST({identifier(self.name)} AS DOUBLE)"
        return value if self.unit == 1 else f"({value} / {double(self.unit)})"

    def original(self, value: float | None) -> float | None:
        """From units to the column's own scale; None where that is beyond a double."""
        if value is None:
            return None
        back = value * self.unit
        return back if math.isfinite(back) else None


def values_of(table: Table, names: Sequence[str]) -> dict[str, Values]:
    """The columns' extent and unit."""
    found = {}
    for name in names:
        seen = table.seen[name]
        low, high = seen.low or 0.0, seen.high or 0.0
        found[name] = Values(name, seen.count, low, high, _unit(low, high))
    return found


def _unit(low: float, high: float) -> float:
    largest = max(abs(low), abs(high))
    if largest == 0 or _SMALLEST <= largest <= _LARGEST:
        return 1.0
    # `frexp` gives 2 to the 1024th for the largest doubles, which is no double itself.
    return math.ldexp(1.0, min(math.frexp(largest)[1], 1023))


def sampled(table: Table, expressions: Sequence[str], rows: int) -> list[NDArray[np.generic]]:
    """The SQL expressions over about `rows` rows: all of a small table, else those that a hash of their place picks.

    The same rows each time. An even step would be blind to whatever repeats with it, as weekdays do.
    """
    if not expressions:
        return []
    wanted = "".join(f"{expression} AS c{place}, " for place, expression in enumerate(expressions))
    numbered = f"SELECT {wanted} row_number() OVER () AS row FROM data"  # in the order of the file
    step = max(1, round(table.rows / rows))
    picked = "" if step == 1 else f"WHERE hash(hash(row)) % {step} = 0"
    found = table.connection.execute(f"SELECT * EXCLUDE (row) FROM ({numbered}) {picked}").fetchnumpy()
    return [found[f"c{place}"] for place in range(len(expressions))]


def doubles(column: NDArray[np.generic]) -> Floats:
    """A sampled number as floats; NaN where it is missing."""
    return np.ma.filled(np.ma.asarray(column, dtype=np.float64), np.nan)


def codes(column: NDArray[np.generic]) -> tuple[NDArray[np.int64], list[str]]:
    """A sampled column of words as numbers from 0, by falling frequency; -1 where it is missing. And the words."""
    missing = np.ma.getmaskarray(column)
    words = np.asarray(np.ma.getdata(column)[~missing], dtype=object).astype(str)
    names, inverse, counts = np.unique(words, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    coded = np.full(len(column), -1, dtype=np.int64)
    coded[~missing] = rank[inverse]
    return coded, [str(name) for name in names[order]]
