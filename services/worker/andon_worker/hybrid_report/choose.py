"""Which columns to look at closely, where the options leave it open."""

from __future__ import annotations

from andon.reports.duck import identifier
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
    for column in varying(table):
        c = identifier(column)
        present, distinct, negative, fractional = table.one(
            f"SELECT count({c}), approx_count_distinct({c}), bool_or({c} < 0), bool_or({c} <> floor({c})) FROM data"
        )
        if negative or fractional:
            measured.append(column)
        elif 20 < distinct < 0.9 * present:
            counted.append(column)
        else:
            rest.append(column)
    return (measured or counted or rest)[:most]


def varying(table: Table) -> list[str]:
    """Numeric columns that hold more than one value."""
    names = [column.name for column in table.numeric]
    if not names:
        return []
    tests = ", ".join(f"min({identifier(name)}) < max({identifier(name)})" for name in names)
    return [name for name, varies in zip(names, table.one(f"SELECT {tests} FROM data"), strict=True) if varies]


def groupings(table: Table, options: ReportOptions) -> list[str]:
    """Columns that split the rows into a few groups: words before numbers."""
    if options.group_by:
        return list(options.group_by)
    words = [column.name for column in table.columns if column.type in {"text", "boolean"}]
    codes = [column.name for column in table.columns if column.type == "integer"]
    found = [name for name in words if _splits(table, name, MOST_GROUPS)]
    return (found or [name for name in codes if _splits(table, name, 12)])[:MOST_GROUPINGS]


def _splits(table: Table, name: str, most: int) -> bool:
    present, distinct = table.one(
        f"SELECT count({identifier(name)}), approx_count_distinct({identifier(name)}) FROM data"
    )
    return 2 <= distinct <= most and bool(present >= distinct * _FEWEST_PER_GROUP)


def time_column(table: Table, options: ReportOptions) -> str | None:
    """The date or time with the most values; the first of equals."""
    if options.time_column:
        return options.time_column
    best, most = None, 0
    for column in table.temporal:
        c = identifier(column.name)
        present, varies = table.one(f"SELECT count({c}), min({c}) < max({c}) FROM data")
        if varies and present > most:
            best, most = column.name, present
    return best
