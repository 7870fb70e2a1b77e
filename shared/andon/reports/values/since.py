"""Moments that are written as numbers: the time since 1970, the days that a spreadsheet counts, years as 1987.25."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.reports.values.spelling import Spelling

_WHOLE = "try_cast({0} AS BIGINT)"
# 1980 to 2100: numbers beyond are no times.
EPOCH = {
    unit: (315_532_800 * factor, 4_102_444_800 * factor)
    for unit, factor in {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}.items()
}
_RECENT = (631_152_000, 2_208_988_800)  # 1990 to 2040


def is_recent(unit: str, value: int) -> bool:
    """Whether a time since 1970 lies in the decades that most times in files are from."""
    seconds = value // (EPOCH[unit][0] // EPOCH["s"][0])
    return _RECENT[0] <= seconds <= _RECENT[1]


def epoch(unit: str) -> Spelling:
    """Moments as the time since 1970 in `unit`: s, ms, us or ns."""
    micros = {"s": "* 1000000", "ms": "* 1000", "us": "", "ns": "// 1000"}[unit]
    digits = {"s": "9,10", "ms": "12,13", "us": "15,16", "ns": "18,19"}[unit]
    name = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[unit]
    low, high = EPOCH[unit]
    return Spelling(
        "timestamp",
        {"kind": "epoch", "unit": unit},
        rf"\d{{{digits}}}",
        f"make_timestamp(CASE WHEN {_WHOLE} BETWEEN {low} AND {high} THEN ({_WHOLE}) {micros} END)",
        f"{name} since 1970",
        notes=(f"Read as {name} since 1970, in UTC.",),
    )


_SERIAL = r"(?:2[6-9]|[3-6]\d|7[0-2])\d{3}"  # 1971 to 2099
_SAID = "Read as the days that Excel counts: 45292 is the first of January 2024."
SERIAL_DAY = Spelling(
    "date",
    {"kind": "serial day"},
    _SERIAL,
    f"CASE WHEN regexp_full_match({{0}}, '{_SERIAL}') THEN DATE '1899-12-30' + try_cast({{0}} AS INTEGER) END",
    "days since 1899-12-30",
    notes=(_SAID,),
)
SERIAL_MOMENT = Spelling(
    "timestamp",
    {"kind": "serial moment"},
    rf"{_SERIAL}(?:\.\d{{1,15}})?",
    rf"CASE WHEN regexp_full_match({{0}}, '{_SERIAL}(?:\.\d{{1,15}})?') THEN TIMESTAMP '1899-12-30' "
    "+ to_seconds(CAST(round(try_cast({0} AS DOUBLE) * 86400) AS BIGINT)) END",
    "days since 1899-12-30",
    notes=(_SAID,),
)

_DECIMAL = r"(?:1[5-9]|20)\d\d(?:\.\d{1,15})?"
_TWELFTH = 0.07  # of a month that rounding takes
_FIRST_DAY = "make_date(CAST(floor(try_cast({0} AS DOUBLE)) AS INTEGER), 1, 1)"
_PART = "(try_cast({0} AS DOUBLE) - floor(try_cast({0} AS DOUBLE)))"


def _decimal(kind: str, day: str) -> Spelling:
    return Spelling(
        "date",
        {"kind": kind},
        _DECIMAL,
        f"CASE WHEN regexp_full_match({{0}}, '{_DECIMAL}') THEN CAST({_FIRST_DAY} + {day} AS DATE) END",
        "1987.25",
        notes=("Read as years with what of them has passed: 1987.25 is the first of April 1987.",),
    )


DECIMAL_MONTH = _decimal("decimal month", f"to_months(CAST(floor({_PART} * 12 + 0.1) AS INTEGER))")
DECIMAL_DAY = _decimal(
    "decimal day",
    f"to_days(CAST(floor({_PART} * date_diff('day', {_FIRST_DAY}, {_FIRST_DAY} + INTERVAL 1 YEAR) + 0.02) AS INTEGER))",
)


def decimal_years(values: Sequence[str]) -> list[Spelling]:
    """How values in order may be years with fractions: of months, all at their start or in their middle, or of days."""
    if not all(re.fullmatch(_DECIMAL, value) for value in values):
        return []
    read = [float(value) for value in values]
    months = [year % 1 * 12 for year in read]
    if not any(months) or sorted(read) not in (read, read[::-1]):
        return []
    starts = all(abs(month - round(month)) <= _TWELFTH for month in months)
    middles = all(abs(month % 1 - 0.5) <= _TWELFTH for month in months)
    return [DECIMAL_MONTH if starts or middles else DECIMAL_DAY]
