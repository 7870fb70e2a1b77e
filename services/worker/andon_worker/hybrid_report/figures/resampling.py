"""The percentile bootstrap of a mean, at any size of data.

To draw n values with replacement and take their mean is to draw how often each value occurs, which is multinomial:
so the cost of a resample follows the number of different values, not of rows. Where a value stands for a narrow bin
of different ones, their spread within the bin is added as its normal approximation.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# About 10 ms of drawing: as long as a cancel may wait for the next check.
_DRAWS_PER_CHUNK = 200_000


@dataclass(frozen=True)
class Bins:
    """Values as counts, with the mean and the variance inside each bin (0 where it is one value)."""

    counts: NDArray[np.int64]
    means: Floats
    variances: Floats

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        return float(self.counts @ self.means) / self.rows


def resampled_means(bins: Bins, resamples: int, seed: list[int], after_chunk: Callable[[int], None]) -> Floats:
    """The means of `resamples` resamples; the same for the same seed.

    `after_chunk` is called with the number done so far, every few milliseconds, and may raise.
    """
    random = np.random.default_rng(seed)
    rows, centre = bins.rows, bins.mean
    shares, offsets = bins.counts / rows, bins.means - centre
    spread = bins.variances if bins.variances.any() else None
    means = np.empty(resamples)
    chunk = max(1, _DRAWS_PER_CHUNK // len(shares))
    for start in range(0, resamples, chunk):
        end = min(start + chunk, resamples)
        drawn = random.multinomial(rows, shares, size=end - start)
        means[start:end] = centre + drawn @ offsets / rows
        if spread is not None:
            means[start:end] += random.standard_normal(end - start) * np.sqrt(drawn @ spread) / rows
        after_chunk(end)
    return means


def interval(values: Floats, confidence: float) -> tuple[float, float]:
    """The middle `confidence` of the values; reorders them."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail], overwrite_input=True)
    return float(low), float(high)


def seed_of(seed: int, *names: str) -> list[int]:
    """A seed of one's own for each thing that is resampled, so that leaving one out doesn't move the others."""
    return [seed, *(zlib.crc32(name.encode()) for name in names)]
