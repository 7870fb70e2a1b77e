"""What a series does from its first period to its last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from andon_worker.hybrid_report.evidence import FEWEST
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.series import growth, rising
from andon_worker.hybrid_report.figures.values import Floats
from andon_worker.hybrid_report.sections.trends.breaks import breaks, known_of
from andon_worker.hybrid_report.sections.trends.naming import apart
from andon_worker.hybrid_report.sections.trends.timeline import Ask, Timeline

_SURE = 0.01  # the p-value below which a direction is called one
_LIKELY, _FAR, _FEW = 0.025, 0.25, 20  # that of so few values of which one level is a quarter less than the other
_FEWEST = 6
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
    bare: bool = False

    @property
    def change(self) -> float | None:
        """As a share; None of what is now and then below zero, and of a level that a few rows make."""
        return self.last / self.first - 1 if self.first > 0 and self.last >= 0 and not self.bare else None


def course(numbers: Floats, unit: str, rows: Sequence[int] = (), seasons: Sequence[int] = ()) -> Course:
    """`rows` is how many each number is of, where that differs; `seasons` which one it belongs to, if it has any."""
    scale = float(np.abs(numbers).max()) or 1.0
    tau, p = rising(numbers / scale, seasons)
    width = _window(len(numbers), unit, tau, rows)
    first, last = (float((part / scale).mean() * scale) for part in (numbers[:width], numbers[-width:]))
    far = len(numbers) <= _FEW and first > 0 and last > 0 and apart(first, last) >= _FAR
    moved = p < (_LIKELY if far else _SURE) and len(numbers) >= _FEWEST and (last - first) * tau > 0
    bare = bool((numbers < 0).any()) or _few(rows, width)
    return Course(first, last, width, tau, ("rose" if tau > 0 else "fell") if moved else None, bare)


def _window(count: int, unit: str, tau: float, rows: Sequence[int]) -> int:
    """Over how many periods the first and the last level are taken: a year, a tenth of a series of years unless it goes
    one way, or a quarter of one that is shorter than two; and of so many rows that none of them makes the level."""
    year = periods.PER_YEAR.get(unit, 0)
    width, most, step = max(1, count // 4), count // 4, 1
    if year and count >= 2 * year:
        width = year if year > 1 or abs(tau) >= _ONE_WAY else max(1, count // _YEARS)
        step = year
    while width + step <= most and _few(rows, width):
        width += step
    return width


def _few(rows: Sequence[int], width: int) -> bool:
    return bool(rows) and min(sum(rows[:width]), sum(rows[-width:])) < FEWEST


def told(
    ask: Ask, timeline: Timeline, check: Callable[[], object], seasons: Callable[[datetime], int] | None = None
) -> dict[str, Any] | None:
    """`{measure, aggregate, one, relative, complete, first: {from, to, periods, value}, last, direction, tau, change,
    perYear, latest: {start, value, before, yearAgo}, peak: {start, value}, dip, shift, leap, swing}`.

    `direction` is `rose`, `fell` or null; `first` and `last` are means over several periods, see `_window`; `before`
    and `yearAgo` are `{start, value}`, null where they aren't known; of the last three see `breaks`.
    """
    known = known_of(ask, timeline, timeline.unit)
    if len(known) < 2:
        return None
    starts, numbers = [start for start, _ in known], np.array([value for _, value in known])
    held = {p.start: p.rows for p in timeline.complete(timeline.unit)}
    rows = [] if ask.one or timeline.even else [held[start] for start in starts]
    found = course(numbers, timeline.unit, rows, [seasons(start) for start in starts] if seasons else [])
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
        "perYear": growth(found.first, found.last, years) if ask.relative and not found.bare else None,
        "relative": ask.relative and bool((numbers >= 0).all()),
        "latest": {
            "start": periods.iso(starts[-1]),
            "value": float(numbers[-1]),
            "before": _at(by_start, periods.moved(starts[-1], timeline.unit, -1)),
            "yearAgo": _at(by_start, periods.year_before(starts[-1], timeline.unit)),
        },
        "peak": {"start": periods.iso(starts[high]), "value": float(numbers[high])},
        "dip": {"start": periods.iso(starts[low]), "value": float(numbers[low])},
        **breaks(ask, timeline, found.direction, seasons is not None, check),
    }


def _stretch(starts: Sequence[datetime], value: float) -> dict[str, Any]:
    return {"from": periods.iso(starts[0]), "to": periods.iso(starts[-1]), "periods": len(starts), "value": value}


def _at(by_start: dict[datetime, float], start: datetime | None) -> dict[str, Any] | None:
    return {"start": periods.iso(start), "value": by_start[start]} if start in by_start and start else None
