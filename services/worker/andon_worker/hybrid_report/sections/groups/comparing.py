"""Groups against each other: which are ranked, and between what a mean lies for sure."""

from __future__ import annotations

import math
from typing import Any

from andon.reports import Control, ReportOptions
from andon_worker.hybrid_report.figures.resampling import Floats, interval, resampled_means, seed_of
from andon_worker.hybrid_report.sections.groups.loading import FEWEST_OF_SMALL, Group, Loaded
from andon_worker.hybrid_report.sections.groups.recommending import score

_ERRORS = 3.0  # by which the mean of a small group lies apart for sure


class Share:
    """Progress over one comparison's groups, with a check in each call."""

    def __init__(self, control: Control, start: float, width: float, note: str) -> None:
        self._control, self._start, self._width, self._note = control, start, width, note

    def __call__(self, fraction: float) -> None:
        self._control.check()
        self._control.progress(self._start + self._width * fraction, self._note)


def compare(
    loaded: Loaded, options: ReportOptions, seed: list[int], share: Share, recommended: bool = False
) -> dict[str, Any]:
    """A comparison, as `compute` says of it."""
    original = loaded.values.original
    ranked = _ranked(loaded)
    ordered = sorted(loaded.groups, key=lambda each: (each.name not in ranked, -each.bins.mean, each.name))
    sure = [group for group in ordered if group.name in ranked]
    ends = (sure[0], sure[-1]) if len(sure) > 1 else None
    drawn_at: dict[str, Floats] = {}
    groups = []
    for place, group in enumerate(ordered):
        low = high = None
        if options.resamples and group.bins.rows > 1:
            drawn = _resample(group, options, seed, share, place, len(ordered))
            if ends and group.name in (ends[0].name, ends[1].name):
                drawn_at[group.name] = drawn.copy()
            low, high = interval(drawn, options.confidence)
        groups.append(
            {
                "value": group.name,
                "rows": group.bins.rows,
                "ranked": group.name in ranked,
                "sum": original(group.sum) if loaded.sums else None,
                "mean": original(group.bins.mean),
                "std": original(group.std),
                "low": original(low),
                "high": original(high),
                "spread": loaded.spread.get(group.name),
                "nps": score(group.bins) if recommended else None,
            }
        )
    return {
        "groupBy": loaded.group_by,
        "measure": loaded.values.name,
        "total": loaded.total,
        "fewest": loaded.fewest,
        "groupsOmitted": loaded.total - len(groups),
        "rowsOmitted": loaded.rows_omitted,
        "eta": loaded.eta,
        "sums": loaded.sums and loaded.sums.told(loaded.values),
        "groups": groups,
        "difference": _difference(*ends, drawn_at, options, loaded) if ends else None,
    }


def _ranked(loaded: Loaded) -> set[str]:
    """The groups of enough rows, and the small ones whose mean lies beyond all of theirs by some standard errors."""
    many = [group for group in loaded.groups if group.bins.rows >= loaded.fewest]
    reach = {group.name: _ERRORS * (group.std or 0.0) / group.bins.rows**0.5 for group in loaded.groups}
    low = min((group.bins.mean - reach[group.name] for group in many), default=-math.inf)
    high = max((group.bins.mean + reach[group.name] for group in many), default=math.inf)
    apart = [
        group
        for group in loaded.groups
        if group.bins.rows >= FEWEST_OF_SMALL
        and (group.bins.mean - reach[group.name] > high or group.bins.mean + reach[group.name] < low)
    ]
    return {group.name for group in (*many, *apart)}


def _resample(group: Group, options: ReportOptions, seed: list[int], share: Share, place: int, count: int) -> Floats:
    def after_chunk(done: int) -> None:
        share((place + done / options.resamples) / count)

    return resampled_means(group.bins, options.resamples, [*seed, *seed_of(place, group.name)], after_chunk)


def _difference(
    highest: Group, lowest: Group, drawn: dict[str, Floats], options: ReportOptions, loaded: Loaded
) -> dict[str, Any]:
    original = loaded.values.original
    low = high = None
    if highest.name in drawn and lowest.name in drawn:
        low, high = interval(drawn[highest.name] - drawn[lowest.name], options.confidence)
    return {
        "highest": highest.name,
        "lowest": lowest.name,
        "estimate": original(highest.bins.mean - lowest.bins.mean),
        "low": original(low),
        "high": original(high),
    }
