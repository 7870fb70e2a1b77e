"""Which series go together by the season: both have one, and it is the same or the opposite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.association import correlation_ratio
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Floats, Values

_YEARS = 2  # of which a season is known
_MONTHS = 12
_SEASONAL = 0.6  # eta from which the months make a series what it is, with a third of its variance


@dataclass(frozen=True)
class Seasons:
    """The means of each column by month of the year, and how much of its spread lies between them."""

    means: Floats
    etas: list[float]


def seasons_of(table: Table, time: str | None, columns: Sequence[Values]) -> Seasons | None:
    """None where there are no two years of dates with all their months."""
    if time is None or not table.column(time).temporal:
        return None
    at = f"CAST({identifier(time)} AS TIMESTAMP)"
    wanted = "".join(f", count({v.sql}), avg({v.sql}), coalesce(var_pop({v.sql}), 0)" for v in columns)
    (days,) = table.one(f"SELECT date_diff('day', min({at}), max({at})) FROM data")
    found = table.all(f"SELECT month({at}){wanted} FROM data WHERE {at} IS NOT NULL GROUP BY 1 ORDER BY 1")
    if len(found) < _MONTHS or days < 365 * _YEARS - 31:
        return None
    numbers = np.array([[np.nan if value is None else value for value in row[1:]] for row in found], dtype=float)
    etas = []
    for place in range(len(columns)):
        counts, means, variances = numbers[:, 3 * place : 3 * place + 3].T
        sums = np.where(counts > 0, counts * means, 0.0)
        squares = np.where(counts > 0, counts * (variances + means**2), 0.0)
        etas.append(correlation_ratio(counts, sums, squares))
    return Seasons(numbers[:, 1::3], etas)


def together_by(seasons: Seasons, one: int, other: int) -> float | None:
    """The correlation of the months' means of two columns, where both have a season."""
    if min(seasons.etas[one], seasons.etas[other]) < _SEASONAL:
        return None
    return float(np.corrcoef(seasons.means[:, one], seasons.means[:, other])[0, 1])
