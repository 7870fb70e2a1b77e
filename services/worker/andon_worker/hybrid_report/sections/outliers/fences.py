"""Between what a column's values are usual."""

from __future__ import annotations

from typing import Any

from andon_worker.hybrid_report.figures.table import double
from andon_worker.hybrid_report.figures.values import Values

_SLACK = 1e-12
_FENCE = 1.5
_ROBUST_Z = 3.5
# Makes the median absolute deviation estimate the standard deviation of normal data.
_MAD_TO_STD = 1.4826
_FEWEST_OTHERS = 30


class Fences:
    """Between what a column's values are usual, in its unit."""

    def __init__(self, values: Values, q1: float, median: float, q3: float) -> None:
        self._values, self._median = values, median
        self.flat = q1 == q3
        self._usual = median if self.flat else None
        self._usual_count = 0
        self.mad = 0.0
        self._ends: tuple[float, float] | None = None
        self._set(q1, q3)

    def _set(self, q1: float, q3: float) -> None:
        reach = _FENCE * (q3 - q1)
        slack = _SLACK * max(abs(q1 - reach), abs(q3 + reach))  # a value at the fence isn't beyond it by rounding
        self._ends = (q1 - reach - slack, q3 + reach + slack)

    def others(self, sql: str, quantile: str) -> tuple[str, str]:
        """How many values are the usual one, and the quartiles of the rest."""
        usual = double(self._median)
        return (
            f"count(*) FILTER ({sql} = {usual})",
            f"{quantile}(CASE WHEN {sql} <> {usual} THEN {sql} END, [0.25, 0.5, 0.75])",
        )

    def deviation(self, sql: str, quantile: str) -> str:
        return f"{quantile}(abs({sql} - {double(self._median)}), 0.5)"

    def refence(self, usual_count: int, quartiles: list[float] | None) -> None:
        self._usual_count = usual_count
        if quartiles is None or self._values.count - usual_count < _FEWEST_OTHERS or quartiles[0] == quartiles[2]:
            self._ends = None  # too little to judge by
        else:
            self._set(quartiles[0], quartiles[2])

    def counts(self, sql: str) -> tuple[str, str, str]:
        """How many values lie below, how many above, and how many have a large modified z-score."""
        if self._ends is None:
            return "0", "0", "NULL"
        lower, upper = map(double, self._ends)
        usual = "" if self._usual is None else f" AND {sql} <> {double(self._usual)}"
        far = f"abs({sql} - {double(self._median)}) > {double(_ROBUST_Z * _MAD_TO_STD * self.mad)}"
        return (
            f"count(*) FILTER ({sql} < {lower}{usual})",
            f"count(*) FILTER ({sql} > {upper}{usual})",
            f"count(*) FILTER ({far})" if self.mad else "NULL",
        )

    def told(self, below: int, above: int, robust: int | None) -> dict[str, Any]:
        values = self._values
        lower, upper = self._ends or (None, None)
        return {
            "name": values.name,
            "count": values.count,
            "lower": values.original(lower),
            "upper": values.original(upper),
            "below": below,
            "above": above,
            "min": values.low,
            "max": values.high,
            "robust": robust,
            "usual": values.original(self._usual),
            "usualCount": self._usual_count,
            "largestZ": self._largest_z(),
        }

    def _largest_z(self) -> float | None:
        """How far the farthest value is, in robust standard deviations; by the fences where the MAD is 0."""
        if self._ends is None:
            return None
        lower, upper = self._ends
        spread = _MAD_TO_STD * self.mad or (upper - lower) / 4 / 1.349
        ends = (self._values.low / self._values.unit, self._values.high / self._values.unit)
        return max(abs(end - self._median) for end in ends) / spread if spread else None
