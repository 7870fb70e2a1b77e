"""The report's kinds of chart: bars, histogram, line, intervals and heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from andon_worker.hybrid_report.drawing import (
    ACCENT,
    CHARACTER_WIDTH,
    FONT_SIZE,
    GRID,
    INK,
    MUTED,
    SECOND,
    SOFT,
    Dot,
    Drawing,
    Line,
    Rect,
    Text,
    fitted,
    ticks,
)
from andon_worker.hybrid_report.wording import coefficient, number

FULL, HALF = 720.0, 340.0
_ROW = 21.0


@dataclass(frozen=True)
class _Scale:
    """A linear map from values to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return (self.start + self.end) / 2
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def bars(title: str, rows: Sequence[tuple[str, float, str]], width: float = HALF) -> Drawing:
    """Horizontal bars from zero: each a name, a length and what is written at its end."""
    drawing = Drawing(width, _ROW * len(rows) + 6, title)
    names = _gutter([name for name, _, _ in rows], width * 0.38)
    ends = max(len(text) for _, _, text in rows) * FONT_SIZE * CHARACTER_WIDTH + 8
    scale = _Scale(0, max(value for _, value, _ in rows) or 1, names, width - ends)
    for place, (name, value, text) in enumerate(rows):
        y = 3 + place * _ROW
        drawing.add(
            Text(names - 8, y + 14, fitted(name, names - 10), "end", INK),
            Rect(names, y + 3, max(scale(value) - names, 0.5), _ROW - 7, ACCENT, f"{name}: {text}"),
            Text(max(scale(value), names) + 6, y + 14, text),
        )
    return drawing


def columns(title: str, points: Sequence[tuple[str, float | None]], width: float = HALF) -> Drawing:
    """Vertical bars around zero, each with its name below where there is room."""
    height = 170.0
    drawing = Drawing(width, height, title)
    known = [value for _, value in points if value is not None]
    left, y = _y_axis(drawing, min([0.0, *known]), max([0.0, *known]), 10, height - 24, width)
    slot = (width - left - 6) / len(points)
    every = max(1, round(max(len(name) for name, _ in points) * FONT_SIZE * CHARACTER_WIDTH / slot + 0.4))
    for place, (name, value) in enumerate(points):
        x = left + place * slot
        if value is not None:
            top, bottom = sorted((y(value), y(0)))
            drawing.add(
                Rect(x + slot * 0.14, top, slot * 0.72, max(bottom - top, 0.5), ACCENT, f"{name}: {number(value)}")
            )
        if place % every == 0:
            drawing.add(Text(x + slot / 2, height - 8, name, "middle"))
    return drawing


def histogram(title: str, edges: Sequence[float], counts: Sequence[int], names: Sequence[str] = ()) -> Drawing:
    """Counts between edges; `names` are the words for the first and last edge, where they aren't numbers."""
    width, height = HALF, 150.0
    drawing = Drawing(width, height, title)
    left, y = _y_axis(drawing, 0, max(counts) or 1, 10, height - 24, width, about=3)
    x = _Scale(edges[0], edges[-1], left + 2, width - 8)
    for place, count in enumerate(counts):
        start, end = x(edges[place]), x(edges[place + 1])
        if count:
            about = "" if names else f"{number(edges[place])} to {number(edges[place + 1])}: "
            gap = 0.6 if end - start > 3 else 0
            drawing.add(
                Rect(start, y(count), max(end - start - gap, 0.3), y(0) - y(count), ACCENT, f"{about}{count:,}")
            )
    if names:
        drawing.add(Text(x.start, height - 8, names[0]), Text(x.end, height - 8, names[-1], "end"))
    else:
        _x_ticks(drawing, x, height - 8, about=4)
    return drawing


