"""Scales, and the marks on them that a person reads values off."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from andon_worker.hybrid_report.drawing import GRID, Drawing, Line, Text, text_width, ticks
from andon_worker.hybrid_report.wording import Wording

_MAGNITUDES = ((1e12, "tn"), (1e9, "bn"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Scale:
    """A map from values to pixels: linear, or by the logarithm, of positive values alone."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        if high == low:
            return (self.start + self.end) / 2
        # Halves first: the whole span of doubles is beyond a double.
        return self.start + (value / 2 - low / 2) / (high / 2 - low / 2) * (self.end - self.start)

    def marks(self, about: int, whole: bool = False) -> list[float]:
        """Round values on the scale, two or more where it has as many."""
        if not self.log:
            found = ticks(self.low, self.high, about, whole)
            return found if len(found) > 1 else ticks(self.low, self.high, 3 * about, whole)
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        every = max(1, -(-(last - first + 1) // max(about, 1)))
        decades = [10.0**power for power in range(first, last + 1, every)]
        return decades if len(decades) >= 2 else Scale(self.low, self.high, 0, 1).marks(about, whole)


def tick_texts(marks: Sequence[float], wording: Wording, plain: bool = False) -> list[str]:
    """What is written at the marks: no two alike; with `plain`, as years are written."""
    if plain:
        return [f"{mark:.0f}" for mark in marks]
    steps = [abs(b - a) for a, b in pairwise(marks) if math.isfinite(b - a)]
    step = min(steps, default=0.0)
    largest = max(abs(mark) for mark in marks)
    if largest >= 1e15 or 0 < largest < 1e-4 or (step and max(steps) / step > 5):  # also the decades of a logarithm
        return [short(mark, wording) for mark in marks]
    size, letter = next((m for m in _MAGNITUDES if largest >= m[0] * (10 if m[0] == 1e3 else 1)), (1.0, ""))
    if size > 1 and step / size < 1e-4:
        size, letter = 1.0, ""
    return [wording.like(mark / size, step / size) + (letter if mark else "") for mark in marks]


def short(value: float, wording: Wording) -> str:
    """A number of a few characters."""
    if 1e4 <= abs(value) < 1e15:
        size, letter = next(m for m in _MAGNITUDES if abs(value) >= m[0])
        return wording.number(float(f"{value / size:.3g}")) + letter
    return wording.number(float(f"{value:.4g}"))


def y_axis(
    drawing: Drawing,
    wording: Wording,
    low: float,
    high: float,
    top: float,
    bottom: float,
    about: int = 4,
    whole: bool = False,
) -> tuple[float, Scale]:
    """Grid lines with their numbers; the left end of what remains, and the scale."""
    if high == low:
        reach = abs(low) * 0.05 or 0.5
        low, high = low - reach, high + reach
    y = Scale(low, high, bottom, top)
    marks = y.marks(about, whole)
    texts = tick_texts(marks, wording)
    left = max(text_width(text) for text in texts) + 10
    for mark, text in zip(marks, texts, strict=True):
        drawing.add(Line(((left, y(mark)), (drawing.width, y(mark))), GRID), Text(left - 6, y(mark) + 4, text, "end"))
    return left, y


def x_axis(
    drawing: Drawing,
    wording: Wording,
    x: Scale,
    baseline: float,
    about: int,
    grid_to: float | None = None,
    plain: bool = False,
    whole: bool = False,
) -> None:
    """The numbers below; those that would touch the one before are left out."""
    marks = x.marks(about, whole=whole or plain)
    used = -math.inf
    for mark, text in zip(marks, tick_texts(marks, wording, plain), strict=True):
        if grid_to is not None:
            drawing.add(Line(((x(mark), grid_to), (x(mark), baseline - 14)), GRID))
        half = text_width(text) / 2
        centre = min(max(x(mark), half), drawing.width - half)
        if centre - half > used + 4:
            drawing.add(Text(centre, baseline, text, "middle"))
            used = centre + half


def time_axis(drawing: Drawing, wording: Wording, x: Scale, baseline: float, about: int, grid_to: float) -> None:
    """Marks at the starts of years, months, days or hours; `x` maps seconds since 1970."""
    used = -math.inf
    found = _moments(x.low, x.high, about, wording)
    for seconds, text in found if len(found) > 1 else _moments(x.low, x.high, 3 * about, wording):
        half = text_width(text) / 2
        drawing.add(Line(((x(seconds), grid_to), (x(seconds), baseline - 13)), GRID))
        centre = min(max(x(seconds), half), drawing.width - half)
        if centre - half > used + 6:
            drawing.add(Text(centre, baseline, text, "middle"))
            used = centre + half


def seconds_of(moment: str) -> float:
    """An ISO 8601 time, as seconds since 1970; years before that too, which `timestamp` refuses on some systems."""
    return (datetime.fromisoformat(moment) - _EPOCH).total_seconds()


_EPOCH = datetime(1970, 1, 1)
_DAYS = 86_400


def _moments(low: float, high: float, about: int, wording: Wording) -> list[tuple[float, str]]:
    start, end = _EPOCH + timedelta(seconds=low), _EPOCH + timedelta(seconds=high)
    days = (high - low) / _DAYS
    if days > 366 * 2:
        rough = days / 365.25 / about
        step = next((s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if s >= rough * 0.9), 2000)
        years = range(-(-start.year // step) * step, end.year + 1, step)
        found = [(datetime(year, 1, 1), str(year)) for year in years if 1 <= year <= 9999]
    elif days > 62:
        step = next(s for s in (1, 2, 3, 6) if s >= days / 30.4 / about * 0.9 or s == 6)
        months = [(start.year + m // 12, m % 12 + 1) for m in range(0, (end.year - start.year + 1) * 12, step)]
        starts = [datetime(year, month, 1) for year, month in months]
        found = [(start, wording.short_period(start.isoformat(), "month")) for start in starts]
    elif days > 3:
        step = next(s for s in (1, 2, 5, 7, 14) if s >= days / about * 0.9 or s == 14)
        first = datetime(start.year, start.month, start.day)
        stops = [first + timedelta(days=d) for d in range(0, int(days) + 2, step)]
        found = [(stop, f"{stop.day} {stop:%b}") for stop in stops]
    else:
        hours = days * 24
        part = next((s for s in (1 / 12, 0.25, 0.5, 1, 3, 6, 12, 24) if s >= hours / about * 0.9), 24)
        first = datetime(start.year, start.month, start.day)
        count = int((end - first).total_seconds() / 3600 / part) + 1
        stops = [first + timedelta(hours=part * place) for place in range(count)]
        found = [(stop, f"{stop:%H:%M}" if stop.hour or stop.minute else f"{stop.day} {stop:%b}") for stop in stops]
    return [((when - _EPOCH).total_seconds(), text) for when, text in found if start <= when <= end]
