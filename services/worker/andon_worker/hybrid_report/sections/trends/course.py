"""What a series does from its first period to its last."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.series import growth, rising, shift
from andon_worker.hybrid_report.figures.values import Floats
from andon_worker.hybrid_report.sections.trends.timeline import Ask, Timeline

_SURE = 0.01  # the p-value below which a direction is called one
_FEWEST, _FEWEST_OF_SHIFT = 6, 12
_LEAP, _APART, _LARGE = 8.0, 1.3, 0.25  # times the usual step, the next largest, the largest value
_ONE_WAY = 0.8  # the size of tau from which neighbours hardly swing
_YEARS = 10  # of a series of years the part whose mean is its first, or its last, level


@dataclass(frozen=True)
class Course:
    """From its first level to its last, each a mean over `width` periods."""

    first: float
    last: float
    width: int
    tau: float
    direction: str | None
    signed: bool = False

    @property
    def change(self) -> float | None:
        return self.last / self.first - 1 if self.first > 0 and self.last >= 0 and not self.signed else None


def course(numbers: Floats, unit: str) -> Course:
    scale = float(np.abs(numbers).max()) or 1.0
    tau, p = rising(numbers / scale)
    width = _window(len(numbers), unit, tau)
    first, last = (float((part / scale).mean() * scale) for part in (numbers[:width], numbers[-width:]))
    moved = p < _SURE and len(numbers) >= _FEWEST and (last - first) * tau > 0
    signed = bool((numbers < 0).any())
    return Course(first, last, width, tau, ("rose" if tau > 0 else "fell") if moved else None, signed)


def _window(count: int, unit: str, tau: float) -> int:
    """Over how many periods the first and the last level are taken: single years of a series that goes one way."""
    year = periods.PER_YEAR.get(unit, 0)
    if year and count >= 2 * year:
        return year if year > 1 or abs(tau) >= _ONE_WAY else max(1, count // _YEARS)
    return max(1, count // 4)


def told(ask: Ask, timeline: Timeline, check: Callable[[], object]) -> dict[str, Any] | None:
    """`{measure, aggregate, one, relative, complete, first: {from, to, periods, value}, last, direction, tau, change,
    perYear, latest: {start, value, before, yearAgo}, peak: {start, value}, dip, shift: {start, before, after, low,
    high}, leap: [{start, value}, {start, value}]}`.

    `direction` is `rose`, `fell` or null; `first` and `last` are means over as many periods as a year has, or a quarter
    of them if there are not two years; `before` and `yearAgo` are `{start, value}`, null where they aren't known; `low`
    and `high` bound the difference of a shift; a leap is many times as far as the usual step, or an empty list.
    """
    known = [(p.start, value) for p in timeline.complete(timeline.unit) if (value := ask.value(p)) is not None]
    if len(known) < 2:
        return None
    starts, numbers = [start for start, _ in known], np.array([value for _, value in known])
    found = course(numbers, timeline.unit)
    check()
    years = (starts[-found.width] - starts[0]) / periods.LENGTHS["year"]
    high, low = int(numbers.argmax()), int(numbers.argmin())
    by_start = dict(known)
    return {
        "measure": ask.measure,
        "aggregate": ask.aggregate,
        "one": ask.one,
        "complete": len(known),
        "first": _stretch(starts[: found.width], found.first),
        "last": _stretch(starts[-found.width :], found.last),
        "direction": found.direction,
        "tau": found.tau,
        "change": found.change if ask.relative else None,
        "perYear": growth(found.first, found.last, years) if ask.relative and not found.signed else None,
        "relative": ask.relative and not found.signed,
        "latest": {
            "start": periods.iso(starts[-1]),
            "value": float(numbers[-1]),
            "before": _at(by_start, periods.moved(starts[-1], timeline.unit, -1)),
            "yearAgo": _at(by_start, periods.year_before(starts[-1], timeline.unit)),
        },
        "peak": {"start": periods.iso(starts[high]), "value": float(numbers[high])},
        "dip": {"start": periods.iso(starts[low]), "value": float(numbers[low])},
        "shift": _shift(starts, numbers, timeline.unit, check),
        "leap": [{"start": periods.iso(starts[i]), "value": float(numbers[i])} for i in _leap(numbers)],
    }


def _leap(numbers: Floats) -> tuple[int, ...]:
    """The places of the two neighbours that lie farthest apart, if they do as no others."""
    steps = np.abs(np.diff(numbers))
    if len(steps) < _FEWEST:
        return ()
    at = int(steps.argmax())
    usual = float(np.median(steps))
    next_ = float(np.delete(steps, [i for i in (at - 1, at, at + 1) if 0 <= i < len(steps)]).max())
    far = steps[at] > _LEAP * usual and steps[at] > _APART * next_ and steps[at] > _LARGE * np.abs(numbers).max()
    return (at, at + 1) if far else ()


def _shift(starts: list[datetime], numbers: Floats, unit: str, check: Callable[[], object]) -> dict[str, Any] | None:
    scale = float(np.abs(numbers).max()) or 1.0
    values = numbers / scale
    at = shift(values, check) if len(values) >= _FEWEST_OF_SHIFT else None
    if at is None or _seasonal(values, at, periods.PER_YEAR.get(unit, 0)):
        return None
    before, after = (float(part.mean() * scale) for part in (values[:at], values[at:]))
    reach = _reach(values, at) * scale
    ends = {"low": after - before - reach, "high": after - before + reach}
    return {"start": periods.iso(starts[at]), "before": before, "after": after, **ends}


def _reach(values: Floats, at: int) -> float:
    """Half the 95 % interval of a shift; wider where each value is like the one before (H. von Storch and F. W.
    Zwiers, "Statistical Analysis in Climate Research", 1999, 6.6.7)."""
    rest = np.concatenate([part - part.mean() for part in (values[:at], values[at:])])
    squares = float(rest @ rest)
    like = max(0.0, float(rest[1:] @ rest[:-1])) / squares if squares else 0.0
    error = math.sqrt(squares / (len(values) - 2) * (1 / at + 1 / (len(values) - at)))
    return 1.96 * error * math.sqrt((1 + like) / (1 - like))


def _seasonal(values: Floats, at: int, year: int) -> bool:
    """Whether what looks like a shift was there a year before, too."""
    after = [(values[i], values[i - year]) for i in range(max(at, year), len(values)) if year and i - year < at]
    if not after:
        return False
    jump = float(values[at:].mean() - values[:at].mean())
    since = float(np.mean([now - then for now, then in after]))
    return since / jump < 0.5


def _stretch(starts: Sequence[datetime], value: float) -> dict[str, Any]:
    return {"from": periods.iso(starts[0]), "to": periods.iso(starts[-1]), "periods": len(starts), "value": value}


def _at(by_start: dict[datetime, float], start: datetime | None) -> dict[str, Any] | None:
    return {"start": periods.iso(start), "value": by_start[start]} if start in by_start and start else None
