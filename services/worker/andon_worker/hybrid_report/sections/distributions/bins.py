"""Into which bars numbers and moments go, and the SQL that counts them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from andon.reports import Column
from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import double
from andon_worker.hybrid_report.figures.values import Floats, Values

BINS = 40
_FEWEST_BINS = 8
_FEW_STEPS, _SEEN = 12, 20  # steps that all have a bar of their own; and how many of a bar are seen as such
_MOST_DECIMALS, _EXACT, _NEAR = 4, 1e12, 1e-6
_SKEWED = 3.0  # from this skewness on, a column of positive values is drawn by its logarithm
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000)


@dataclass(frozen=True)
class Bins:
    """Where the edges lie, and the SQL of the place of a value among them: -1 below the first, `len` above the last."""

    edges: Sequence[Any]
    place: str
    log: bool = False

    def histogram(self, counts: dict[int, int]) -> dict[str, Any]:
        bins = len(self.edges) - 1
        return {
            "edges": list(self.edges),
            "counts": [counts.get(place, 0) for place in range(bins)],
            "below": counts.get(-1, 0),
            "above": counts.get(bins, 0),
            "log": self.log,
        }


def _place(value: str, start: float, stop: float, width: float, bins: int) -> str:
    """The bin of a value; its last edge is in the last bin. What is missing has no place."""
    return (
        f"CASE WHEN {value} < {double(start)} THEN -1 WHEN {value} > {double(stop)} THEN {bins} "
        f"WHEN {value} IS NOT NULL THEN "
        f"least(greatest(CAST(floor(({value} - {double(start)}) / {double(width)}) AS INTEGER), 0), {bins - 1}) END"
    )


def step_of(values: Floats) -> float | None:
    """The step on which numbers stand, as 0.1 or 5; None for numbers of many digits."""
    known = values[np.isfinite(values)]
    for decimals in range(_MOST_DECIMALS + 1):
        scaled = known * 10.0**decimals
        if len(known) > 1 and np.abs(scaled).max() < _EXACT and np.abs(scaled - scaled.round()).max() < _NEAR:
            whole = scaled.round().astype(np.int64)
            return float(np.gcd.reduce(whole - whole.min())) / 10.0**decimals or None
    return None


def bins_of(
    column: Column, found: dict[str, Any], values: Values, start: float | None, end: float | None, step: float | None
) -> Bins | None:
    """Bins of numbers; those beyond `start` and `end` are counted alone where the tails are long. Each holds as many
    of the steps on which they stand as any other: else some were higher for having one more."""
    if not values.count or start is None or end is None:
        return None
    if found["min"] > 0 and (found["skewness"] or 0) >= _SKEWED and end > 20 * start:
        return _log_bins(values)
    most = _most_bins(values.count)
    low, high, sql, unit = values.low / values.unit, values.high / values.unit, values.sql, values.unit
    start, end = start / unit, end / unit
    # Tails are cut only if they are long: else the histogram would hide ends that it has room for.
    grid = 1.0 if column.type == "integer" else step
    few = bool(grid) and (high - low) / (grid or 1.0) < _FEW_STEPS
    start, end = (low, high) if few or (high - low) <= 2 * (end - start) or start == end else (start, end)
    if grid and unit == 1 and (column.type == "integer" or (end - start) / grid < _SEEN * most):
        first, last = math.floor(start / grid + _NEAR), math.floor(end / grid + _NEAR)
        together = max(1, math.ceil((last - first + 1) / most))
        bins = math.ceil((last - first + 1) / together)
        start, width = (first - 0.5) * grid, together * grid
    else:
        bins, width = most, (end - start) / most
        if not width or start + width == start:
            start, width, bins = start - 0.5, 1.0, 1
    edges = [(start + place * width) * unit for place in range(bins + 1)]
    if not all(map(math.isfinite, edges)):
        return None
    return Bins(edges, _place(sql, start, start + bins * width, width, bins))


def _most_bins(values: int) -> int:
    """As many bars as so few values fill."""
    return min(BINS, max(_FEWEST_BINS, math.ceil(2 * math.sqrt(values))))


def _log_bins(values: Values) -> Bins | None:
    low, high = math.log10(values.low), math.log10(values.high)
    bins = _most_bins(values.count)
    width = (high - low) / bins
    if not width:
        return None
    edges = [10.0 ** (low + place * width) for place in range(bins + 1)]
    edges[0], edges[-1] = values.low, values.high
    own = f"CAST({identifier(values.name)} AS DOUBLE)"
    return Bins(edges, _place(f"log10({own})", low, high, width, bins), log=True)


def bins_of_time(c: str, found: dict[str, Any], monthly: bool) -> Bins | None:
    """Bins of whole days, or of whole months: of others some would hold a day more than others, or no month's first.

    `monthly` is whether all are months' firsts.
    """
    if not found["count"]:
        return None
    low, high = datetime.fromisoformat(found["min"]), datetime.fromisoformat(found["max"])
    seconds = (high - low).total_seconds()
    if not seconds:
        return None
    days, months = seconds / 86_400, 12 * (high.year - low.year) + high.month - low.month
    if days <= 3:
        width = seconds / BINS
        edges = [(low + timedelta(seconds=round(place * width))).isoformat() for place in range(BINS)]
        start = (low - datetime(1970, 1, 1)).total_seconds()
        return Bins([*edges, high.isoformat()], _place(f"epoch({c})", start, start + seconds, width, BINS))
    if days <= _DAYS[-1] * BINS and not monthly:
        step = next(step for step in _DAYS if days / step <= BINS)
        first = datetime(low.year, low.month, low.day)
        bins = int((high - first).days // step) + 1
        start = (first - datetime(1970, 1, 1)).total_seconds()
        stops = [first + timedelta(days=step * place) for place in range(bins + 1)]
        place = _place(f"epoch({c})", start, start + bins * step * 86_400, step * 86_400, bins)
        return Bins([stop.isoformat() for stop in stops], place)
    yearly = monthly and low.month == high.month == 1 and months > 24
    step = next(step for step in _MONTHS if months / step < BINS and (step >= 12 or not yearly))
    begin = (12 * low.year + low.month - 1) // step * step
    bins = (12 * high.year + high.month - 1 - begin) // step + 1
    counted = [begin + step * place for place in range(bins + 1)]
    edges = [datetime(month // 12, month % 12 + 1, 1).isoformat() for month in counted]
    return Bins(edges, _place(f"(12 * year({c}) + month({c}) - 1)", begin, begin + bins * step, step, bins))
