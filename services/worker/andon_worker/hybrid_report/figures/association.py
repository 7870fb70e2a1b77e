"""How much one column says of another, whatever their kinds: from 0, nothing, to 1, everything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


_YES = frozenset(
    {"true", "yes", "y", "1", "ja", "oui", "sí", "si", "sim", "tak", "paid", "won", "passed", "success", "bezahlt"}
)


def outcome(names: Sequence[str]) -> str:
    """Of two values, the more frequent first, the one whose share is told: the rarer, unless one of them says yes."""
    return next((name for name in names if name.lower() in _YES), names[1])


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranked: Floats = (last - (counts - 1) / 2)[inverse]
    return ranked


def binned(values: Floats, most: int = 10, fewest: int = 1) -> tuple[Codes, Floats]:
    """Numbers as codes of bins that hold about as many each, -1 where missing; and the inner edges between the bins.

    A value that stands often has a bin of its own rather than being cut, if `fewest` or more are left beside it.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return np.full(len(values), -1, dtype=np.int64), np.empty(0)
    distinct = np.unique(known)
    if len(distinct) <= most:
        edges = distinct[1:]
    else:
        quantiles = np.quantile(known, np.linspace(0, 1, most + 1)[1:-1], method="inverted_cdf")
        edges, times = np.unique(quantiles, return_counts=True)
        for often in edges[((times > 1) | (edges == distinct[0])) & (edges < distinct[-1])]:
            beyond = known[known > often]
            until = edges[edges > often].min(initial=np.inf)
            if np.count_nonzero(beyond < until) < fewest:  # too few between for a bin: they join the next
                edges = edges[edges != until]
            if len(beyond) >= fewest:
                edges = np.union1d(edges, beyond.min())
        edges = edges[edges > distinct[0]]
    codes = np.searchsorted(edges, values, side="right").astype(np.int64)
    codes[~np.isfinite(values)] = -1
    return codes, edges


def cramers_v(counts: Floats) -> float:
    """Cramér's V of a table of counts, corrected for its bias.

    W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean Statistical Society 42
    (2013).
    """
    counts = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    n, (r, c) = float(counts.sum()), counts.shape
    if n < 2 or min(r, c) < 2:
        return 0.0
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = float(((counts - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    least = min(size - (size - 1) ** 2 / (n - 1) for size in (r, c))
    return min(1.0, float(np.sqrt(phi / max(least - 1, 1e-12))))


def correlation_ratio(counts: Floats, sums: Floats, squares: Floats) -> float:
    """Eta: the square root of the share of a number's variance that lies between groups, corrected for their number.

    Given per group the count, the sum and the sum of squares. R. A. Fisher's correlation ratio, with epsilon squared
    of T. L. Kelley, "An unbiased correlation ratio measure", PNAS 21 (1935).
    """
    full = counts > 0
    counts, sums, squares = counts[full], sums[full], squares[full]
    n, k = float(counts.sum()), len(counts)
    if k < 2 or n <= k:
        return 0.0
    whole = float(squares.sum()) - float(sums.sum()) ** 2 / n
    within = float(squares.sum()) - float((sums**2 / counts).sum())
    if whole <= 0:
        return 0.0
    return float(np.sqrt(max(0.0, 1 - max(within, 0.0) / whole * (n - 1) / (n - k))))


def mutual_information(counts: Floats) -> float:
    """The share of the columns' entropy that the rows take away, from 0 to 1.

    Shannon's mutual information over the entropy, each corrected for its bias as by G. Miller, "Note on the bias of
    information estimates" (1955).
    """
    n = float(counts.sum())
    if n <= 0:
        return 0.0
    rows, columns = _entropy(counts.sum(axis=1), n), _entropy(counts.sum(axis=0), n)
    shared = rows + columns - _entropy(counts.ravel(), n)
    return float(min(1.0, max(0.0, shared / columns))) if columns > 0 else 0.0


def _entropy(counts: Floats, n: float) -> float:
    shares = counts[counts > 0] / n
    return float(-(shares * np.log(shares)).sum()) + (len(shares) - 1) / (2 * n)


class Resampled:
    """Many resamples of the same rows, shared by all columns that are looked at.

    Each row counts as often as a Poisson number of mean 1 says, which needs no total over the rows
    (J. A. Hanley and B. MacGibbon, "Creating non-parametric bootstrap samples using Poisson frequencies", Computer
    Methods and Programs in Biomedicine 83, 2006).
    """

    def __init__(self, rows: int, resamples: int, seed: list[int]) -> None:
        random = np.random.default_rng(seed)
        self._weights = random.poisson(1.0, size=(resamples, rows)).astype(np.float32)

    def totals(self, cells: Codes, width: int, values: Floats | None = None) -> Floats:
        """Per resample the sum of the values (or the number of rows) in each cell; rows of cell -1 count nowhere."""
        known = cells >= 0
        matrix = np.zeros((len(cells), width), dtype=np.float32)
        matrix[np.flatnonzero(known), cells[known]] = 1.0 if values is None else values[known].astype(np.float32)
        return (self._weights @ matrix).astype(np.float64)


def with_interval(estimate: float, resampled: Floats, confidence: float, least: float = 0.0) -> tuple[float, float]:
    """The middle of the resampled values, moved so that their mean is the estimate: resampling itself adds noise,
    which makes every association look stronger."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail]) - (float(resampled.mean()) - estimate)
    return float(min(max(low, least), estimate)), float(max(min(high, 1.0), estimate))
