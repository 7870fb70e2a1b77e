"""Section "distributions": how the values of each column spread."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon.reports.options import MEASURABLE, TEMPORAL
from andon_worker.hybrid_report.table import Table, clean, double, open_table
from andon_worker.hybrid_report.wording import label

BINS = 40
TOP = 10
QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


def distributions(parquet: Path, options: ReportOptions, control: Control) -> dict[str, Any]:
    """`{exactQuantiles, columns: [...], columnsOmitted}`; each column has `name`, `type`, `kind`, `count`, and by kind

    - `numeric`: `mean, std, min, max, skewness, quantiles: {p01, ..., p99}, histogram`
    - `temporal`: `min, max` (ISO 8601), `histogram`
    - `categorical`: `distinct, top: [{value, count}], other` (the count of all values that aren't in `top`)

    A histogram is `{edges, counts, below, above}`: it spans the middle 99 % where the tails are long, and says how
    many values lie outside. A column without values has `count` 0 and nulls.
    """
    with open_table(parquet, options, control) as table:
        chosen = table.columns[: options.max_columns]
        columns = []
        for place, column in enumerate(chosen):
            control.progress(place / len(chosen), column.name)
            columns.append({"name": column.name, "type": column.type, **_spread(table, column)})
        return clean(
            {
                "exactQuantiles": table.exact,
                "columns": columns,
                "columnsOmitted": len(table.columns) - len(chosen),
            }
        )


def _spread(table: Table, column: Column) -> dict[str, Any]:
    if column.type in MEASURABLE:
        return _numeric(table, column)
    if column.type in TEMPORAL:
        return _temporal(table, column)
    return _categorical(table, column)


def _numeric(table: Table, column: Column) -> dict[str, Any]:
    c = identifier(column.name)
    count, mean, std, low, high = table.one(
        f"SELECT count({c}), avg({c}), stddev_samp({c}), min({c}), max({c}) FROM data"
    )
    try:
        (skewness,) = table.one(f"SELECT skewness({c}) FROM data")
    except duckdb.OutOfRangeException:  # the cube of a value is beyond a double
        skewness = None
    shares = [*QUANTILES.values(), 0.005, 0.995]
    *quantiles, start, end = table.quantiles(column.name, shares)
    return {
        "kind": "numeric",
        "count": count,
        "mean": mean,
        "std": std,
        "min": low,
        "max": high,
        "skewness": skewness,
        "quantiles": dict(zip(QUANTILES, quantiles, strict=True)),
        "histogram": _histogram(table, c, low, high, start, end, whole=column.type == "integer"),
    }


def _temporal(table: Table, column: Column) -> dict[str, Any]:
    c = identifier(column.name)
    count, low, high, first, last = table.one(
        f"SELECT count({c}), min({c}), max({c}), epoch(min({c})), epoch(max({c})) FROM data"
    )
    histogram = _histogram(table, f"epoch({c})", first, last, first, last)
    if histogram:
        histogram["edges"] = [_moment(edge) for edge in histogram["edges"]]
    return {
        "kind": "temporal",
        "count": count,
        "min": low.isoformat() if low is not None else None,
        "max": high.isoformat() if high is not None else None,
        "histogram": histogram,
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(round(seconds), UTC).replace(tzinfo=None).isoformat()


def _categorical(table: Table, column: Column) -> dict[str, Any]:
    c = identifier(column.name)
    distinct = f"count(DISTINCT {c})" if table.exact else f"approx_count_distinct({c})"
    count, values = table.one(f"SELECT count({c}), {distinct} FROM data")
    top = table.all(
        f"SELECT CAST({c} AS VARCHAR), count(*) FROM data WHERE {c} IS NOT NULL "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP}"
    )
    return {
        "kind": "categorical",
        "count": count,
        "distinct": min(values, count),
        "top": [{"value": label(value), "count": n} for value, n in top],
        "other": count - sum(n for _, n in top),
    }


def _histogram(
    table: Table,
    value: str,
    low: float | None,
    high: float | None,
    start: float | None,
    end: float | None,
    *,
    whole: bool = False,
) -> dict[str, Any] | None:
    if low is None or high is None or start is None or end is None or not math.isfinite(high - low):
        return None
    # Tails are cut only if they are long: else the histogram would hide ends that it has room for.
    start, end = (low, high) if (high - low) <= 2 * (end - start) else (start, end)
    if whole:
        start = math.floor(start)
        width = max(1.0, math.ceil((math.floor(end) - start + 1) / BINS))
        bins = math.ceil((math.floor(end) - start + 1) / width)
        start -= 0.5
    else:
        bins, width = BINS, (end - start) / BINS
        if not width or start + width == start:
            start, width, bins = start - 0.5, 1.0, 1
    stop = start + bins * width
    place = f"CASE WHEN {value} < {double(start)} THEN -1 WHEN {value} > {double(stop)} THEN {bins} ELSE "
    place += (
        f"least(greatest(CAST(floor(({value} - {double(start)}) / {double(width)}) AS INTEGER), 0), {bins - 1}) END"
    )
    found = dict(table.all(f"SELECT {place}, count(*) FROM data WHERE {value} IS NOT NULL GROUP BY 1"))
    return {
        "edges": [start + place * width for place in range(bins + 1)],
        "counts": [found.get(place, 0) for place in range(bins)],
        "below": found.get(-1, 0),
        "above": found.get(bins, 0),
    }
