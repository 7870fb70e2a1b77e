"""One column's values against another's."""

from __future__ import annotations

from collections.abc import Sequence

from andon_worker.hybrid_report.charts.axes import Scale, x_axis, y_axis
from andon_worker.hybrid_report.drawing import ACCENT, FULL, INK, Dot, Drawing, Text
from andon_worker.hybrid_report.wording import Wording


def scatter(title: str, points: Sequence[tuple[float, float]], across: str, up: str, wording: Wording) -> Drawing:
    """A dot per row; `across` and `up` name the axes."""
    height = 280.0
    drawing = Drawing(FULL, height, title)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, y = y_axis(drawing, wording, *_wider(min(ys), max(ys)), 22, height - 42, about=5)
    x = Scale(*_wider(min(xs), max(xs)), left + 6, FULL - 8)
    x_axis(drawing, wording, x, height - 24, about=7, grid_to=22)
    drawing.add(Text(0, 12, up, "start", INK), Text(FULL - 8, height - 6, across, "end", INK))
    radius = 2.6 if len(points) < 200 else 1.9
    for a, b in points:
        drawing.add(Dot(x(a), y(b), radius, ACCENT, ""))
    return drawing


def _wider(low: float, high: float) -> tuple[float, float]:
    reach = (high / 2 - low / 2) * 0.04 or abs(high) * 0.05 or 1.0
    return low - reach, high + reach
