"""What a series of numbers does over time: direction, shift, season."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEWEST_OF_SWING = 8
_DEEP = 0.2  # of what a value was: a fall by that is told however far the series has come


def rising(values: Floats, seasons: Sequence[int] = ()) -> tuple[float, float]:
    """Kendall's tau with time, and the two-sided p-value that there is no trend.

    The Mann-Kendall test: H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945); with the variance
    for ties of M. G. Kendall, "Rank Correlation Methods" (1975), by the normal approximation. With `seasons`, which say
    of each value which one it belongs to, a value is compared with those of its own season alone (R. M. Hirsch, J. R.
    Slack and R. A. Smith, "Techniques of trend analysis for monthly water quality data", Water Resources Research 18,
    1982).
    """
    if len(values) < 4:
        return 0.0, 1.0
    of = np.asarray(seasons if len(seasons) else np.zeros(len(values)))
    parts = [_score(values[of == season]) for season in np.unique(of)]
    score, variance, pairs = (sum(each) for each in zip(*parts, strict=True))
    if variance <= 0:
        return 0.0, 1.0
    z = (score - math.copysign(1, score)) / math.sqrt(variance) if score else 0.0
    return score / pairs, math.erfc(abs(z) / math.sqrt(2))


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


def season(values: Floats, seasons: Sequence[int], cycle: int, relative: bool) -> tuple[float, dict[int, float]]:
    """How much of what the trend leaves is the season's, from 0 to 1; and each season's deviation from the trend.

    `seasons` says of each value which one it belongs to. The trend is a centred moving average over a cycle; the
    strength is F_S of X. Wang, K. Smith and R. Hyndman, "Characteristic-based clustering for time series data", Data
    Mining and Knowledge Discovery 13 (2006), adjusted for the number of seasons as R² is for that of regressors.
    With `relative`, which takes positive values, deviations are shares of the trend.
    """
    if len(values) < 2 * cycle or len(set(seasons)) < 2:
        return 0.0, {}
    trend = _moving_average(values, cycle)
    known = np.isfinite(trend)
    left = (values / trend - 1 if relative else values - trend)[known]
    of = np.asarray(seasons)[known]
    names, places = np.unique(of, return_inverse=True)
    counts = np.bincount(places)
    means = np.bincount(places, weights=left) / counts
    means -= (means * counts).sum() / counts.sum()
    remainder = left - left.mean() - means[places]
    whole, rest = float(np.var(left)), float(np.var(remainder))
    n, m = len(left), len(names)
    if whole <= 0 or n <= m + 1:
        return 0.0, {}
    strength = 1 - rest / whole * (n - 1) / (n - m)
    return max(0.0, strength), {int(name): float(mean) for name, mean in zip(names, means, strict=True)}


def _moving_average(values: Floats, cycle: int) -> Floats:
    """Centred; an even cycle weighs its two ends by half. NaN where the cycle isn't whole."""
    weights = np.ones(cycle) if cycle % 2 else np.concatenate([[0.5], np.ones(cycle - 1), [0.5]])
    half = len(weights) // 2
    trend = np.full(len(values), np.nan)
    if len(values) >= len(weights):
        trend[half : len(values) - half] = np.convolve(values, weights / weights.sum(), mode="valid")
    return trend


def growth(first: float, last: float, years: float) -> float | None:
    """The yearly change that leads from one to the other, compounded; None where that has no meaning."""
    if years < 1 or first <= 0 or last <= 0:
        return None
    return float((last / first) ** (1 / years) - 1)
