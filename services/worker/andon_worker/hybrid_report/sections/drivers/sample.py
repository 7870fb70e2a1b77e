"""A column in a sample of the rows: its values as groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.reports import Column
from andon.reports.duck import identifier
from andon_worker.hybrid_report.evidence import FEWEST
from andon_worker.hybrid_report.figures.association import Codes, Floats, binned, outcome
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import codes, doubles, sampled, values_of

ROWS = 10_000
_BINS = 10
MOST_NAMES = 200  # told apart of a column; where it has more, all others are one group
_MOST_ANSWERS = 12
_SKEWED = 5.0


@dataclass(frozen=True)
class Sample:
    """A column's sample: its groups as codes, and what they stand for; `others` names are one group, the last."""

    name: str
    kind: str
    codes: Codes
    names: list[str]
    edges: Floats
    numbers: Floats | None
    unit: float = 1.0
    others: int = 0

    @property
    def width(self) -> int:
        return len(self.names) or len(self.edges) + 1

    @property
    def skewed(self) -> bool:
        """Whether a few values make up most of the spread: then ranks tell more than the values."""
        if self.numbers is None:
            return False
        y = self.numbers[np.isfinite(self.numbers)]
        y = (y - y.mean()) / (y.std() or 1.0)
        return bool(abs((y**3).mean()) >= _SKEWED)

    @property
    def answer(self) -> str | None:
        """Of two values the one whose share is told."""
        return outcome(self.names) if self.kind != "numeric" and self.width == 2 else None


def samples(table: Table, columns: list[Column]) -> list[Sample]:
    """The question first; of its words the twelve most frequent, of the others' thirty and all the rest."""
    numeric = [c.name for c in columns if c.averaged or (c.role in {"year", "geo"} and not c.temporal)]
    values = values_of(table, numeric)
    expressions = [
        values[c.name].sql
        if c.name in values
        else f"epoch({identifier(c.name)})"
        if c.temporal
        else f"CAST({identifier(c.name)} AS VARCHAR)"
        for c in columns
    ]
    found: list[Sample] = []
    for column, sample in zip(columns, sampled(table, expressions, ROWS), strict=True):
        if column.name in values or column.temporal:
            numbers = doubles(sample)
            groups, edges = binned(numbers, min(_BINS, max(2, np.isfinite(numbers).sum() // FEWEST)), FEWEST)
            unit = values[column.name].unit if column.name in values else 1.0
            years = column.role == "year" and found and not column.temporal
            kind = "year" if years else "numeric" if column.name in values else "temporal"
            found.append(Sample(column.name, kind, groups, [], edges, numbers, unit))
        else:
            coded, names = codes(sample)
            most = _MOST_ANSWERS if column is columns[0] else MOST_NAMES
            others = 0 if column is columns[0] else max(0, len(names) - most)
            coded[coded >= most] = most if others else -1
            names = [*names[:most], *([f"{others:,} others"] if others else [])]
            found.append(Sample(column.name, "categorical", coded, names, np.empty(0), None, others=others))
    return found
