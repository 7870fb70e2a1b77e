"""Every spelling, made again from its spec: what was judged once is read alike ever after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from andon.reports.values import angles, clock, magnitudes, moments, numbers, since
from andon.reports.values.spelling import (
    BOOLEAN,
    INTEGER,
    LONG_INTEGER,
    NUMBER,
    OTHER_INTEGER,
    OTHER_NUMBER,
    POINT_ZERO,
    TEXT,
    Spelling,
    plausible,
)

_FIXED = {
    each.spec["kind"]: each
    for each in (
        *(TEXT, INTEGER, LONG_INTEGER, POINT_ZERO, NUMBER, BOOLEAN, OTHER_INTEGER, OTHER_NUMBER, moments.QUARTER_FIRST),
        angles.DEGREES,
        *(moments.ISO_DATE, moments.ISO_TIMESTAMP, moments.COMPACT, moments.COMPACT_TIME),
        *(
            clock.DURATION,
            clock.HOURLY,
            clock.SHORT,
            clock.SPOKEN,
            clock.TIME_OF_DAY,
            clock.POINTED,
            clock.DIGITS,
            since.SERIAL_DAY,
            since.SERIAL_MOMENT,
            since.DECIMAL_MONTH,
            since.DECIMAL_DAY,
        ),
        *(
            moments.MONTH,
            moments.MONTH_FIRST,
            moments.COMPACT_MONTH,
            moments.WEEK,
            moments.WEEK_FIRST,
            moments.FISCAL_YEAR,
            moments.QUARTER,
            moments.EAST_ASIAN,
        ),
    )
}


def made(spec: Mapping[str, Any]) -> Spelling:
    """The spelling of that spec."""
    match spec["kind"]:
        case "spelled number":
            return numbers.from_spec(spec)
        case "day":
            return moments.from_spec(spec)
        case "native":
            return native(spec["of"])
        case "epoch":
            return since.epoch(spec["unit"])
        case "magnitude":
            return magnitudes.from_spec(spec)
        case kind:
            return _FIXED[kind]


def native(duckdb_type: str) -> Spelling:
    """Values that a Parquet file holds in a type of their own; whatever isn't one of the six is shown as text."""
    base, digits = duckdb_type.split("(")[0].upper(), duckdb_type
    if duckdb_type.endswith("]"):
        base = "LIST"
    if base in {"UBIGINT", "HUGEINT", "UHUGEINT"} or (base == "DECIMAL" and digits.endswith(",0)")):
        return _native("integer", digits, "try_cast({0} AS DECIMAL(38, 0))")
    if base in {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}:
        return _native("integer", digits, "CAST({0} AS BIGINT)")
    if base in {"FLOAT", "DOUBLE", "DECIMAL"}:
        return _native("number", digits, "CASE WHEN isfinite(CAST({0} AS DOUBLE)) THEN CAST({0} AS DOUBLE) END")
    if base == "BOOLEAN":
        return _native("boolean", digits, "CAST({0} AS BOOLEAN)")
    if base == "DATE":
        return _native("date", digits, plausible("CAST({0} AS DATE)"))
    if base == "TIME":
        of_day = "epoch(try_cast({0} AS TIME)) / 3600"
        return replace(_native("number", digits, of_day), unit=clock.HOURS, notes=clock.TIME_OF_DAY.notes)
    if base == "INTERVAL":
        return replace(_native("number", digits, "epoch(try_cast({0} AS INTERVAL))"), unit="s")
    if base.startswith("TIMESTAMP"):
        return _native("timestamp", digits, plausible("CAST({0} AS TIMESTAMP)"))
    return _native("text", digits, "CAST({0} AS VARCHAR)")


def _native(type_: str, duckdb_type: str, sql: str) -> Spelling:
    return Spelling(type_, {"kind": "native", "of": duckdb_type}, "", sql)
