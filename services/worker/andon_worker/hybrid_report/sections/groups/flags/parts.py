"""Numbers cut into a few parts of about equally many rows, by which a flag is compared as by groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.association import binned, cramers_v
from andon_worker.hybrid_report.figures.computed.copies import copies
from andon_worker.hybrid_report.figures.resampling import Floats
from andon_worker.hybrid_report.figures.table import Table, double
from andon_worker.hybrid_report.figures.values import Values, codes, doubles, sampled, values_of
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_ROWS

_PARTS, _NUMBERS = 5, 2  # of a number; numbers that are told of each flag
_MOST_COLUMNS, _ROWS = 40, 10_000
_LEAST, _SAME = 0.05, 0.999  # Cramér's V from which, and below which, they are counted


@dataclass(frozen=True)
class Parts:
    """A number with the inner edges of its parts, in its `unit`."""

    values: Values
    edges: Floats

    @property
    def name(self) -> str:
        return self.values.name

    @property
    def sql(self) -> str:
        """The place of a value's part, as text."""
        x = self.values.sql
        below = " ".join(f"WHEN {x} < {double(edge)} THEN '{place}'" for place, edge in enumerate(self.edges))
        return f"(CASE WHEN {x} IS NULL THEN NULL {below} ELSE '{len(self.edges)}' END)"


def telling(table: Table, flags: list[str]) -> list[tuple[str, Parts | None]]:
    """Each flag with each number that is looked at, in a sample; with its parts where it is one of the two that say
    most of the flag, and doesn't follow from it."""
    alike = copies(table)
    names = [c.name for c in table.averaged if not (c.running or c.along or c.name in alike)][:_MOST_COLUMNS]
    numbers = [each for each in values_of(table, names).values() if each.varies]
    if not flags or not numbers:
        return []
    words = [f"CAST({identifier(flag)} AS VARCHAR)" for flag in flags]
    taken = sampled(table, [*words, *(each.sql for each in numbers)], _ROWS)
    cut = [_cut(doubles(column)) for column in taken[len(flags) :]]
    found: list[tuple[str, Parts | None]] = []
    for flag, column in zip(flags, taken, strict=False):
        said, answers = codes(column)
        strengths = [_strength(said, len(answers), *each) for each in cut]
        likely = [place for place in np.argsort(strengths)[::-1] if _LEAST <= strengths[place] < _SAME][:_NUMBERS]
        found += [(flag, Parts(each, cut[place][1]) if place in likely else None) for place, each in enumerate(numbers)]
    return found


def _cut(column: Floats) -> tuple[np.ndarray, Floats]:
    return binned(column, min(_PARTS, max(2, int(np.isfinite(column).sum()) // FEWEST_ROWS)), FEWEST_ROWS)


def _strength(said: np.ndarray, answers: int, parts: np.ndarray, edges: Floats) -> float:
    known = (said >= 0) & (parts >= 0)
    counts = np.zeros((len(edges) + 1, answers))
    np.add.at(counts, (parts[known], said[known]), 1)
    return cramers_v(counts) if known.any() else 0.0
