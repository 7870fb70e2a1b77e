"""`1:05:30`, `1h 5m` and `08:30`: spans of time, or times of a day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from andon.reports.values.spelling import Spelling, parts

_LONG = re.compile(
    r"duration|dauer|durée|duración|durata|pause|break|worked|overtime|überstunden|arbeitszeit|fahrzeit|laufzeit|stunden|"
    r"elapsed|runtime|moving|time spent|length|länge|laptime|\blap|split|uptime|downtime|wait|playtime|pace|talk|"
    r"\b(?:gun|chip|finish) ?time",
    re.IGNORECASE,
)
# What the two parts of a span are, by name.
_IN_MINUTES = re.compile(
    r"\blap|split|song|track|video|clip|call|pace|length|länge|playtime|talk|m:ss|\bmin(?:s|ute[ns]?)?(?:\b|_)",
    re.IGNORECASE,
)
_IN_HOURS = re.compile(
    r"stunden|hours?(?:\b|_)|\bstd\b|arbeitszeit|worked|overtime|pause|break|h:mm|\b[hH]\b", re.IGNORECASE
)
_CLOCK = re.compile(
    r"time|uhr|zeit|hora|heure|\borario|godzina|\bat\b|_at$|start|begin|open|clos|depart|arriv|abfahrt|ankunft|"
    r"check.?in|check.?out|shift|wake|sleep|sunrise|sunset",
    re.IGNORECASE,
)
# Of these nobody writes how long they took.
_BEGUN = re.compile(
    r"start|begin|open|clos|depart|arriv|abfahrt|ankunft|check.?in|check.?out|wake|sunrise|sunset|log.?(?:in|out|on|off)|kommen|gehen|uhrzeit",
    re.IGNORECASE,
)
_PARTS = re.compile(
    r"\s*(?P<sign>-?)(?P<first>\d+)(?P<mark>[:h])(?P<second>\d\d)(?P<rest>[:.,]\d[\d.,]*)?"
    r"\s*(?:(?P<half>[ap])\.?m\.?|uhr|h)?\s*",
    re.IGNORECASE,
)
_DAY, _NOON, _NIGHT = 24, 12, 5  # hours
_MOSTLY = 0.9
_PADDED = 4  # characters of an hour and a minute with a zero at the front
_ROUND, _ENOUGH = 5, 6  # minutes that people write are multiples of five; so many seconds hardly are

_SPAN = r"\s*(?P<sign>-?)(?P<h>\d{1,5})[:hH](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:[.,]\d{1,9})?))?\s*h?\s*"
_OF_DAY = (
    r"\s*(?P<h>[01]?\d|2[0-3])[:hH](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d{1,9})?))?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?| ?(?:Uhr|h))?\s*"
)

DURATION = Spelling(
    "number",
    {"kind": "duration", "order": "hm"},
    _SPAN,
    f"list_transform([{parts(_SPAN)}], lambda told: "
    "(CASE WHEN told.sign = '-' THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END) * (3600 * try_cast(told.h AS DOUBLE) "
    "+ 60 * try_cast(told.m AS DOUBLE) + coalesce(try_cast(replace(told.s, ',', '.') AS DOUBLE), 0.0)))[1]",
    "h:mm:ss",
    "s",
)
# Spans of hours are told in hours: a working week of 33:30 is 33.5.
HOURLY = replace(
    DURATION, spec={"kind": "hours", "order": "hm"}, sql=f"({DURATION.sql} / 3600)", shown="h:mm", unit="h"
)
_SHORT = r"\s*(?P<sign>-?)(?:(?P<h>\d{1,5}):(?P<mm>[0-5]\d)|(?P<m>\d{1,5})):(?P<s>[0-5]\d(?:[.,]\d{1,9})?)\s*"
SHORT = Spelling(
    "number",
    {"kind": "short duration", "order": "ms"},
    _SHORT,
    f"list_transform([{parts(_SHORT)}], lambda told: "
    "(CASE WHEN told.sign = '-' THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END) * (3600 * coalesce(try_cast(told.h AS DOUBLE), "
    "0.0) + 60 * try_cast(told.mm || told.m AS DOUBLE) + try_cast(replace(told.s, ',', '.') AS DOUBLE)))[1]",
    "m:ss",
    "s",
)
ASSUMED = "This is assumed"  # in the note of what nothing in a file told for sure
_READ = {
    "hm": "hours and minutes: 1:30 is 1.5 hours",
    "ms": "minutes and seconds: 1:30 is 90 seconds",
}
_SPOKEN = (
    r"\s*(?:PT?)?(?:(?P<d>\d+)\s*(?:[Dd]|days?|Tage?)[.,]?T?\s*)?"
    r"(?:(?P<h>\d+)\s*(?:[Hh]|hours?|hrs?|Std|Stunden?)[.,]?\s*)?"
    r"(?:(?P<m>\d+)\s*(?:[Mm]|[Mm]in|mins|minutes?|Minuten?)[.,]?\s*)?"
    r"(?:(?P<s>\d+(?:\.\d+)?)\s*(?:[Ss]|secs?|Sek|seconds?|Sekunden?)\.?)?\s*"
)
SPOKEN = Spelling(
    "number",
    {"kind": "spoken duration"},
    _SPOKEN,
    f"list_transform([{parts(_SPOKEN)}], lambda told: CASE WHEN told.d || told.h || told.m || told.s <> '' THEN "
    + " + ".join(
        f"{seconds}.0::DOUBLE * coalesce(try_cast(told.{part} AS DOUBLE), 0.0)"
        for part, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
    )
    + " END)[1]",
    "1h 5m",
    "s",
)
HOURS = "h since midnight"


def _time_of_day(kind: str, pattern: str, shown: str) -> Spelling:
    return Spelling(
        "number",
        {"kind": kind},
        pattern,
        f"list_transform([{parts(pattern)}], lambda told: try_cast(told.h AS DOUBLE) "
        "+ (CASE WHEN lower(told.half) = 'p' AND told.h <> '12' THEN 12.0::DOUBLE "
        "WHEN lower(told.half) = 'a' AND told.h = '12' THEN -12.0::DOUBLE ELSE 0.0::DOUBLE END) "
        "+ try_cast(told.m AS DOUBLE) / 60 + coalesce(try_cast(told.s AS DOUBLE), 0.0) / 3600)[1]",
        shown,
        HOURS,
        notes=("Times of day are read as hours since midnight: 08:30 is 8.5.",),
    )


TIME_OF_DAY = _time_of_day("time of day", _OF_DAY, "hh:mm")
# Where nothing else tells a time from a number, the name does: no amount is called so.
_NAMED = re.compile(
    r"\b(?:time|uhr(?:zeit)?|\w*zeit|hora|heure|horaire|orario|ora|godzina|hhmm|kommen|gehen|"
    r"abfahrt|ankunft|depart\w*|arriv\w*|check.?(?:in|out)|sunrise|sunset|opens?|closes?)\b",
    re.IGNORECASE,
)
POINTED = _time_of_day("time of day with points", _OF_DAY.replace("[:hH]", r"\."), "hh.mm")
_DIGITS = r"\s*(?:(?P<h>[01]?\d|2[0-4])(?P<m>[0-5]\d)|(?P<o>[0-5]?\d))\s*"
DIGITS = replace(
    TIME_OF_DAY,
    spec={"kind": "time of day in digits"},
    pattern=_DIGITS,
    sql=f"list_transform([{parts(_DIGITS)}], lambda told: coalesce(try_cast(told.h AS DOUBLE), 0.0) "
    "+ try_cast(told.m || told.o AS DOUBLE) / 60)[1]",
    shown="hhmm",
)
_FEWEST_TIMES, _FEWEST_POINTED, _FEWEST_DIGITS, _FEWEST_HOURS = 5, 12, 20, 4  # different ones


def written(name: str, values: Sequence[str]) -> Spelling | None:
    """Times of day that look like numbers, `12.30` and `1230`: no minute is above 59, the hours go beyond noon or have
    a zero at the front, and the column is called a time, and no span, or `Uhr` stands behind them."""
    spelling = POINTED if any("." in value for value in values) else DIGITS
    if not all(map(spelling.fits, values)):
        return None
    called = any("uhr" in value.lower() for value in values)
    spaced = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    if not called and (_LONG.search(spaced) or not _NAMED.search(spaced)):
        return None
    hours = [int((spelling.groups(value) or {}).get("h") or 0) for value in values]
    padded = all(value.strip()[0] in "012" and len(value.strip()) >= _PADDED for value in values)
    fewest = _FEWEST_TIMES if called or padded else _FEWEST_DIGITS if spelling is DIGITS else _FEWEST_POINTED
    late = max(hours) >= _NOON or (padded and any(value.strip()[0] == "0" for value in values))
    return spelling if late and len(values) >= fewest and len(set(hours)) >= _FEWEST_HOURS else None


def meant(name: str, values: Sequence[str]) -> Spelling | None:
    """What values with colons are: by the column's name, by `pm`, by how far the hours go; None where nothing tells.

    Without colons they may be spans in several units.
    """
    if SPOKEN.fits(values[0]) and all(map(SPOKEN.fits, values)):
        parts_of = [SPOKEN.groups(value) or {} for value in values]
        return SPOKEN if len({part for each in parts_of for part in each if each[part]}) > 1 else None
    if not are_parted(values):
        return None
    told = [found for value in values if (found := _PARTS.fullmatch(value))]
    firsts = [int(each["first"]) for each in told]
    if any(each["half"] for each in told):
        return TIME_OF_DAY
    padded = all(len(each["first"]) > 1 for each in told)
    begun = bool(_BEGUN.search(name))
    seconds = all((each["rest"] or "").startswith(":") for each in told)
    # With seconds, and long before noon: nobody's clock, if it isn't that of one night.
    night = padded and max(firsts) > 0 and firsts == sorted(firsts)
    counted = seconds and max(firsts) < (_NIGHT if padded else _NOON) and not night
    fraction = any((each["rest"] or ":")[0] != ":" for each in told)
    if max(firsts) > _DAY or fraction or any(each["sign"] for each in told):
        return _span(name, told)
    if not begun and (_LONG.search(name) or counted):
        return _span(name, told)
    until_night = max(firsts) >= _NOON
    return TIME_OF_DAY if (until_night and (padded or _CLOCK.search(name))) or (padded and begun) else None


def are_parted(values: Sequence[str]) -> bool:
    """Whether all values are numbers parted by colons, of a clock or of a span."""
    return all(map(_PARTS.fullmatch, values))


def _span(name: str, told: Sequence[re.Match[str]]) -> Spelling:
    """Whether spans are in hours and minutes or in minutes and seconds, and what is said of that."""
    rests = [each["rest"] or "" for each in told]
    if all(rest.startswith(":") for rest in rests) or any(each["mark"] != ":" for each in told):
        long = sum(int(each["first"]) > 0 for each in told) >= _MOSTLY * len(told)
        return HOURLY if long else DURATION
    # Beside 1:02:30, and with fractions behind it, nobody writes 0:45 for three quarters of an hour.
    if any(rests):
        return replace(SHORT, notes=(f"Two parts are read as {_READ['ms']}.",))
    named = [order for order, by in (("ms", _IN_MINUTES), ("hm", _IN_HOURS)) if by.search(name)]
    if len(named) == 1:
        return _said(named[0], "as the column's name says")
    if len(told) >= _ENOUGH and all(int(each["second"]) % _ROUND == 0 for each in told):
        return _said("hm", "the second parts are multiples of five")
    long = max(int(each["first"]) for each in told) > _DAY
    why = "hours would go beyond a day" if long else "as spreadsheets take them"
    return _said("ms" if long else "hm", f"{why}. {ASSUMED}: the column's `order` says otherwise (hm or ms)")


def _said(order: str, why: str) -> Spelling:
    return replace(HOURLY if order == "hm" else SHORT, notes=(f"Read as {_READ[order]}; {why}.",))
