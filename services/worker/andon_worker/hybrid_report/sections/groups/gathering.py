"""All groups of a column with what a measure comes to in each: counted where the rows are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.association import correlation_ratio
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Values
from andon_worker.hybrid_report.wording import label

_LARGEST = 15  # names that are shown one by one, where their totals alone are told


@dataclass(frozen=True)
class Sums:
    """Of all groups, of the rows without one, of the groups that aren't shown, in a measure's unit; and whether none
    is negative."""

    all: float
    ungrouped: float
    others: float
    shares: bool

    def told(self, values: Values) -> dict[str, Any]:
        return {
            "all": values.original(self.all),
            "ungrouped": values.original(self.ungrouped),
            "others": values.original(self.others),
            "shares": self.shares,
        }


class Gathered:
    """The groups, in a table of the database that stands until the next are gathered."""

    def __init__(self, table: Table, group_by: str, values: Values) -> None:
        self.group_by, self.values, self._table = group_by, values, table
        g, x = identifier(group_by), values.sql
        self.present = f"FROM data WHERE {g} IS NOT NULL AND {x} IS NOT NULL"
        table.connection.execute(
            "CREATE OR REPLACE TEMP TABLE gathered AS "
            f"SELECT {g} AS value, count(*) AS n, sum({x}) AS sum, avg({x}) AS mean, stddev_samp({x}) AS std "
            f"{self.present} GROUP BY 1"
        )
        self.total, self.rows = table.one("SELECT count(*), coalesce(sum(n), 0)::BIGINT FROM gathered")

    def enough(self, rows: int) -> int:
        """How many groups have so many rows."""
        return int(self._table.one(f"SELECT count(*) FROM gathered WHERE n >= {rows}")[0])

    def eta(self) -> float:
        """The correlation ratio of the measure with the groups, about the mean of all: squares of numbers that lie
        close together far from zero would swallow their spread."""
        found = self._table.connection.execute(
            "SELECT n::DOUBLE AS n, mean - (SELECT sum(n * mean) / sum(n) FROM gathered) AS apart, "
            "coalesce(std, 0.0) AS std FROM gathered"
        ).fetchnumpy()
        n, apart, std = (np.ma.filled(found[key], np.nan) for key in ("n", "apart", "std"))
        return correlation_ratio(n, n * apart, n * apart**2 + (n - 1) * std**2)

    def chosen(self, *shown: str) -> list[tuple[Any, float, float | None, int]]:
        """`(value, sum, std, rows)` of the groups that any of the queries, each of values, names."""
        self._table.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE shown AS {' UNION '.join(f'({each})' for each in shown)}"
        )
        return self._table.all("SELECT value, sum, std, n FROM gathered JOIN shown USING (value)")

    def of_most_rows(self, most: int) -> str:
        return f"SELECT value FROM gathered ORDER BY n DESC, value LIMIT {most}"

    def of_largest_sums(self, most: int) -> tuple[str, str]:
        """The largest above zero or below; and the least of all, if it is below."""
        return (
            f"SELECT value FROM gathered ORDER BY abs(sum) DESC, value LIMIT {most}",
            "SELECT value FROM (SELECT value, sum FROM gathered ORDER BY sum, value LIMIT 1) WHERE sum < 0",
        )

    def ends(self, rows: int) -> tuple[str, str]:
        """Of the groups of so many rows those of the highest and the lowest mean."""
        ordered = f"SELECT value FROM gathered WHERE n >= {rows} ORDER BY mean"
        return f"{ordered}, value LIMIT 1", f"{ordered} DESC, value LIMIT 1"

    def sums(self) -> Sums:
        """With the others than those that were `chosen` last."""
        one = self._table.one
        (others,) = one("SELECT coalesce(sum(sum), 0) FROM gathered ANTI JOIN shown USING (value)")
        all_, shares = one("SELECT coalesce(sum(sum), 0), min(sum) >= 0 AND sum(sum) > 0 FROM gathered")
        x, g = self.values.sql, identifier(self.group_by)
        (ungrouped,) = one(f"SELECT coalesce(sum({x}), 0) FROM data WHERE {g} IS NULL")
        return Sums(all_, ungrouped, others, bool(shares))

    def totals(self) -> dict[str, Any]:
        """The largest groups, and what the others come to."""
        shown = sorted(self.chosen(*self.of_largest_sums(_LARGEST)), key=lambda each: (-each[1], label(each[0])))
        return {
            "groupBy": self.group_by,
            "measure": self.values.name,
            "total": self.total,
            "groupsOmitted": self.total - len(shown),
            "rowsOmitted": self.rows - sum(n for *_, n in shown),
            "sums": self.sums().told(self.values),
            "groups": [
                {"value": label(value), "rows": n, "sum": self.values.original(sum_)} for value, sum_, _, n in shown
            ],
        }
