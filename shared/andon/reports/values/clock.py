"""`1:05:30`, `1h 5m` and `08:30`: spans of time, or times of a day."""

from __future__ import annotations

import re
from collections.abc import Sequence

from andon.reports.values.spelling import Spelling, parts

_LONG = re.compile(
    r"duration|dauer|pause|break|worked|overtime|arbeitszeit|stunden|elapsed|runtime|length|länge|laptime|\blap|split|uptime|downtime|wait|playtime|pace",
    re.IGNORECASE,
)
_PLAYED = re.compile(r"\blap|split|song|track|video|clip|call|pace|length|länge|playtime", re.IGNORECASE)
_CLOCK = re.compile(
    r"time|uhr|zeit|hora|heure|\borario|godzina|\bat\b|_at$|start|begin|open|clos|depart|arriv|abfahrt|ankunft|"
    r"check.?in|check.?out|shift|wake|sleep|sunrise|sunset",
    re.IGNORECASE,
)
# Of these nobody writes how long they took.
_BEGUN = re.compile(
    r"start|begin|open|clos|depart|arriv|abfahrt|ankunft|check.?in|check.?out|wake|sunrise|sunset|kommen|gehen|uhrzeit",
    re.IGNORECASE,
)
_HOURS = re.compile(r"\s*-?(\d+)[:hH]")
_NOON = 12  # hours that rise so far are of a day rather than of a span

_SPAN = r"\s*(?P<sign>-?)(?P<h>\d{1,5})[:hH](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d{1,9})?))?\s*"
_OF_DAY = (
    r"\s*(?P<h>[01]?\d|2[0-3])[:hH](?P<m>[0-5]\d)(?::(?P<s>[0-5]\d(?:\.\d{1,9})?))?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?| ?(?:Uhr|h))?\s*"
)

DURATION = Spelling(
    "number",
    {"kind": "duration"},
    _SPAN,
    f"list_transform([{parts(_SPAN)}], lambda told: "
    "(CASE WHEN told.sign = '-' THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END) * (3600 * try_cast(told.h AS DOUBLE) "
    "+ 60 * try_cast(told.m AS DOUBLE) + coalesce(try_cast(told.s AS DOUBLE), 0.0)))[1]",
    "h:mm:ss",
    "s",
    notes=("Read as hours and minutes: 1:30 is 5,400 seconds.",),
)
_SHORT = r"\s*(?P<sign>-?)(?:(?P<h>\d{1,5}):(?P<mm>[0-5]\d)|(?P<m>\d{1,5})):(?P<s>[0-5]\d(?:\.\d{1,9})?)\s*"
SHORT = Spelling(
    "number",
    {"kind": "short duration"},
    _SHORT,
    f"list_transform([{parts(_SHORT)}], lambda told: "
    "(CASE WHEN told.sign = '-' THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END) * (3600 * coalesce(try_cast(told.h AS DOUBLE), "
    "0.0) + 60 * try_cast(told.mm || told.m AS DOUBLE) + try_cast(told.s AS DOUBLE)))[1]",
    "m:ss",
    "s",
    notes=("Read as minutes and seconds: 1:30 is 90 seconds.",),
)
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
TIME_OF_DAY = Spelling(
    "number",
    {"kind": "time of day"},
    _OF_DAY,
    f"list_transform([{parts(_OF_DAY)}], lambda told: try_cast(told.h AS DOUBLE) "
    "+ (CASE WHEN lower(told.half) = 'p' AND told.h <> '12' THEN 12.0::DOUBLE "
    "WHEN lower(told.half) = 'a' AND told.h = '12' THEN -12.0::DOUBLE ELSE 0.0::DOUBLE END) "
    "+ try_cast(told.m AS DOUBLE) / 60 + coalesce(try_cast(told.s AS DOUBLE), 0.0) / 3600)[1]",
    "hh:mm",
    HOURS,
    notes=("Times of day are read as hours since midnight: 08:30 is 8.5.",),
)


def meant(name: str, values: Sequence[str]) -> Spelling | None:
    """What values with colons are: by the column's name, by `pm`, by how far the hours go; None where nothing tells.

    Without colons they may be spans in several units.
    """
    if SPOKEN.fits(values[0]) and all(map(SPOKEN.fits, values)):
        parts_of = [SPOKEN.groups(value) or {} for value in values]
        return SPOKEN if len({part for each in parts_of for part in each if each[part]}) > 1 else None
    if not all(_HOURS.match(value) for value in values):
        return None
    hours = [int(found[1]) for value in values if (found := _HOURS.match(value))]
    if not hours:
        return None
    if _LONG.search(name) or any(each > 24 for each in hours):
        # Beside 1:02:30 nobody writes 0:45 for three quarters of an hour.
        colons = {value.count(":") for value in values}
        return SHORT if colons == {1, 2} or (colons == {1} and _PLAYED.search(name)) else DURATION
    halved = any(value.strip()[-1:] in "mM." for value in values)
    padded = all(value.strip()[1:2].isdigit() for value in values)
    until_night = max(hours) >= _NOON
    told = (until_night and (padded or _CLOCK.search(name))) or (padded and _BEGUN.search(name))
    return TIME_OF_DAY if halved or told else None
