"""Where a series leaves its course: a level that shifts, a step like no other, a swing back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from andon_worker.hybrid_report.evidence import FEWEST
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.series import shift, swing
from andon_worker.hybrid_report.figures.values import Floats
from andon_worker.hybrid_report.sections.trends.timeline import Ask, Period, Timeline

_FEWEST, _FEWEST_OF_SHIFT = 6, 12
_LEAP, _APART, _LARGE = 8.0, 1.3, 0.25  # times the usual step, the next largest, the largest value
_CHANCE = 4.0  # deviations, which none of hundreds of steps is by chance
_HALF = 0.5  # of a difference of levels
_STEP = 0.8  # of a way, of which a shift is all
_CALMER = {"day": "week", "week": "year", "month": "year", "quarter": "year"}  # units that have no season

Known = Sequence[tuple[datetime, float]]


def known_of(ask: Ask, timeline: Timeline, unit: str) -> list[tuple[datetime, float]]:
    """The values of the complete periods."""
    return [(p.start, value) for p in timeline.complete(unit) if (value := ask.value(p)) is not None]


def breaks(
    ask: Ask, timeline: Timeline, direction: str | None, seasonal: bool, check: Callable[[], object]
) -> dict[str, Any]:
    """`{shift: {start, gap, before, after, low, high} | null, leap: {unit, path} | null, swing: {unit, path} | null}`.

    A path is `{start, value}` from one turn to the next. `low` and `high` bound the difference of a shift, `gap` is the
    last period that is known before it where some lie between, else null. A leap is many times as far as the usual
    step, from one period to the next or else from a year to the next. A swing goes against the direction, and farther
    than the series has come; where it has a season it is looked for in periods that have none, and it is more than the
    shift. Both rest on rows enough, unless these come as often in each period, and on more than one of them, and are
    more than how rows come and go by chance; a leap goes over no gap.
    """
    unit, known = timeline.unit, known_of(ask, timeline, timeline.unit)
    calm, calmer = _CALMER.get(unit, unit), known
    yearly = known_of(ask, timeline, "year") if calm == "year" else []
    leaps = [(u, k, _leap(k)) for u, k in ((unit, known), ("year", yearly))]
    check()
    if seasonal:
        calmer = yearly if calm == "year" else known_of(ask, timeline, calm)
    turns = swing(np.array([value for _, value in calmer]), direction)
    turning = calm if seasonal else unit
    if turns and not (_borne(ask, timeline, turning, calmer, turns) and _goes(ask, timeline, turning, calmer, turns)):
        turns = []
    shifted = _shift(known, unit, check)
    if turns and shifted and _is_step(shifted, [value for _, value in calmer], turns):
        turns = []
    return {
        "shift": shifted,
        "leap": next((_path(u, k, at) for u, k, at in leaps if at and _holds(ask, timeline, u, k, at)), None),
        "swing": _path(turning, calmer, turns) if turns else None,
    }


def _borne(ask: Ask, timeline: Timeline, unit: str, known: Known, places: Sequence[int]) -> bool:
    """Whether the values at these places rest on rows enough; how many rows there are does by itself."""
    held = {p.start: p for p in timeline.complete(unit)}
    few = min(held[known[i][0]].counts[ask.place] for i in places) < FEWEST if ask.measure else False
    return not few or timeline.regular


def _holds(ask: Ask, timeline: Timeline, unit: str, known: Known, at: tuple[int, ...]) -> bool:
    """Whether a leap goes over no gap, and rests on rows enough, no single one of which makes it."""
    held = {p.start: p for p in timeline.complete(unit)}
    if _gap(known, at[1]) or not _borne(ask, timeline, unit, known, at):
        return False
    if ask.aggregate != "mean" and not timeline.regular and _by_chance(ask, *(held[known[i][0]] for i in at)):
        return False
    if ask.measure is None:
        return True
    bare = {i: value for i in at if (value := ask.without_farthest(held[known[i][0]])) is not None}
    return len(bare) < len(at) or _leap([(s, bare.get(i, value)) for i, (s, value) in enumerate(known)]) == at


def _goes(ask: Ask, timeline: Timeline, unit: str, known: Known, turns: Sequence[int]) -> bool:
    """Whether a way is no chance of how rows come and go, and half as far without the rows farthest from zero."""
    held = {p.start: p for p in timeline.complete(unit)}
    ends = [held[known[i][0]] for i in turns[:2]]
    if ask.aggregate != "mean" and not timeline.regular and _by_chance(ask, *ends):
        return False
    if ask.measure is None or timeline.regular:
        return True
    bare = [ask.without_farthest(each) for each in ends]
    one, other = (known[i][1] if value is None else value for i, value in zip(turns[:2], bare, strict=True))
    return abs(other - one) >= _HALF * abs(known[turns[1]][1] - known[turns[0]][1])


def _by_chance(ask: Ask, *ends: Period) -> bool:
    """Whether two totals of rows that come and go lie no farther apart than the largest of many such steps does by
    chance: the variance of each is that of the rows (S. D. Poisson, 1837), times their sizes, of which the farthest is
    the most."""
    one, other = (ask.value(each) or 0.0 for each in ends)
    sizes = [1.0 if ask.measure is None else abs(each.farthest[ask.place] or 0.0) for each in ends]
    return abs(one - other) <= _CHANCE * math.sqrt(abs(one) * sizes[0] + abs(other) * sizes[1])


def _gap(known: Known, at: int) -> bool:
    """Whether more time than usual lies before the value at this place."""
    steps = sorted(after[0] - before[0] for before, after in pairwise(known))
    return known[at][0] - known[at - 1][0] > 1.5 * steps[len(steps) // 2]


def _path(unit: str, known: Known, places: Sequence[int]) -> dict[str, Any]:
    return {"unit": unit, "path": [{"start": periods.iso(known[i][0]), "value": known[i][1]} for i in places]}


def _leap(known: Known) -> tuple[int, ...]:
    """The places of the two neighbours that lie farthest apart, if they do as no others; not where there is nothing."""
    numbers = np.array([value for _, value in known])
    steps = np.abs(np.diff(numbers))
    if len(steps) < _FEWEST:
        return ()
    at = int(steps.argmax())
    usual = float(np.median(steps))
    next_ = float(np.delete(steps, [i for i in (at - 1, at, at + 1) if 0 <= i < len(steps)]).max())
    far = steps[at] > _LEAP * usual and steps[at] > _APART * next_ and steps[at] > _LARGE * np.abs(numbers).max()
    return (at, at + 1) if far and numbers[at] and numbers[at + 1] else ()


def _is_step(shifted: dict[str, Any], values: Sequence[float], turns: Sequence[int]) -> bool:
    """Whether a shift is all of a way to the next turn, rather than a part of it."""
    way = values[turns[1]] - values[turns[0]]
    return bool((shifted["after"] - shifted["before"]) / way >= _STEP)


def _shift(known: Known, unit: str, check: Callable[[], object]) -> dict[str, Any] | None:
    numbers = np.array([value for _, value in known])
    scale = float(np.abs(numbers).max()) or 1.0
    values = numbers / scale
    at = shift(values, check) if len(values) >= _FEWEST_OF_SHIFT else None
    if at is None or _peaked(values[:at], values[at:]) or _seasonal(values, at, periods.PER_YEAR.get(unit, 0)):
        return None
    before, after = (float(part.mean() * scale) for part in (values[:at], values[at:]))
    reach = _reach(values, at) * scale
    ends = {"low": after - before - reach, "high": after - before + reach}
    if ends["low"] <= 0 <= ends["high"]:
        return None
    gap = periods.iso(known[at - 1][0]) if _gap(known, at) else None
    return {"start": periods.iso(known[at][0]), "gap": gap, "before": before, "after": after, **ends}


def shift_of(ask: Ask, timeline: Timeline, check: Callable[[], object]) -> datetime | None:
    """Since when the level is another one."""
    found = _shift(known_of(ask, timeline, timeline.unit), timeline.unit, check)
    return datetime.fromisoformat(found["start"]) if found else None


def _peaked(before: Floats, after: Floats) -> bool:
    """Whether a difference comes by half or more from one period of either side: from the farthest off the median."""
    rest = [np.delete(part, np.abs(part - np.median(part)).argmax()).mean() for part in (before, after)]
    return bool((rest[1] - rest[0]) / (after.mean() - before.mean()) < _HALF)


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
    return since / jump < _HALF
