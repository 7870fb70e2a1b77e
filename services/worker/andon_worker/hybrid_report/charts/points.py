"""One column's values against another's."""

from __future__ import annotations

import math
from collections.abc import Sequence

from andon_worker.hybrid_report.charts.axes import Scale, x_axis, y_axis
from andon_worker.hybrid_report.drawing import ACCENT, FULL, INK, Dot, Drawing, Text
from andon_worker.hybrid_report.wording import Wording

_SHORTEST, _TALLEST = 140.0, 460.0


def scatter(title: str, points: Sequence[tuple[float, float]], across: str, up: str, wording: Wording) -> Drawing:
    """A dot per row; `across` and `up` name the axes."""
    height = 280.0
    drawing = Drawing(FULL, height, title)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, y = y_axis(
        drawing, wording, *_wider(min(ys), max(ys)), 22, height - 42, 5, all(value == round(value) for value in ys)
    )
    x = Scale(*_wider(min(xs), max(xs)), left + 6, FULL - 8)
    x_axis(drawing, wording, x, height - 24, about=7, grid_to=22, whole=all(value == round(value) for value in xs))
    drawing.add(Text(0, 12, up, "start", INK), Text(FULL - 8, height - 6, across, "end", INK))
    radius = 2.6 if len(points) < 200 else 1.9
    for a, b in points:
        drawing.add(Dot(x(a), y(b), radius, ACCENT, ""))
    return drawing


def places(title: str, points: Sequence[tuple[float, float]], wording: Wording) -> Drawing:
    """A dot per longitude and latitude, as far apart across as up where they are."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    (west, east), (south, north) = _wider(min(xs), max(xs)), _wider(min(ys), max(ys))
    degree = math.cos(math.radians((south + north) / 2)) or 1.0
    width, middle = FULL - 60, (south + north) / 2
    tall = max(north - south, (east - west) * degree * _SHORTEST / width)
    south, north = middle - tall / 2, middle + tall / 2
    height = min(_TALLEST, width * tall / ((east - west) * degree))
    drawing = Drawing(FULL, height + 34, title)
    left, y = y_axis(drawing, wording, south, north, 10, height + 10, about=5)
    reach = (FULL - left - 14) / height * tall / degree
    x = Scale((west + east - reach) / 2, (west + east + reach) / 2, left + 6, FULL - 8)
    x_axis(drawing, wording, x, height + 28, about=7, grid_to=10)
    for a, b in points:
        drawing.add(Dot(x(a), y(b), 1.9, ACCENT, ""))
    return drawing


def _wider(low: float, high: float) -> tuple[float, float]:
    reach = (high / 2 - low / 2) * 0.04 or abs(high) * 0.05 or 1.0
    return low - reach, high + reach
