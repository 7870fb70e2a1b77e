"""Which columns to look at closely, where the options leave it open."""

from __future__ import annotations

from andon.reports.options import ReportOptions
from andon_worker.hybrid_report.table import Table

MOST_MEASURES = 3
MOST_GROUPINGS = 2
MOST_GROUPS = 20
_FEWEST_PER_GROUP = 5


def measures(table: Table, options: ReportOptions, most: int = MOST_MEASURES) -> list[str]:
    """Numeric columns worth averaging.

    Fractions and negative values mark a measurement; whole positive numbers may as well be codes, so they are taken
    only where nothing better is there, and only if they take many values without being a key.
    """
    if options.measures:
        return list(options.measures)
    measured, counted, rest = [], [], []
    found = table.per_column(
        varying(table),
        lambda c: (f"count({c})", f"approx_count_distinct({c})", f"bool_or({c} < 0)", f"bool_or({c} <> floor({c}))"),
    )
    for column, (present, distinct, negative, fractional) in found.items():
        if negative or fractional:
            measured.append(column)
        elif 20 < distinct < 0.9 * present:
            counted.append(column)
        else:
            rest.append(column)
    return (measured or counted or rest)[:most]


def varying(table: Table) -> list[str]:
    """Numeric columns that hold more than one value."""
    found = table.per_column([column.name for column in table.numeric], lambda c: (f"min({c}) < max({c})",))
    return [name for name, (varies,) in found.items() if varies]


def groupings(table: Table, options: ReportOptions) -> list[str]:
    """Columns that split the rows into a few groups: words before numbers."""
    if options.group_by:
        return list(options.group_by)
    words = [column.name for column in table.columns if column.type in {"text", "boolean"}]
    codes = [column.name for column in table.columns if column.type == "integer"]
    return (_splitting(table, words, MOST_GROUPS) or _splitting(table, codes, 12))[:MOST_GROUPINGS]


def _splitting(table: Table, names: list[str], most: int) -> list[str]:
    """Those of the columns that have 2 to `most` different values, each several times."""
    found = table.per_column(names, lambda c: (f"count({c})", f"approx_count_distinct({c})"))
    return [
        name for name, (n, distinct) in found.items() if 2 <= distinct <= most and n >= distinct * _FEWEST_PER_GROUP
    ]


def time_column(table: Table, options: ReportOptions) -> str | None:
    """The date or time with the most values; the first of equals."""
    if options.time_column:
        return options.time_column
    found = table.per_column([each.name for each in table.temporal], lambda c: (f"count({c})", f"min({c}) < max({c})"))
    counts = {name: present for name, (present, varies) in found.items() if varies}
    return max(counts, key=lambda name: counts[name], default=None)
