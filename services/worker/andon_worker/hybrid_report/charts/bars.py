"""Bars from zero, lying and standing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from andon_worker.hybrid_report.charts.axes import Scale, y_axis
from andon_worker.hybrid_report.drawing import (
    ACCENT,
    HALF,
    INK,
    MUTED,
    SECOND,
    SOFT,
    Drawing,
    Line,
    Rect,
    Text,
    fitted,
    text_width,
)
from andon_worker.hybrid_report.wording import Wording

ROW = 21.0


@dataclass(frozen=True)
class Bar:
    """A bar: its name, its length and what is written at its end; `soft` where it stands for the rest of the rows.

    `low` and `high` are the ends of an interval, drawn as a whisker.
    """

    name: str
    value: float
    text: str
    soft: bool = False
    low: float | None = None
    high: float | None = None


def gutter(names: Sequence[str], most: float) -> float:
    """The width that names on the left take: `most`, or up to two fifths more where they all fit then."""
    whole = max(text_width(name) for name in names) + 14
    return whole if whole <= 1.4 * most else most


def bars(title: str, rows: Sequence[Bar], width: float = HALF) -> Drawing:
    """Horizontal bars from zero; bars below zero go to the left."""
    drawing = Drawing(width, ROW * len(rows) + 6, title)
    names = gutter([row.name for row in rows], width * 0.42)
    ends = max(text_width(row.text) for row in rows) + 10
    reach = [each for row in rows for each in (row.value, row.high, row.low) if each is not None]
    low, high = min(0.0, *reach), max(0.0, *reach)
    x = Scale(low, high if high > low else low + 1, names + (ends if low < 0 else 0), width - ends)
    for place, row in enumerate(rows):
        y = 3 + place * ROW
        left, right = sorted((x(0), x(row.value)))
        colour = SOFT if row.soft else SECOND if row.value < 0 else ACCENT
        drawing.add(
            Text(names - 8, y + 14, fitted(row.name, names - 10), "end", MUTED if row.soft else INK),
            Rect(left, y + 3, max(right - left, 0.5), ROW - 7, colour, f"{row.name}: {row.text}"),
        )
        if row.low is not None and row.high is not None:
            middle = y + ROW / 2 - 0.5
            drawing.add(Line(((x(row.low), middle), (x(row.high), middle)), INK, 1.3))
            left, right = min(left, x(row.low)), max(right, x(row.high))
        if row.value < 0:
            drawing.add(Text(left - 6, y + 14, row.text, "end"))
        else:
            drawing.add(Text(right + 6, y + 14, row.text))
    return drawing


def columns(title: str, points: Sequence[tuple[str, float | None]], wording: Wording, width: float = HALF) -> Drawing:
    """Vertical bars around zero, each with its name below where there is room."""
    height = 170.0
    drawing = Drawing(width, height, title)
    known = [value for _, value in points if value is not None]
    left, y = y_axis(drawing, wording, min([0.0, *known]), max([0.0, *known]), 10, height - 24)
    slot = (width - left - 6) / len(points)
    every = max(1, -(-max(int(text_width(name)) + 4 for name, _ in points) // max(1, int(slot))))
    for place, (name, value) in enumerate(points):
        x = left + place * slot
        if value is not None:
            top, bottom = sorted((y(value), y(0)))
            said = f"{name}: {wording.number(value)}"
            drawing.add(Rect(x + slot * 0.14, top, slot * 0.72, max(bottom - top, 0.5), ACCENT, said))
        if place % every == 0:
            drawing.add(Text(x + slot / 2, height - 8, name, "middle"))
    return drawing
