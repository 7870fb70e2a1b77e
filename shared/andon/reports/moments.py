"""Dates and times as people write them: in any order of day, month and year, with names of months, as numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from andon.reports.duck import literal
from andon.reports.spelling import Spelling, is_day, parts, plausible

# Two digits are a year of the window 1950 to 2049.
_WINDOW = 50
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene gennaio gen janeiro januari",
            "feb february februar februari février fevrier févr febrero febbraio fevereiro fev",
            "mar march märz maerz mär mrz mars marzo março marco maart mrt",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august août aout agosto ago augustus",
            "sep sept september septembre septiembre settembre set setembro",
            "oct october oktober okt octobre octubre ottobre ott outubro out",
            "nov november novembre noviembre novembro",
            "dec december dezember dez décembre decembre déc diciembre dic dicembre dezembro",
        ),
        1,
    )
    for name in names.split()
}
_TIME = (
    r"(?:[T ,]+(?P<t>\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?:\s*(?P<zone>Z|UTC|GMT|[-+−]\d\d(?::?\d\d)?))?)?"
)
_LETTER = "[A-Za-zÀ-ÿ]"
_DAY, _NAME = r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?", rf"(?P<m>{_LETTER}{{3,10}})\.?"
_WEEKDAY = rf"(?:{_LETTER}{{2,10}}\.?,? +)?"


def day(order: str, separator: str, *, short: bool = False, named: bool = False, timed: bool = False) -> Spelling:
    """Days whose parts come in `order`, as `dmy`; `short` years have two digits, `named` months are words.

    `timed` ones may have a time of day and an offset behind them, by which they are brought to UTC.
    """
    year = r"(?P<y>\d{2})" if short else r"(?P<y>\d{4})"
    # `8-8-04` numbers a plot or a chapter rather than a day.
    digits = r"\d{2}" if short and separator == "-" else r"\d{1,2}"
    each = {"d": _DAY if named else f"(?P<d>{digits})", "m": _NAME if named else f"(?P<m>{digits})", "y": year}
    # A month's name may be set off by a blank, a hyphen, a comma and a blank.
    between = r"[ ,/-]+(?:de )?" if named and separator == " " else re.escape(separator)
    pattern = (_WEEKDAY if named else "") + between.join(each[part] for part in order) + (_TIME if timed else "")
    pattern = rf"\s*{pattern}\s*"
    month = _month("told.m") if named else "told.m"
    years = f"CASE WHEN told.y < '{_WINDOW}' THEN '20' ELSE '19' END || told.y" if short else "told.y"
    ymd = f"({years}) || '-' || {month} || '-' || " + ("told.d" if "d" in order else "'1'")
    if timed:
        read = _moment(
            f"try_cast({ymd} || ' ' || CASE WHEN told.t = '' THEN '0:00' ELSE replace(told.t, ',', '.') END "
            "AS TIMESTAMP)"
        )
    else:
        read = f"try_cast({ymd} AS DATE)"
    spec = {"kind": "day", "order": order, "separator": separator, "short": short, "named": named, "timed": timed}
    return Spelling(
        "timestamp" if timed else "date",
        spec,
        pattern,
        f"list_transform([{parts(pattern)}], lambda told: {plausible(read)})[1]",
        _shown(order, separator, short, named, timed),
        notes=(f"Years of two digits are read as 19{_WINDOW} to 20{_WINDOW - 1}.",) if short else (),
    )


def names_a_day(spelling: Spelling, value: str) -> bool:
    """Whether a value that matches the pattern is a day that exists, in a plausible year."""
    found = spelling.groups(value)
    if found is None:
        return False
    if "y" not in found:
        return True
    month = MONTHS.get(found["m"].lower(), 0) if spelling.spec.get("named") else int(found["m"])
    year = int(found["y"])
    if spelling.spec.get("short"):
        year += 2000 if year < _WINDOW else 1900
    return is_day(year, month, int(found.get("d") or 1))


def offsets(spelling: Spelling, value: str) -> str:
    """The offset from UTC that a value names, '' for none."""
    return (spelling.groups(value) or {}).get("zone", "")


ISO_DATE = Spelling(
    "date",
    {"kind": "iso date"},
    r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)",
    "CASE WHEN {0} LIKE '____-__-__' THEN " + plausible("try_cast({0} AS DATE)") + " END",
)
ISO_TIMESTAMP = Spelling(
    "timestamp",
    {"kind": "iso timestamp"},
    r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)?(?P<zone>Z| ?UTC)?",
    # The cast passes an offset over in silence: what has one isn't this.
    "CASE WHEN {0} LIKE '____-__-__%' AND NOT contains(substr({0}, 17), '-') AND NOT contains(substr({0}, 17), '+') "
    "THEN " + plausible("try_cast({0} AS TIMESTAMP)") + " END",
)
MONTH = Spelling(
    "date",
    {"kind": "month"},
    r"(?:1[89]|20|21)\d\d-(?:0[1-9]|1[0-2])",
    "CASE WHEN {0} LIKE '____-__' THEN " + plausible("try_cast({0} || '-01' AS DATE)") + " END",
    "2024-01",
)
QUARTER = Spelling(
    "date",
    {"kind": "quarter"},
    r"(?P<a>\d{4})?[- ]?[Qq](?P<q>[1-4])[- /]?(?P<b>\d{4})?",
    "list_transform(["
    + parts(r"(?P<a>\d{4})?[- ]?[Qq](?P<q>[1-4])[- /]?(?P<b>\d{4})?")
    + "], lambda told: "
    + plausible(
        "try_cast(told.a || told.b || '-' || CAST(3 * try_cast(told.q AS INTEGER) - 2 AS VARCHAR) || '-01' AS DATE)"
    )
    + ")[1]",
    "2024 Q1",
)
COMPACT = Spelling(
    "date",
    {"kind": "compact date"},
    r"(?:1[89]|20|21)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])",
    "CASE WHEN length({0}) = 8 AND NOT contains({0}, '-') THEN "
    + plausible("try_cast(substr({0}, 1, 4) || '-' || substr({0}, 5, 2) || '-' || substr({0}, 7, 2) AS DATE)")
    + " END",
    "yyyymmdd",
)


def epoch(unit: str) -> Spelling:
    """Moments as the time since 1970 in `unit`: s, ms, us or ns."""
    micros = {"s": "* 1000000", "ms": "* 1000", "us": "", "ns": "// 1000"}[unit]
    digits = {"s": "9,10", "ms": "12,13", "us": "15,16", "ns": "18,19"}[unit]
    whole = INTEGER_SQL
    name = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[unit]
    return Spelling(
        "timestamp",
        {"kind": "epoch", "unit": unit},
        rf"\d{{{digits}}}",
        f"make_timestamp(CASE WHEN {whole} BETWEEN {EPOCH[unit][0]} AND {EPOCH[unit][1]} THEN ({whole}) {micros} END)",
        f"{name} since 1970",
        notes=(f"Read as {name} since 1970, in UTC.",),
    )


INTEGER_SQL = "try_cast({0} AS BIGINT)"
# 1980 to 2100: numbers beyond are no times.
EPOCH = {
    unit: (315_532_800 * factor, 4_102_444_800 * factor)
    for unit, factor in {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}.items()
}

DURATION = Spelling(
    "number",
    {"kind": "duration"},
    r"\s*(?P<sign>-?)(?P<h>\d{1,5}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d{1,9})?))?\s*",
    "list_transform(["
    + parts(r"\s*(?P<sign>-?)(?P<h>\d{1,5}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d{1,9})?))?\s*")
    + "], lambda told: (CASE WHEN told.sign = '-' THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END) "
    "* (3600 * try_cast(told.h AS DOUBLE) "
    "+ 60 * try_cast(told.m AS DOUBLE) + coalesce(try_cast(told.s AS DOUBLE), 0.0)))[1]",
    "h:mm:ss",
    "s",
)

ORDERS = ("dmy", "mdy", "ymd")


@cache
def candidates() -> tuple[Spelling, ...]:
    """Every spelling of days and moments that has its parts told apart by their places."""
    made = []
    for timed in (False, True):
        for separator in "-/.":
            made += [day("ymd", separator, timed=timed)]
            made += [day(order, separator, timed=timed) for order in ("dmy", "mdy")]
            made += [day(order, separator, short=True, timed=timed) for order in ("dmy", "mdy")]
        for short in (False, True):
            for order in ("mdy", "dmy"):
                made.append(day(order, " ", short=short, named=True, timed=timed))
        made.append(day("ymd", " ", named=True, timed=timed))
    made += [day("my", " ", named=True), day("my", " ", short=True, named=True), day("ym", " ", named=True)]
    return tuple(made)


def from_spec(spec: Mapping[str, Any]) -> Spelling:
    return day(spec["order"], spec["separator"], short=spec["short"], named=spec["named"], timed=spec["timed"])


def _moment(local: str) -> str:
    """SQL that brings a time of day with `am`, `pm` or an offset to UTC."""
    half = (
        "CASE WHEN lower(told.half) = 'p' AND hour({0}) < 12 THEN 12 "
        "WHEN lower(told.half) = 'a' AND hour({0}) = 12 THEN -12 ELSE 0 END"
    ).replace("{0}", local)
    offset = (
        "CASE WHEN length(told.zone) < 3 OR told.zone IN ('UTC', 'GMT') THEN 0 ELSE "
        "(CASE WHEN starts_with(told.zone, '+') THEN 1 ELSE -1 END) "
        "* (60 * try_cast(substr(told.zone, 2, 2) AS INTEGER) "
        "+ coalesce(try_cast(right(replace(told.zone, ':', ''), -3) AS INTEGER), 0)) END"
    )
    return f"({local} + to_hours({half}) - to_minutes({offset}))"


def _month(part: str) -> str:
    cases = " ".join(f"WHEN {literal(name)} THEN '{number}'" for name, number in MONTHS.items())
    return f"(CASE lower({part}) {cases} END)"


def _shown(order: str, separator: str, short: bool, named: bool, timed: bool) -> str:
    each = {"d": "dd", "m": "Mon" if named else "mm", "y": "yy" if short else "yyyy"}
    return separator.join(each[part] for part in order) + (" hh:mm:ss" if timed else "")
