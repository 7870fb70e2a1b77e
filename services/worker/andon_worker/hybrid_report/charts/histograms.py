"""Counts between edges: of numbers, of their logarithms, of moments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from andon_worker.hybrid_report.charts.axes import Scale, seconds_of, time_axis, x_axis, y_axis
from andon_worker.hybrid_report.drawing import ACCENT, HALF, Drawing, Rect
from andon_worker.hybrid_report.wording import Wording

_HEIGHT = 150.0


def histogram(
    title: str,
    edges: Sequence[float],
    counts: Sequence[int],
    wording: Wording,
    log: bool = False,
    plain: bool = False,
    whole: bool = False,
) -> Drawing:
    """A histogram of numbers, `whole` ones or with fractions; `log` where the edges are evenly spaced in their
    logarithms, `plain` for years."""
    drawing = Drawing(HALF, _HEIGHT, title)
    x = _bars(drawing, edges, counts, wording, log, wording.exact)
    x_axis(drawing, wording, x, _HEIGHT - 8, about=4 if not log else 5, plain=plain, whole=whole)
    return drawing


def spans(title: str, edges: Sequence[str], counts: Sequence[int], wording: Wording) -> Drawing:
    """A histogram of moments, given in ISO 8601."""
    drawing = Drawing(HALF, _HEIGHT, title)
    seconds = [seconds_of(edge) for edge in edges]
    said = dict(zip(seconds, edges, strict=True))
    x = _bars(drawing, seconds, counts, wording, False, lambda edge: wording.moment(said[edge]))
    time_axis(drawing, wording, x, _HEIGHT - 8, about=4, grid_to=_HEIGHT - 24)
    return drawing


def _bars(
    drawing: Drawing,
    edges: Sequence[float],
    counts: Sequence[int],
    wording: Wording,
    log: bool,
    say: Callable[[float], str],
) -> Scale:
    left, y = y_axis(drawing, wording, 0, max(counts) or 1, 10, _HEIGHT - 24, about=3, whole=True)
    x = Scale(edges[0], edges[-1], left + 2, HALF - 8, log)
    for place, count in enumerate(counts):
        if count:
            start, end = x(edges[place]), x(edges[place + 1])
            gap = 0.6 if end - start > 3 else 0
            about = f"{say(edges[place])} to {say(edges[place + 1])}: {wording.count(count, 'row')}"
            drawing.add(Rect(start, y(count), max(end - start - gap, 0.3), y(0) - y(count), ACCENT, about))
    return x
