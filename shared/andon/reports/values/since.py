"""Moments that are written as numbers: the time since 1970, and the days that a spreadsheet counts."""

from __future__ import annotations

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
