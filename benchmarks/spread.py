"""How measurements lie: p50, p95, p99 and how many there were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """Percentiles by nearest rank; with less than 100 values p99 is the largest."""

    p50: float
    p95: float
    p99: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of `values`; NaN when there are none."""
        ordered = sorted(values)
        if not ordered:
            return cls(float("nan"), float("nan"), float("nan"), 0)
        p50, p95, p99 = (ordered[min(int(len(ordered) * share / 100), len(ordered) - 1)] for share in (50, 95, 99))
        return cls(p50, p95, p99, len(ordered))

    def milliseconds(self) -> dict[str, float]:
        """As it is written to the results."""
        return {name: round(value * 1000, 2) for name, value in zip(("p50", "p95", "p99"), self[:3], strict=True)} | {
            "n": self.n
        }
