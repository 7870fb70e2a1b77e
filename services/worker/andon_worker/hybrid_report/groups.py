"""Section "groups": means per group, with bootstrap confidence intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import choose
from andon_worker.hybrid_report.bootstrap import Bins, Floats, interval, resampled_means, seed_of
from andon_worker.hybrid_report.table import Table, clean, double, open_table
from andon_worker.hybrid_report.wording import label

BINS = 2_048
# Fewer rows than this make a mean too unsure to be called the highest or the lowest.
FEWEST_ROWS = 30


def groups(parquet: Path, options: ReportOptions, control: Control) -> dict[str, Any]:
    """`{resamples, confidence, comparisons: [...]}`, one for each grouping and measure.

    A comparison is `{groupBy, measure, groupsOmitted, groups: [{value, rows, mean, std, low, high}], difference}`, the
    groups by falling mean, the 20 largest if there are more. `low` and `high` bound the mean; null without
    resamples, or if the group has a single row. `difference` is between the highest and the lowest mean among groups
    of at least 30 rows: `{highest, lowest, estimate, low, high}`; null if there are not two.
    """
    with open_table(parquet, options, control) as table:
        measures = choose.measures(table, options)
        pairs = [(g, m) for g in choose.groupings(table, options) for m in measures if g != m]
        loaded = []
        for place, (group_by, measure) in enumerate(pairs):
            control.progress(0.2 * place / len(pairs), f"{measure} by {group_by}")
            loaded.append(_load(table, group_by, measure))
    # Resampling needs no database: its memory is free by now.
    comparisons = []
    for place, ((group_by, measure), (found, omitted)) in enumerate(zip(pairs, loaded, strict=True)):
        share = _Share(control, 0.2 + 0.8 * place / len(pairs), 0.8 / len(pairs), f"{measure} by {group_by}")
        comparison = _compare(found, options, seed_of(options.seed, group_by, measure), share)
        comparisons.append({"groupBy": group_by, "measure": measure, "groupsOmitted": omitted, **comparison})
    return clean({"resamples": options.resamples, "confidence": options.confidence, "comparisons": comparisons})


class _Share:
    """Progress over one comparison's groups, with a check in each call."""

    def __init__(self, control: Control, start: float, width: float, note: str) -> None:
        self._control, self._start, self._width, self._note = control, start, width, note

    def __call__(self, fraction: float) -> None:
        self._control.check()
        self._control.progress(self._start + self._width * fraction, self._note)


def _load(table: Table, group_by: str, measure: str) -> tuple[list[tuple[str, float | None, Bins]], int]:
    """Of each group its name, standard deviation and values in bins; and how many groups were left out."""
    g, x = identifier(group_by), identifier(measure)
    present = f"FROM data WHERE {g} IS NOT NULL AND {x} IS NOT NULL"
    (total,) = table.one(f"SELECT approx_count_distinct({g}) {present}")
    largest = table.all(
        f"SELECT {g}, stddev_samp({x}), count(*) {present} GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT {choose.MOST_GROUPS}"
    )
    low, high = table.one(f"SELECT min({x}), max({x}) FROM data")
    if not largest or low is None:
        return [], 0
    whole = isinstance(low, int) and high - low < BINS
    width = 1.0 if whole else (high - low) / BINS or 1.0
    binned = (
        f"SELECT {g}, floor(({x} - {double(low)}) / {double(width)}), "
        f"count(*), avg({x}), var_pop({x}) "
        f"{present} AND {g} IN (SELECT unnest(?)) GROUP BY 1, 2 ORDER BY 1, 2"
    )
    rows = table.connection.execute(binned, [[value for value, _, _ in largest]]).fetchall()
    by_group: dict[Any, list[tuple[Any, ...]]] = {}
    for value, _, *numbers in rows:
        by_group.setdefault(value, []).append(tuple(numbers))
    found = [(label(value), std, _bins(by_group[value])) for value, std, _ in largest]
    return found, max(0, total - len(largest)) if len(largest) == choose.MOST_GROUPS else 0


def _bins(rows: list[tuple[Any, ...]]) -> Bins:
    counts, means, variances = zip(*rows, strict=True)
    return Bins(np.array(counts, dtype=np.int64), np.array(means, dtype=float), np.array(variances, dtype=float))


def _compare(
    found: list[tuple[str, float | None, Bins]], options: ReportOptions, seed: list[int], share: _Share
) -> dict[str, Any]:
    found = sorted(found, key=lambda each: (-each[2].mean, each[0]))
    sure = [name for name, _, bins in found if bins.rows >= FEWEST_ROWS]
    ends = {sure[0], sure[-1]} if len(sure) > 1 else set()
    kept: dict[str, Floats] = {}
    groups = []
    for place, (name, std, bins) in enumerate(found):
        low = high = None
        if options.resamples and bins.rows > 1:
            means = _resample(name, bins, options, seed, share, place, len(found))
            if name in ends:
                kept[name] = means.copy()
            low, high = interval(means, options.confidence)
        groups.append({"value": name, "rows": bins.rows, "mean": bins.mean, "std": std, "low": low, "high": high})
    return {"groups": groups, "difference": _difference(groups, sure, kept, options) if ends else None}


def _resample(
    name: str, bins: Bins, options: ReportOptions, seed: list[int], share: _Share, place: int, count: int
) -> Floats:
    def after_chunk(done: int) -> None:
        share((place + done / options.resamples) / count)

    return resampled_means(bins, options.resamples, [*seed, *seed_of(place, name)], after_chunk)


def _difference(
    groups: list[dict[str, Any]], sure: list[str], kept: dict[str, Floats], options: ReportOptions
) -> dict[str, Any]:
    means = {group["value"]: group["mean"] for group in groups}
    highest, lowest = sure[0], sure[-1]
    low = high = None
    if highest in kept and lowest in kept:
        low, high = interval(kept[highest] - kept[lowest], options.confidence)
    return {
        "highest": highest,
        "lowest": lowest,
        "estimate": means[highest] - means[lowest],
        "low": low,
        "high": high,
    }
