"""How much of an effect is sure: what is left of it at the lower end of its 95 % interval.

Findings are ranked by this, so that one that rests on a handful of rows stands behind one that rests on many, and what
chance may have brought about is none.
"""

from __future__ import annotations

import math
from statistics import NormalDist

FEWEST = 10
"""Rows in each part that a finding compares, below which it is told in its section but is no key finding."""
_Z = 1.96
_LARGE, _HALVED = 1e9, 40
_NEARLY, _IMPLIED = 0.95, 0.4  # the strength from which one column all but implies the other, and what that leaves
_TELLING, _WORTH = 0.1, 0.4  # the part from which a lower level is a finding by itself, and its effect at least


def correlation(coefficient: float, rows: int) -> float:
    """Of a correlation's size (R. A. Fisher, Metron 1, 1921)."""
    size = min(abs(coefficient), 0.9999)
    return max(0.0, math.tanh(math.atanh(size) - _Z / math.sqrt(max(1, rows - 3))))


def ratio(eta: float, rows: int, groups: int, among: int = 1) -> float:
    """Of a corrected correlation ratio; of the best `among` so many that are looked at (C. E. Bonferroni, 1936)."""
    between, within = groups - 1, rows - groups
    if between < 1 or within < 4:
        return 0.0
    share = min(eta * eta, 0.9999)
    beyond = _noncentral(1 + share * (between + within) / (between * (1 - share)), between, within, among)
    return math.sqrt(beyond / (beyond + rows))


def cramers_v(v: float, rows: int, across: int, down: int, among: int = 1) -> float:
    """Of a corrected Cramér's V, as `ratio`."""
    freedom, least = (across - 1) * (down - 1), min(across, down) - 1
    if least < 1 or not rows:
        return 0.0
    return math.sqrt(_noncentral(1 + v * v * least * rows / freedom, freedom, _LARGE, among) / (least * rows))


def _noncentral(f: float, between: int, within: float, among: int) -> float:
    """The least noncentrality by which F would come out so large: F is then that of more degrees of freedom, times a
    factor (P. B. Patnaik, "The non-central chi-squared and F-distributions", Biometrika 36, 1949)."""
    z = NormalDist().inv_cdf(1 - 0.025 / among)
    low, high = 0.0, between * f
    for _ in range(_HALVED):
        middle = (low + high) / 2
        freedom = (between + middle) ** 2 / (between + 2 * middle)
        if (1 + middle / between) * _critical(freedom, within, z) < f:
            low = middle
        else:
            high = middle
    return low


def _critical(between: float, within: float, z: float) -> float:
    """The F that chance exceeds as often as `z` (E. Paulson, Annals of Mathematical Statistics 13, 1942)."""
    c, d = 2 / (9 * within), 2 / (9 * between)
    a, b = 1 - c, 1 - d
    leading = a * a - z * z * c
    if leading <= 0:
        return math.inf
    return float(((a * b + math.sqrt(max(0.0, (a * b) ** 2 - leading * (b * b - z * z * d)))) / leading) ** 3)


def share(part: int, whole: int) -> float:
    """Of a share."""
    return wilson(part, whole)[0]


def wilson(part: int, whole: int) -> tuple[float, float]:
    """The bounds of a share (E. B. Wilson, Journal of the American Statistical Association 22, 1927)."""
    if not whole:
        return 0.0, 1.0
    p, z2 = part / whole, _Z * _Z
    middle, reach = p + z2 / (2 * whole), _Z * math.sqrt(p * (1 - p) / whole + z2 / (4 * whole * whole))
    return max(0.0, (middle - reach) / (1 + z2 / whole)), min(1.0, (middle + reach) / (1 + z2 / whole))


def difference(part: int, whole: int, other: int, others: int) -> tuple[float, float]:
    """The bounds of one share less another (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10)."""
    p, q = part / whole, other / others
    (p_low, p_high), (q_low, q_high) = wilson(part, whole), wilson(other, others)
    return p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)


def lacking(less: float, sure: float, high_share: float, low_share: float) -> float:
    """Of a share that is `less` than another, by `sure` at least; where most have it, of those that lack it."""
    whole = min(high_share, 1 - low_share)
    return worth(less / whole, sure / whole)


def worth(part: float, sure: float) -> float:
    """Of what is less than another by a part of it, and by `sure` of it at least."""
    return min(0.9, _WORTH + sure / 2) if part >= _TELLING and sure > 0 else max(0.0, sure)


def implied(strength: float) -> float:
    """What is left of an effect where one column all but implies the other, as a plan its fee."""
    return _IMPLIED if strength > _NEARLY else 1.0
