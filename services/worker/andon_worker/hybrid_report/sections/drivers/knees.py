"""Where along a driver the question begins to rise or fall, or ends to: two lines that meet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from andon_worker.hybrid_report.figures.association import Floats
from andon_worker.hybrid_report.sections.drivers.sample import Sample

_FEWEST, _FEWEST_VALUES = 60, 12  # rows, and different values along which two lines can be told from steps
_PLACES, _EDGE = 40, 0.05  # breakpoints that are tried, and the rows on either side of them
_FAR, _ANYTHING = 0.85, 0.1  # of what a line leaves; of all that there is
_SURELY = 10.0  # by which the criterion is less
_FLAT = 0.15  # of the other line's way


def knee_of(asked: Sample, other: Sample) -> dict[str, float | None] | None:
    """`{at, step, before, after, level}`: by how much the question changes with each `step` of the driver before and
    after the breakpoint, null where it hardly does, and its level there.

    The breakpoint is that of least squares (D. V. Hinkley, "Inference in two-phase regression", Journal of the American
    Statistical Association 66, 1971), and counts if two lines that meet there tell far more than one line and more than
    a parabola, by the Bayesian information criterion (G. Schwarz, Annals of Statistics 6, 1978).
    """
    if asked.numbers is None or other.numbers is None or other.kind != "numeric":
        return None
    both = np.isfinite(asked.numbers) & np.isfinite(other.numbers)
    x, y = other.numbers[both], asked.numbers[both]
    if len(x) < _FEWEST or len(np.unique(x)) < _FEWEST_VALUES or not y.std():
        return None
    low, wide = float(x.min()), float(np.ptp(x))
    x, y, scale = (x - low) / wide, (y - y.mean()) / y.std(), float(y.std())
    middle = float(asked.numbers[both].mean())
    line, curve = _left([x], y), _left([x, x * x], y)
    at = _best(np.unique(np.quantile(x, np.linspace(_EDGE, 1 - _EDGE, _PLACES))), x, y)
    near = 1 / _PLACES
    at = _best(np.linspace(max(0.01, at - near), min(0.99, at + near), _PLACES), x, y)
    bent = _left([x, np.maximum(0, x - at)], y)
    n = len(x)
    better = _criterion(bent, n, 4) + _SURELY < min(_criterion(line, n, 2), _criterion(curve, n, 3))
    if not better or bent > _FAR * line or bent > (1 - _ANYTHING) * n:
        return None
    base, before, more = _fit([x, np.maximum(0, x - at)], y)
    ways = abs(before) * at, abs(before + more) * (1 - at)
    step = 10.0 ** math.floor(math.log10(wide * other.unit / 5))
    slopes = (float(slope) * scale * asked.unit * step / (wide * other.unit) for slope in (before, before + more))
    first, last = (
        None if way <= _FLAT * rest else slope for slope, way, rest in zip(slopes, ways, ways[::-1], strict=True)
    )
    level = (float(base + before * at) * scale + middle) * asked.unit
    return {"at": (low + at * wide) * other.unit, "step": step, "before": first, "after": last, "level": level}


def _best(places: Floats, x: Floats, y: Floats) -> float:
    return float(min(places, key=lambda at: _left([x, np.maximum(0, x - at)], y)))


def _fit(columns: list[Floats], y: Floats) -> Any:
    design = np.column_stack([np.ones(len(y)), *columns])
    return np.linalg.lstsq(design.T @ design, design.T @ y, rcond=None)[0]


def _left(columns: list[Floats], y: Floats) -> float:
    """The squares that the columns leave."""
    rest = y - np.column_stack([np.ones(len(y)), *columns]) @ _fit(columns, y)
    return max(float(rest @ rest), 1e-12)


def _criterion(squares: float, n: int, parameters: int) -> float:
    return n * math.log(squares / n) + parameters * math.log(n)
