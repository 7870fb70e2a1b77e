"""What the section computes: how much lies beyond each column's fences, and in which rows the farthest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon.reports.values.bounds import least
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.durations import open_measured
from andon_worker.hybrid_report.figures.table import Table, clean, double
from andon_worker.hybrid_report.figures.values import Values, values_of
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.sections.outliers.fences import Fences
from andon_worker.hybrid_report.wording import label

_FEWEST_DISTINCT = 10  # with fewer values, the rare ones are answers as good as the others
EXTREMES = 5
_SHOWN = 4


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{columns: [...], columnsOmitted, passedOver, above, keys, extremes: [...]}`, of the columns that can be
    averaged.

    A column is `{name, count, lower, upper, below, above, min, max, robust, usual, usualCount, largestZ}`. The
    fences are Tukey's (J. W. Tukey, "Exploratory Data Analysis", 1977), 1.5 quartile ranges outside the quartiles;
    `below` and `above` count the values beyond. Where the quartiles are one value, `usual`, the fences are those of
    the other values, `usualCount` says how many rows have it, and it counts as inside. `robust` counts the values
    whose modified z-score (B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993) exceeds 3.5, null
    if more than half of the values are equal.

    `above` has of a column the bounds as `>90` that lie beyond its highest value: `{name, max, bound, cells}`, the
    first of them, and in how many cells they stand. `passedOver` are columns of too few different values to have
    any outlier. `extremes` has of the columns with the farthest values the rows that hold them: `{column, rows:
    [{row, value, keys: [...]}]}`, where `row` counts from 1 in the file's order and `keys` are the values of the
    columns `keys`.
    """
    with open_measured(parquet, options, control, by_period=True) as table:
        values = values_of(table, choose.varying(table))
        names = list(values)[: options.max_columns]
        judged = [name for name in names if table.seen[name].distinct >= _FEWEST_DISTINCT]
        columns = _columns(table, [values[name] for name in judged])
        control.progress(0.8, "the rows of the farthest values")
        far = sorted((c for c in columns if c["largestZ"] and c["below"] + c["above"]), key=lambda c: -c["largestZ"])
        keys = choose.keys(table)
        extremes = [_extreme(table, values[c["name"]], c, keys) for c in far[:_SHOWN]]
        return clean(
            {
                "columns": columns,
                "columnsOmitted": len(values) - len(names),
                "passedOver": [name for name in names if name not in judged],
                "above": [each for name in names if (each := _above(table.column(name), values[name]))],
                "keys": keys,
                "extremes": extremes,
            }
        )


def _above(column: Column, values: Values) -> dict[str, Any] | None:
    """What is known to lie above the highest value alone."""
    beyond = [each for each in column.missing if (limit := least(each.token)) is not None and limit >= values.high]
    if not beyond:
        return None
    cells = sum(each.count for each in beyond)
    return {"name": column.name, "max": values.high, "bound": beyond[0].token, "cells": cells}


def _columns(table: Table, columns: list[Values]) -> list[dict[str, Any]]:
    """A few queries over many columns each: quartiles, their guards, and what lies beyond."""
    control = table.control
    sql = {identifier(c.name): c.sql for c in columns}
    names = [c.name for c in columns]
    quantile = "quantile_cont" if table.exact else "approx_quantile"
    control.progress(0.1, "quartiles")
    quartiles = table.per_column(names, lambda c: (f"{quantile}({sql[c]}, [0.25, 0.5, 0.75])",), keeping=table.exact)
    fences = {identifier(c.name): Fences(c, *quartiles[c.name][0]) for c in columns}
    flat = [c.name for c in columns if fences[identifier(c.name)].flat]
    others = table.per_column(flat, lambda c: fences[c].others(sql[c], quantile), keeping=table.exact)
    for name, found in others.items():
        fences[identifier(name)].refence(*found)
    control.progress(0.4, "deviations")
    deviations = table.per_column(names, lambda c: (fences[c].deviation(sql[c], quantile),), keeping=table.exact)
    for name, (mad,) in deviations.items():
        fences[identifier(name)].mad = mad or 0.0
    control.progress(0.6, "beyond the fences")
    counts = table.per_column(names, lambda c: fences[c].counts(sql[c]))
    return [fences[identifier(name)].told(*counts[name]) for name in names]


def _named(table: Table, key: str) -> str:
    column = table.column(key)
    years = column.role == "year" and column.temporal
    return f"CAST({f'year({identifier(key)})' if years else identifier(key)} AS VARCHAR)"


def _extreme(table: Table, values: Values, found: dict[str, Any], keys: list[str]) -> dict[str, Any]:
    """The rows of the values farthest beyond the fences."""
    shown = "".join(f", {_named(table, key)} AS k{place}" for place, key in enumerate(keys))
    lower, upper = (double(found[end] / values.unit) for end in ("lower", "upper"))
    beyond = f"greatest(x - {upper}, {lower} - x)"
    usual = "" if found["usual"] is None else f"AND x <> {double(found['usual'] / values.unit)}"
    rows = table.all(
        f"SELECT * FROM (SELECT row_number() OVER () AS row, {values.sql} AS x{shown} FROM data) "
        f"WHERE (x < {lower} OR x > {upper}) {usual} ORDER BY {beyond} DESC, row LIMIT {EXTREMES}"
    )
    return {
        "column": values.name,
        "rows": [
            {
                "row": (row - 1) // table.periods + 1,
                "value": values.original(x),
                "keys": [None if key is None else label(key, 40) for key in named],
            }
            for row, x, *named in rows
        ],
    }
