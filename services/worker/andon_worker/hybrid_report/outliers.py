"""Section "outliers": values far from the middle of their column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import choose
from andon_worker.hybrid_report.table import Table, clean, double, open_table

_FENCE = 1.5
_ROBUST_Z = 3.5
# Makes the median absolute deviation estimate the standard deviation of normal data.
_MAD_TO_STD = 1.4826


def outliers(parquet: Path, options: ReportOptions, control: Control) -> dict[str, Any]:
    """`{columns: [...], columnsOmitted}`, of the numeric columns that vary.

    A column is `{name, count, lower, upper, below, above, min, max, robust}`. The fences are Tukey's, 1.5 quartile
    ranges outside the quartiles; `below` and `above` count the values beyond. `robust` counts those whose robust
    z-score (from the median, in MADs) exceeds 3.5, null if more than half of the values are equal.
    """
    with open_table(parquet, options, control) as table:
        names = choose.varying(table)
        chosen = names[: options.max_columns]
        columns = []
        for place, name in enumerate(chosen):
            control.progress(place / len(chosen), name)
            columns.append(_column(table, name))
        return clean({"columns": columns, "columnsOmitted": len(names) - len(chosen)})


def _column(table: Table, name: str) -> dict[str, Any]:
    c = identifier(name)
    q1, median, q3 = (float(value or 0.0) for value in table.quantiles(name, [0.25, 0.5, 0.75]))
    reach = _FENCE * (q3 - q1)
    lower, upper = q1 - reach, q3 + reach
    deviation = f"abs({c} - {double(median)})"
    middle = f"quantile_cont({deviation}, 0.5)" if table.exact else f"approx_quantile({deviation}, 0.5)"
    (mad,) = table.one(f"SELECT {middle} FROM data")
    far = f"count(*) FILTER ({deviation} > {double(_ROBUST_Z * _MAD_TO_STD * mad)})" if mad else "NULL"
    count, below, above, low, high, robust = table.one(
        f"SELECT count({c}), count(*) FILTER ({c} < {double(lower)}), count(*) FILTER ({c} > {double(upper)}), "
        f"min({c}), max({c}), {far} FROM data"
    )
    return {
        "name": name,
        "count": count,
        "lower": lower,
        "upper": upper,
        "below": below,
        "above": above,
        "min": low,
        "max": high,
        "robust": robust,
    }
