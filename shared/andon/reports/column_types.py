"""Which type a column has: of text, judged by every value in the file; of Parquet, by its schema.

The report knows six types: integer, number, boolean, date, timestamp and text. A text column gets the first of
them that *all* its values fit, so a stray word in row four million makes it text, and no value is ever dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from andon.reports.wide import stretches

HEAD_ROWS = 20_000
HEAD_CELLS = 400_000
_CASTS_PER_QUERY = 200


@dataclass(frozen=True)
class Typed:
    """A type, and the SQL that makes it from a value; NULL where the value doesn't fit."""

    type: str
    sql: str


TEXT = "text"
_CANDIDATES = (
    # Casting '1.5' to BIGINT rounds, hence the comparison; '0x10' and '1_000' are names, not numbers.
    Typed(
        "integer",
        "CASE WHEN NOT contains({0}, '_') AND try_cast({0} AS BIGINT) = try_cast({0} AS DOUBLE) "
        "THEN try_cast({0} AS BIGINT) END",
    ),
    Typed("number", "CASE WHEN NOT contains({0}, '_') THEN try_cast({0} AS DOUBLE) END"),
    Typed("boolean", "CASE WHEN length({0}) > 1 THEN try_cast({0} AS BOOLEAN) END"),
    # Casting a timestamp to DATE drops its time, hence the length.
    Typed("date", "CASE WHEN length({0}) <= 10 THEN try_cast({0} AS DATE) END"),
    Typed("timestamp", "try_cast({0} AS TIMESTAMP)"),
    Typed("date", "CAST(try_strptime({0}, '%d.%m.%Y') AS DATE)"),
    Typed("date", "CAST(try_strptime({0}, '%m/%d/%Y') AS DATE)"),
    Typed("date", "CAST(try_strptime({0}, '%d/%m/%Y') AS DATE)"),
)
_AMBIGUOUS = {_CANDIDATES[-2], _CANDIDATES[-1]}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_NUMBERS = {"FLOAT", "DOUBLE", "UBIGINT", "HUGEINT", "UHUGEINT"}


def detect(connection: duckdb.DuckDBPyConnection, scan: str, values: Sequence[str]) -> tuple[int, list[Typed]]:
    """The number of rows, and the type of each of the text expressions in `values` over the table `scan`.

    Reads the whole table, so a row that can't be read raises here.
    """
    rows, fitting = _fitting(connection, scan, values, _fitting_head(connection, scan, values))
    return rows, [_choose(value, candidates) for value, candidates in zip(values, fitting, strict=True)]


def _fitting_head(connection: duckdb.DuckDBPyConnection, scan: str, values: Sequence[str]) -> list[list[Typed]]:
    """Of each value's candidates those that the first rows don't contradict: few, so that one pass can try them all.

    The rows are turned on their side: planning a cast per column and candidate would take longer than all the casts.
    """
    limit = max(1, min(HEAD_ROWS, HEAD_CELLS // len(values)))
    fits = ", ".join(f"count(value) = count({each.sql.format('value')})" for each in _CANDIDATES)
    fitting = []
    for piece in stretches(len(values)):
        named = ", ".join(f"{value} AS c{place}" for place, value in enumerate(values[piece]))
        rows = connection.execute(
            f"SELECT name, {fits} FROM (UNPIVOT (SELECT {named} FROM (FROM {scan} LIMIT {limit})) "
            "ON COLUMNS(*) INTO NAME name VALUE value) GROUP BY name"
        ).fetchall()
        kept = {name: [each for each, fit in zip(_CANDIDATES, row, strict=True) if fit] for name, *row in rows}
        fitting += [kept.get(f"c{place}", list(_CANDIDATES)) for place in range(len(values[piece]))]
    return fitting


def _fitting(
    connection: duckdb.DuckDBPyConnection, table: str, values: Sequence[str], candidates: list[list[Typed]]
) -> tuple[int, list[list[Typed]]]:
    """The number of rows, and of each value's candidates those that no row contradicts."""
    rows = 0
    fitting: list[list[Typed]] = []
    start = 0
    while start < len(values):
        # A pass over the table for so many casts: one for nearly every file, more for very wide ones.
        end, casts = start, 0
        while end < len(values) and (casts == 0 or casts + len(candidates[end]) <= _CASTS_PER_QUERY):
            casts += 1 + len(candidates[end])
            end += 1
        counts = [f"count({sql})" for i in range(start, end) for sql in _tests(values[i], candidates[i])]
        row = connection.execute(f"SELECT count(*), {', '.join(counts)} FROM {table}").fetchone()
        rows, *found = row or (0,)
        for i in range(start, end):
            present, *fits = found[: 1 + len(candidates[i])]
            del found[: 1 + len(candidates[i])]
            fitting.append([c for c, count in zip(candidates[i], fits, strict=True) if count == present])
        start = end
    return rows, fitting


def _tests(value: str, candidates: list[Typed]) -> list[str]:
    return [value, *(each.sql.format(value) for each in candidates)]


def _choose(value: str, fitting: list[Typed]) -> Typed:
    # Everything fits a column without a value. A date that reads both month first and day first is left as text.
    if len(fitting) == len(_CANDIDATES) or not fitting or set(fitting) == _AMBIGUOUS:
        return Typed(TEXT, value)
    chosen = fitting[0]
    return finite(Typed(chosen.type, chosen.sql.format(value)))


def from_parquet(value: str, duckdb_type: str) -> Typed:
    """The type for a column of a Parquet file; whatever isn't one of the six is shown as text."""
    base = duckdb_type.split("(")[0].upper()
    if base in _INTEGERS:
        return Typed("integer", f"CAST({value} AS BIGINT)")
    if base in _NUMBERS or base == "DECIMAL":
        return finite(Typed("number", f"CAST({value} AS DOUBLE)"))
    if base == "BOOLEAN":
        return Typed("boolean", value)
    if base == "DATE":
        return finite(Typed("date", value))
    if base.startswith("TIMESTAMP"):
        return finite(Typed("timestamp", f"CAST({value} AS TIMESTAMP)"))
    return Typed(TEXT, f"CAST({value} AS VARCHAR)")


def finite(typed: Typed) -> Typed:
    """NaN and the infinities carry no value that a mean or a range could use: they count as missing."""
    if typed.type in {"number", "date", "timestamp"}:
        return Typed(typed.type, f"CASE WHEN isfinite({typed.sql}) THEN {typed.sql} END")
    return typed
