"""Values over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon_worker.hybrid_report.charts.axes import Scale, seconds_of, time_axis, x_axis, y_axis
from andon_worker.hybrid_report.drawing import (
    ACCENT,
    FULL,
    HALF,
    INK,
    MUTED,
    PALETTE,
    Dot,
    Drawing,
    Line,
    Text,
    fitted,
    text_width,
)
from andon_worker.hybrid_report.wording import Wording

_HEIGHT = 190.0
_LEGEND_ROW = 14.0


@dataclass(frozen=True)
class Series:
    """Moments (ISO 8601) with their values; a missing value is a gap."""

    name: str
    points: Sequence[tuple[str, float | None]]


def line(
    title: str,
    series: Sequence[Series],
    wording: Wording,
    zero: bool = False,
    marks: Sequence[tuple[str, float, str]] = (),
    width: float = FULL,
) -> Drawing:
    """A line per series, named above if there are several; `marks` are points with a word beside them."""
    several = len(series) > 1
    named = _legend([each.name for each in series], width) if several else []
    above = _LEGEND_ROW * (1 + max((row for *_, row in named), default=-1))
    top = 16.0 + above if several else 20.0
    drawing = Drawing(width, _HEIGHT + above, title)
    known = [value for each in series for _, value in each.points if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if zero or (low > 0 and low < 0.35 * high):
        low, high = min(low, 0.0), max(high, 0.0)
    below = (high - low) * 0.12  # room for the word below the lowest point
    if marks and min(value for _, value, _ in marks) < low + below:
        low -= below
    left, y = y_axis(drawing, wording, low, high, top, drawing.height - 26)
    times = [seconds_of(moment) for each in series for moment, _ in each.points]
    x = Scale(min(times), max(times), left + 6, width - 12)
    time_axis(drawing, wording, x, drawing.height - 8, about=7 if width > HALF else 4, grid_to=drawing.height - 26)
    for each, colour in zip(series, PALETTE, strict=False):
        _stroke_all(drawing, each, x, y, colour)
    if several:
        for (at, text, row), colour in zip(named, PALETTE, strict=False):
            middle = 9 + row * _LEGEND_ROW
            stroke = Line(((at, middle), (at + 12, middle)), colour, 2.6)
            drawing.add(stroke, Text(at + 17, middle + 4, text, "start", INK))
    for moment, value, word in marks:
        _mark(drawing, x(seconds_of(moment)), y(value), word, left, above=value == high)
    if width > HALF:
        drawing.narrow = line(title, series, wording, zero, marks, HALF)
    return drawing


def along(title: str, points: Sequence[tuple[float, float | None]], across: str, wording: Wording) -> Drawing:
    """Values along numbers, which `across` names; a missing value is a gap."""
    drawing = Drawing(FULL, _HEIGHT + _LEGEND_ROW, title)
    known = [value for _, value in points if value is not None]
    left, y = y_axis(drawing, wording, min(known, default=0.0), max(known, default=1.0), 12, drawing.height - 40)
    x = Scale(points[0][0], points[-1][0], left + 6, FULL - 12)
    x_axis(drawing, wording, x, drawing.height - 22, about=7, grid_to=12)
    drawing.add(Text(FULL - 12, drawing.height - 6, fitted(across, FULL / 2), "end", INK))
    _stroke([(x(at), None if value is None else y(value)) for at, value in points], drawing, title, ACCENT)
    return drawing


def _stroke_all(drawing: Drawing, series: Series, x: Scale, y: Scale, colour: str) -> None:
    points = [(x(seconds_of(moment)), None if value is None else y(value)) for moment, value in series.points]
    _stroke(points, drawing, series.name, colour)


def _stroke(points: Sequence[tuple[float, float | None]], drawing: Drawing, name: str, colour: str) -> None:
    stretch: list[tuple[float, float]] = []
    for at, value in [*points, (0.0, None)]:
        if value is not None:
            stretch.append((at, value))
        elif stretch:
            drawing.add(Dot(*stretch[0], 2, colour) if len(stretch) == 1 else Line(tuple(stretch), colour, 1.8, name))
            stretch = []


def _legend(names: Sequence[str], width: float) -> list[tuple[float, str, int]]:
    """Where each name begins, what of it fits, and in which row."""
    placed: list[tuple[float, str, int]] = []
    at, row = 0.0, 0
    for name in names:
        text = fitted(name, min(width, FULL / 2) - 40)
        takes = 17 + text_width(text) + 14
        if at and at + takes > width:
            at, row = 0.0, row + 1
        placed.append((at, text, row))
        at += takes
    return placed


def _mark(drawing: Drawing, x: float, y: float, word: str, left: float, above: bool) -> None:
    half = text_width(word, 9.5) / 2
    drawing.add(
        Dot(x, y, 3.2, ACCENT, word),
        Text(min(max(x, left + half), drawing.width - half), y - 7 if above else y + 14, word, "middle", MUTED, 9.5),
    )
