"""What a series of numbers does over time: direction, shift, season."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEWEST_OF_SWING = 8
_SURE = 0.01  # the p-value from which nothing goes one way
_SHORT = 8  # cycles, of which half of the first and of the last are many
_MOSTLY = 4  # cycles, of which a season may be otherwise in one
_NEAR = 4  # cycles on either side of a step, by which it is measured
_FEW = 20  # values of which every order is counted
_DEEP = 0.2  # of what a value was: a fall by that is told however far the series has come


def rising(values: Floats, seasons: Sequence[int] = ()) -> tuple[float, float]:
    """Kendall's tau with time, and the two-sided p-value that there is no trend.

    The Mann-Kendall test: H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945); with the variance
    for ties of M. G. Kendall, "Rank Correlation Methods" (1975), by the normal approximation. With `seasons`, which say
    of each value which one it belongs to, a value is compared with those of its own season alone (R. M. Hirsch, J. R.
    Slack and R. A. Smith, "Techniques of trend analysis for monthly water quality data", Water Resources Research 18,
    1982). Of a few values without ties every order is counted (M. G. Kendall, "A new measure of rank correlation",
    Biometrika 30, 1938).
    """
    if len(values) < 4:
        return 0.0, 1.0
    of = np.asarray(seasons if len(seasons) else np.zeros(len(values)))
    parts = [_score(values[of == season]) for season in np.unique(of)]
    score, variance, pairs = (sum(each) for each in zip(*parts, strict=True))
    if variance <= 0:
        return 0.0, 1.0
    if len(values) <= _FEW and len(parts) == 1 and len(np.unique(values)) == len(values):
        return score / pairs, _by_order(len(values), score)
    z = (score - math.copysign(1, score)) / math.sqrt(variance) if score else 0.0
    return score / pairs, math.erfc(abs(z) / math.sqrt(2))


def _by_order(count: int, score: float) -> float:
    """In which share of all orders of so many values at least so many more pairs go one way."""
    orders = np.ones(1)  # by how many pairs fall
    for n in range(2, count + 1):
        orders = np.convolve(orders, np.ones(n))
    fewer = int(count * (count - 1) / 2 - abs(score)) // 2
    return min(1.0, 2 * float(orders[: fewer + 1].sum() / orders.sum()))


def _score(values: Floats) -> tuple[float, float, float]:
    """By how many pairs more rise than fall, the variance of that, and how many pairs there are."""
    n, score = len(values), 0.0
    for place in range(n - 1):
        score += float(np.sign(values[place + 1 :] - values[place]).sum())
    _, ties = np.unique(values, return_counts=True)
    variance = (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    return score, variance, n * (n - 1) / 2


def shift(values: Floats, check: Callable[[], object]) -> int | None:
    """Where the level changes once and for good: the place of the first value after it; None if it doesn't.

    The single break of least squares (J. Bai, "Estimation of a change point in multiple regression models", Review of
    Economics and Statistics 79, 1997). It counts if a step tells the values better than one level and than a straight
    line do, by the Bayesian information criterion (Y.-C. Yao, Statistics & Probability Letters 6, 1988).
    """
    n = len(values)
    edge = max(3, n // 20)
    if n < 4 * edge or not np.ptp(values):
        return None
    y = values - values.mean()
    y = y / np.abs(y).max()
    sums = np.cumsum(y)
    left = np.arange(edge, n - edge + 1)
    gained = sums[left - 1] ** 2 / left + sums[left - 1] ** 2 / (n - left)  # the whole sums to zero
    check()
    best = int(left[int(gained.argmax())])
    whole = float(y @ y)
    step = max(whole - float(gained.max()), 1e-30)
    time = np.arange(n) - (n - 1) / 2
    line = max(whole - float(time @ y) ** 2 / float(time @ time), 1e-30)

    def criterion(squares: float, parameters: int) -> float:
        return n * math.log(squares / n) + parameters * math.log(n)

    if criterion(step, 4) + 6 >= min(criterion(whole, 1), criterion(line, 2)) or step > 0.65 * whole:
        return None
    return best


def swing(values: Floats, direction: str | None) -> list[int]:
    """The places between which a series goes farther back than it has come, or by a fifth of what it was: `fell`
    within one that `rose`, and the other way round; of one without a direction its longest way. With the way there, or
    back, that meets it and is a quarter as long.

    Empty where it goes half as far before or after, as what comes in cycles does, and where it is no farther than
    chance goes: ten deviations from value to value (by the median of their differences, after J. Rice, "Bandwidth
    choice for nonparametric regression", Annals of Statistics 12, 1984).
    """
    if len(values) < _FEWEST_OF_SWING:
        return []
    steps = np.diff(values)
    chance = 10 * 1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2)
    down, up = _farthest_down(values), _farthest_down(-values)

    def long(places: tuple[int, int]) -> float:
        return abs(float(values[places[1]] - values[places[0]]))

    way = down if direction == "rose" or (direction is None and long(down) >= long(up)) else up
    usual = max(_longest(values[: way[0] + 1], way == down), _longest(values[way[1] :], way == down))
    come = abs(float(values[-1] - values[0])) if direction else 0.0
    if values.min() >= 0:
        come = min(come, _DEEP * float(values[way[0]]))
    if long(way) <= max(chance, come, 2 * usual):
        return []
    other = up if way == down else down
    meets = {*other} & {*way} and long(other) >= max(chance, long(way) / 4)
    return sorted({*way, *(other if meets else ())})


def _longest(values: Floats, down: bool) -> float:
    turned = values if down else -values
    high, low = _farthest_down(turned)
    return float(turned[high] - turned[low])


def _farthest_down(values: Floats) -> tuple[int, int]:
    """From which value to which later one it falls farthest; of equal ones the last."""
    low = int((np.maximum.accumulate(values) - values).argmax())
    return low - int(values[low::-1].argmax()), low


def season(
    values: Floats, seasons: Sequence[int], cycle: int, relative: bool, step: int | None = None
) -> tuple[float, dict[int, float], bool]:
    """How much of what the trend leaves is the season's, from 0 to 1; each season's deviation from the trend; and
    whether the highest and the lowest season are so in nearly every cycle.

    `seasons` says of each value which one it belongs to. The trend is a centred moving average over a cycle, on
    either side of a `step` by itself, held to the ends of a few cycles that go nowhere; the strength is F_S of X.
    Wang, K. Smith and R. Hyndman, "Characteristic-based clustering for time series data", Data Mining and Knowledge
    Discovery 13 (2006), adjusted for the number of seasons as R² is for that of regressors. With `relative`, which
    takes positive values, deviations are shares of the trend.
    """
    if len(values) < 2 * cycle or len(set(seasons)) < 2:
        return 0.0, {}, False
    trend = _trend(values, cycle, step)
    if step is not None or (len(values) < _SHORT * cycle and rising(values, seasons)[1] >= _SURE):
        trend = _held(trend)
    known = np.isfinite(trend)
    left = (values / np.where(known, trend, 1.0) - 1 if relative else values - trend)[known]
    of = np.asarray(seasons)[known]
    names, places = np.unique(of, return_inverse=True)
    counts = np.bincount(places)
    means = np.bincount(places, weights=left) / counts
    means -= (means * counts).sum() / counts.sum()
    remainder = left - left.mean() - means[places]
    whole, rest = float(np.var(left)), float(np.var(remainder))
    n, m = len(left), len(names)
    if whole <= 0 or n <= m + 1:
        return 0.0, {}, False
    strength = 1 - rest / whole * (n - 1) / (n - m)
    ends = ((int(means.argmax()), 1), (int(means.argmin()), -1))
    agreed = all(int((side * left[places == place] <= 0).sum()) <= counts[place] // _MOSTLY for place, side in ends)
    return max(0.0, strength), {int(name): float(mean) for name, mean in zip(names, means, strict=True)}, agreed


def stepped(values: Floats, seasons: Sequence[int], since: int, until: int) -> int | None:
    """At which place from one to another the level changes, so that two levels and the seasons tell most of the
    values: least squares over the places."""
    of = np.unique(seasons, return_inverse=True)[1]
    wide = int(of.max()) + 1
    best: tuple[float, int] | None = None
    for place in range(max(1, since), min(len(values) - 1, until) + 1):
        after = np.arange(len(values)) >= place
        inside = after - (np.bincount(of, weights=after, minlength=wide) / np.bincount(of, minlength=wide))[of]
        spread = float(inside @ inside)
        told = float(inside @ values) ** 2 / spread if spread > 0 else 0.0
        if best is None or told > best[0]:
            best = told, place
    return best[1] if best else None


def _trend(values: Floats, cycle: int, step: int | None) -> Floats:
    """The moving average of the values, those beyond the step lowered by it meanwhile: no value is then compared with
    one of the other level."""
    plain = _moving_average(values, cycle)
    if step is None:
        return plain
    half = cycle // 2
    before, after = plain[: max(0, step - half)], plain[step + half :]
    sides = [side[np.isfinite(side)] for side in (before, after)]
    if not all(len(side) for side in sides):
        return plain
    by = float(sides[1][: _NEAR * cycle].mean() - sides[0][-_NEAR * cycle :].mean())
    risen = np.where(np.arange(len(values)) < step, 0.0, by)
    return _moving_average(values - risen, cycle) + risen


def _moving_average(values: Floats, cycle: int) -> Floats:
    """Centred; an even cycle weighs its two ends by half. NaN where the cycle isn't whole."""
    weights = np.ones(cycle) if cycle % 2 else np.concatenate([[0.5], np.ones(cycle - 1), [0.5]])
    half = len(weights) // 2
    trend = np.full(len(values), np.nan)
    if len(values) >= len(weights):
        trend[half : len(values) - half] = np.convolve(values, weights / weights.sum(), mode="valid")
    return trend


def _held(trend: Floats) -> Floats:
    """The trend with its first known value before it, and its last one after it."""
    known = np.flatnonzero(np.isfinite(trend))
    return trend[np.clip(np.arange(len(trend)), known[0], known[-1])]


def growth(first: float, last: float, years: float) -> float | None:
    """The yearly change that leads from one to the other, compounded; None where that has no meaning."""
    if years < 1 or first <= 0 or last <= 0:
        return None
    return float((last / first) ** (1 / years) - 1)