def line(title: str, points: Sequence[tuple[str, float | None]], zero: bool = False) -> Drawing:
    """Values over time; a missing one is a gap."""
    width, height = FULL, 190.0
    drawing = Drawing(width, height, title)
    known = [value for _, value in points if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    left, y = _y_axis(drawing, 0.0 if zero else low, high, 10, height - 26, width)
    times = [datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp() for start, _ in points]
    x = _Scale(times[0], times[-1], left + 6, width - 12)
    stretch: list[tuple[float, float]] = []
    for time, (_, value) in zip(times, points, strict=True):
        if value is None:
            _stroke(drawing, stretch)
            stretch = []
        else:
            stretch.append((x(time), y(value)))
    _stroke(drawing, stretch)
    marks = sorted({round(place * (len(points) - 1) / 5) for place in range(6)})
    hourly = any(not start.endswith("T00:00:00") for start, _ in points)
    for mark in marks:
        start = points[mark][0]
        anchor = "start" if mark == 0 else "end" if mark == len(points) - 1 else "middle"
        drawing.add(Text(x(times[mark]), height - 8, start[5:16].replace("T", " ") if hourly else start[:10], anchor))  # type: ignore[arg-type]
    return drawing


def _stroke(drawing: Drawing, stretch: list[tuple[float, float]]) -> None:
    if len(stretch) == 1:
        drawing.add(Dot(*stretch[0], 2))
    elif stretch:
        drawing.add(Line(tuple(stretch), ACCENT, 1.8))


def intervals(title: str, rows: Sequence[tuple[str, float, float | None, float | None]]) -> Drawing:
    """A dot per group, at its mean, and a bar for its interval."""
    width, height = FULL, _ROW * len(rows) + 30
    drawing = Drawing(width, height, title)
    names = _gutter([name for name, *_ in rows], width * 0.3)
    every = [value for _, *values in rows for value in values if value is not None]
    margin = (max(every) - min(every)) * 0.03 or 1
    x = _Scale(min(every) - margin, max(every) + margin, names + 4, width - 12)
    _x_ticks(drawing, x, height - 8, about=7, grid_to=2)
    for place, (name, mean, low, high) in enumerate(rows):
        y = place * _ROW + _ROW / 2 + 2
        said = f"{name}: {number(mean)}"
        drawing.add(Text(names - 8, y + 4, fitted(name, names - 10), "end", INK))
        if low is not None and high is not None:
            said += f" ({number(low)} to {number(high)})"
            drawing.add(Line(((x(low), y), (x(high), y)), SOFT, 6))
        drawing.add(Dot(x(mean), y, 3.6, ACCENT, said))
    return drawing


def heat_map(title: str, names: Sequence[str], matrix: Sequence[Sequence[float | None]]) -> Drawing:
    """A correlation matrix: blue above zero, orange below, paler towards it."""
    gutter = _gutter(names, FULL * 0.22)
    cell = min(46.0, (FULL - gutter - 4) / len(names))
    high = max(20.0, cell * 0.62)
    drawing = Drawing(FULL, high * len(names) + 26, title)
    for i, row in enumerate(matrix):
        y = i * high + 2
        drawing.add(Text(gutter - 8, y + high / 2 + 4, fitted(names[i], gutter - 10), "end", INK))
        for j, value in enumerate(row[: i + 1]):
            x = gutter + j * cell
            drawing.add(
                Rect(x, y, cell - 1.5, high - 1.5, _shade(value), f"{names[i]}, {names[j]}: {coefficient(value)}")
            )
            if cell >= 28:
                dark = value is not None and abs(value) > 0.6
                text = coefficient(value)
                drawing.add(Text(x + cell / 2 - 1, y + high / 2 + 3.5, text, "middle", "#ffffff" if dark else INK, 9.5))
    for j, name in enumerate(names):
        drawing.add(
            Text(
                gutter + j * cell + cell / 2 - 1, drawing.height - 10, fitted(name, cell - 1, 8.5), "middle", MUTED, 8.5
            )
        )
    return drawing


def _shade(value: float | None) -> str:
    if value is None:
        return "#f4f5f7"
    end = ACCENT if value > 0 else SECOND
    share = min(1.0, abs(value))
    parts = (int(end[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(245 + (part - 245) * share):02x}" for part in parts)


def _gutter(names: Sequence[str], most: float) -> float:
    """The width that names on the left take."""
    return min(most, max(len(name) for name in names) * FONT_SIZE * CHARACTER_WIDTH + 14)


def _y_axis(
    drawing: Drawing, low: float, high: float, top: float, bottom: float, right: float, about: int = 4
) -> tuple[float, _Scale]:
    """Grid lines with their numbers; the left end of what remains, and the scale."""
    if high == low:
        low, high = low - 0.5, high + 0.5
    y = _Scale(low, high, bottom, top)
    marks = ticks(low, high, about)
    texts = [_short(mark) for mark in marks]
    left = max(len(text) for text in texts) * FONT_SIZE * CHARACTER_WIDTH + 8
    for mark, text in zip(marks, texts, strict=True):
        drawing.add(Line(((left, y(mark)), (right, y(mark))), GRID), Text(left - 6, y(mark) + 4, text, "end"))
    return left, y


def _x_ticks(drawing: Drawing, x: _Scale, baseline: float, about: int, grid_to: float | None = None) -> None:
    for mark in ticks(x.low, x.high, about):
        if grid_to is not None:
            drawing.add(Line(((x(mark), grid_to), (x(mark), baseline - 14)), GRID))
        text = _short(mark)
        half = len(text) * FONT_SIZE * CHARACTER_WIDTH / 2
        anchor = "end" if x(mark) + half > drawing.width else "middle"
        drawing.add(Text(min(x(mark), drawing.width - 1), baseline, text, anchor))  # type: ignore[arg-type]


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size and abs(value) < 1e12 and not (letter == "k" and abs(value) < 10_000):
            return f"{value / size:g}{letter}".replace("-", "−")
    return number(float(f"{value:.6g}"))
