"""The groups of a comparison that are shown, with their values in bins, ready to be resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.resampling import Bins
from andon_worker.hybrid_report.figures.table import Table, double
from andon_worker.hybrid_report.figures.values import Values, codes, doubles, sampled
from andon_worker.hybrid_report.sections.groups.gathering import Gathered, Sums
from andon_worker.hybrid_report.wording import label

BINS = 2_048
# Fewer rows than this make a mean too unsure to be called the highest or the lowest, unless all groups are small.
FEWEST_ROWS, FEWEST_OF_SMALL = 30, 5
_SPREAD = (0.05, 0.25, 0.5, 0.75, 0.95)
_SPREAD_ROWS = 100_000


@dataclass(frozen=True)
class Group:
    value: Any
    sum: float
    std: float | None
    bins: Bins

    @property
    def name(self) -> str:
        return label(self.value)


@dataclass
class Loaded:
    """The groups that are shown, in a measure's unit, and what is known of the others.

    `total` counts all groups; `sums` is None where they mean nothing; `spread` has of each group its quantiles.
    """

    group_by: str
    values: Values
    groups: list[Group]
    total: int
    rows_omitted: int
    fewest: int
    eta: float
    sums: Sums | None = None
    spread: dict[str, list[float | None]] = field(default_factory=dict)


def load(table: Table, group_by: str, values: Values, summed: bool) -> Loaded:
    """With `summed`, a total of the measure means something."""
    found = Gathered(table, group_by, values)
    if not found.total:
        return Loaded(group_by, values, [], 0, 0, FEWEST_ROWS, 0.0)
    fewest = FEWEST_ROWS if found.enough(FEWEST_ROWS) >= max(2, found.total / 2) else FEWEST_OF_SMALL
    most = choose.MOST_GROUPS
    largest = found.of_largest_sums(most) if summed else (found.of_most_rows(most),)
    shown = found.chosen(*largest, *found.ends(fewest), *found.ends(FEWEST_OF_SMALL))
    binned = _bins(table, found, [value for value, *_ in shown])
    return Loaded(
        group_by,
        values,
        [Group(value, sum_, std, binned[value]) for value, sum_, std, _ in shown],
        found.total,
        found.rows - sum(n for *_, n in shown),
        fewest,
        found.eta(),
        found.sums() if summed else None,
    )


def _bins(table: Table, found: Gathered, groups: list[Any]) -> dict[Any, Bins]:
    """Of each group its values, gathered in narrow bins."""
    values, g = found.values, identifier(found.group_by)
    low, high = values.low / values.unit, values.high / values.unit
    whole = values.unit == 1 and low == int(low) and high - low < BINS
    width = 1.0 if whole else (high - low) / BINS or 1.0
    x = values.sql
    rows = table.connection.execute(
        f"SELECT {g}, floor(({x} - {double(low)}) / {double(width)}), count(*), avg({x}), var_pop({x}) "
        f"{found.present} AND {g} IN (SELECT unnest(?)) GROUP BY 1, 2 ORDER BY 1, 2",
        [groups],
    ).fetchall()
    by_group: dict[Any, list[tuple[Any, ...]]] = {}
    for value, _, *numbers in rows:
        by_group.setdefault(value, []).append(tuple(numbers))
    return {value: _bins_of(each) for value, each in by_group.items()}


def _bins_of(rows: Sequence[tuple[Any, ...]]) -> Bins:
    counts, means, variances = zip(*rows, strict=True)
    return Bins(np.array(counts, dtype=np.int64), np.array(means, dtype=float), np.array(variances, dtype=float))


def spreads(table: Table, loaded: Loaded) -> dict[str, list[float | None]]:
    """Of each group its quantiles; in a large table those of a sample: they are drawn, not told."""
    group = f"CAST({identifier(loaded.group_by)} AS VARCHAR)"
    words, numbers = sampled(table, [group, loaded.values.sql], _SPREAD_ROWS)
    coded, names = codes(words)
    x = doubles(numbers)
    shown = {group.name for group in loaded.groups}
    found: dict[str, list[float | None]] = {}
    for place, name in enumerate(names):
        own = x[(coded == place) & np.isfinite(x)]
        if len(own) and label(name) in shown:
            found[label(name)] = [loaded.values.original(float(each)) for each in np.quantile(own, _SPREAD)]
    return found
