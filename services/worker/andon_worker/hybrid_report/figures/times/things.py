"""What the rows of a table with a column per period do from their first value to their last."""

from __future__ import annotations

from typing import Any

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import values_of
from andon_worker.hybrid_report.wording import label

_MOST, _LARGEST, _FARTHEST = 5_000, 20, 5


def things(table: Table, column: str, names: list[str]) -> dict[str, Any] | None:
    """The rows of a table with a column per period, by the column that names them."""
    rows = table.rows / table.periods
    words = [c for c in table.columns if c.type == "text" and table.seen[c.name].distinct >= 0.9 * rows]
    if not words or len(names) != 1 or not 1 < rows <= _MOST:
        return None
    key, t = identifier(words[0].name), identifier(column)
    [values] = values_of(table, names).values()
    found = table.all(
        f"SELECT {key}, min({t}), arg_min({values.sql}, {t}), max({t}), arg_max({values.sql}, {t}) FROM data "
        f"WHERE {key} IS NOT NULL AND {values.sql} IS NOT NULL GROUP BY 1 HAVING count(*) > 1 ORDER BY 5 DESC, 1"
    )
    told: list[dict[str, Any]] = [
        {
            "name": label(name),
            "first": {"start": str(since), "value": values.original(first)},
            "last": {"start": str(until), "value": values.original(last)},
            "change": last / first - 1 if first > 0 and last >= 0 else None,
        }
        for name, since, first, until, last in found
    ]
    moved = sorted((each for each in told if each["change"] is not None), key=lambda each: each["change"])
    shown = [*told[:_LARGEST], *moved[:_FARTHEST], *moved[-_FARTHEST:]]
    return {
        "column": words[0].name,
        "measure": names[0],
        "total": len(told),
        "rose": sum(each["last"]["value"] > each["first"]["value"] for each in told),
        "fell": sum(each["last"]["value"] < each["first"]["value"] for each in told),
        "rows": [each for each in told if each in shown],
    }
