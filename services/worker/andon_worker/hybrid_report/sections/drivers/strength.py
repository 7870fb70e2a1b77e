"""How much one column says of another, and whether chance alone would make it so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.figures.association import (
    Resampled,
    correlation_ratio,
    cramers_v,
    mutual_information,
    ranks,
    with_interval,
)
from andon_worker.hybrid_report.sections.drivers.sample import Sample
from andon_worker.hybrid_report.wording import label

SAME = 0.9999


def driver_of(
    asked: Sample, other: Sample, known: NDArray[np.bool_], resampled: Resampled, confidence: float, among: int
) -> dict[str, Any]:
    """A driver as `compute` says of it, with `chance`: whether chance makes the best of so many columns so strong."""
    theirs, ours = other.codes[known], asked.codes[known]
    both = np.where(theirs >= 0, theirs * asked.width + ours, -1)
    shape = (other.width, asked.width)
    table = np.bincount(both[both >= 0], minlength=shape[0] * shape[1]).astype(float).reshape(shape)
    if asked.kind == "numeric" and asked.numbers is not None:
        y = ranks(asked.numbers[known]) if asked.skewed else asked.numbers[known]
        y = (y - y.mean()) / (y.std() or 1.0)
        inside = theirs >= 0
        sums, squares = (
            np.bincount(theirs[inside], weights=v[inside], minlength=other.width).astype(float) for v in (y, y * y)
        )
        counts = np.bincount(theirs[inside], minlength=other.width).astype(float)
        strength = correlation_ratio(counts, sums, squares)
        left = evidence.ratio(strength, int(counts.sum()), int((counts > 0).sum()), among)
        parts = (resampled.totals(theirs, other.width, v) for v in (None, y, y * y))
        drawn = np.array([correlation_ratio(*each) for each in zip(*parts, strict=True)])
    else:
        strength = cramers_v(table)
        sizes = [int((table.sum(axis=axis) > 0).sum()) for axis in (0, 1)]
        left = evidence.cramers_v(strength, int(table.sum()), sizes[0], sizes[1], among)
        tables = resampled.totals(both, shape[0] * shape[1])
        drawn = np.array([cramers_v(each.reshape(shape)) for each in tables])
    low, high = with_interval(strength, drawn, confidence)
    return {
        "column": other.name,
        "kind": other.kind,
        "others": other.others,
        "strength": strength,
        "low": low,
        "high": high,
        "chance": left == 0,
        "rows": int((theirs >= 0).sum()),
        "information": mutual_information(table),
        "groups": [],
    }


def follows(asked: Sample, other: Sample) -> bool:
    """Whether one number is the other in another unit, or tells of each row which of two values it has."""
    if asked.answer is not None and other.kind == "numeric":
        both = (asked.codes >= 0) & (other.codes >= 0)
        pairs = np.unique(other.codes[both] * asked.width + asked.codes[both])
        return len(np.unique(pairs % asked.width)) == asked.width and len(pairs) == len(np.unique(other.codes[both]))
    if asked.numbers is None or other.numbers is None or other.kind != "numeric":
        return False
    both = np.isfinite(asked.numbers) & np.isfinite(other.numbers)
    a, b = asked.numbers[both], other.numbers[both]
    if len(a) < 3 or not a.std() or not b.std():
        return False
    return bool(abs(np.corrcoef(a, b)[0, 1]) > SAME)


def groups_of(asked: Sample, other: Sample) -> list[dict[str, Any]]:
    told = []
    for code in range(other.width):
        its = (other.codes == code) & (asked.codes >= 0)
        rows = int(its.sum())
        if not rows:
            continue
        if asked.kind == "numeric" and asked.numbers is not None:
            value: float | None = float(asked.numbers[its].mean()) * asked.unit
        elif asked.answer is not None:
            value = float((asked.codes[its] == asked.names.index(asked.answer)).mean())
        else:
            value = None
        told.append({**_of(other, code), "rows": rows, "value": value})
    return told


def _of(other: Sample, code: int) -> dict[str, Any]:
    """What a group is: a name, or from where to where its numbers go."""
    if other.names:
        return {"name": label(other.names[code], 60)}
    numbers = other.numbers[other.codes == code] * other.unit if other.numbers is not None else np.empty(0)
    if other.kind == "temporal":
        low, high = (np.datetime64(int(end), "s").astype(str) for end in (numbers.min(), numbers.max()))
        return {"from": str(low), "to": str(high)}
    return {"from": float(numbers.min()), "to": float(numbers.max())}
