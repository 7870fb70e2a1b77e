"""Section "trends": how many rows, and how high the measures, over time, by weekday and by hour."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import choose
from andon_worker.hybrid_report.table import Table, clean, open_table

# The longest span that each unit is used for: a chart of 40 to 100 points is read best.
_UNITS = (
    ("hour", timedelta(days=3)),
    ("day", timedelta(days=92)),
    ("week", timedelta(days=2 * 366)),
    ("month", timedelta(days=20 * 366)),
)
_MOST_POINTS = 1_000


def trends(parquet: Path, options: ReportOptions, control: Control) -> dict[str, Any]:
    """`{timeColumn, unit, rows, measures: [name], points: [...], weekdays: [...], hours: [...]}`.

    A point is `{start, rows, means: [...]}`, the means in the order of `measures`; weekdays (`weekday` 1 is Monday)
    and hours (`hour`) likewise, where the column spans two weeks, or has times of day; else they are empty.
    `timeColumn` is null, and nothing else is there, if the dataset has no dates. `rows` are those with a time.
    """
    with open_table(parquet, options, control) as table:
        column = choose.time_column(table, options)
        if column is None:
            return {"timeColumn": None}
        names = choose.measures(table, options)
        c = identifier(column)
        rows, first, last, timed = table.one(
            f"SELECT count({c}), CAST(min({c}) AS TIMESTAMP), CAST(max({c}) AS TIMESTAMP), "
            f"bool_or(CAST({c} AS TIMESTAMP) <> date_trunc('day', CAST({c} AS TIMESTAMP))) FROM data"
        )
        span = last - first
        unit = next((unit for unit, longest in _UNITS if span <= longest), "year")
        control.progress(0.3, f"per {unit}")
        points = _means(table, f"strftime(date_trunc('{unit}', {c}), '%Y-%m-%dT%H:%M:%S')", column, names)
        control.progress(0.6, "weekdays and hours")
        weekdays = _means(table, f"isodow({c})", column, names) if span >= timedelta(days=14) else []
        hours = _means(table, f"hour({c})", column, names) if timed else []
        return clean(
            {
                "timeColumn": column,
                "unit": unit,
                "rows": rows,
                "measures": names,
                "points": _named("start", points),
                "weekdays": _named("weekday", weekdays),
                "hours": _named("hour", hours),
            }
        )


def _means(table: Table, key: str, column: str, measures: list[str]) -> list[tuple[Any, ...]]:
    means = "".join(f", avg({identifier(name)})" for name in measures)
    return table.all(
        f"SELECT {key}, count(*){means} FROM data WHERE {identifier(column)} IS NOT NULL "
        f"GROUP BY 1 ORDER BY 1 LIMIT {_MOST_POINTS}"
    )


def _named(key: str, rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    return [{key: row[0], "rows": row[1], "means": list(row[2:])} for row in rows]
