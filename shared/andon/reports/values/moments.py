"""Dates and times as people write them: in any order of day, month and year, with names of months, as numbers."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from andon.reports.duck import literal
from andon.reports.values.spelling import Spelling, is_day, parts, plausible

# Two digits are a year of the window 1950 to 2049.
_WINDOW = 50
MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier janv enero ene gennaio gen janeiro januari styczeń stycznia sty "
            "leden ledna led siječnja tammikuu tammikuuta tammi ocak oca январь января янв січень січня "
            "ιανουάριος ιανουαρίου ιαν ianuarie ian január janúar",
            "feb february februar februari février fevrier févr febrero febbraio fevereiro fev luty lutego lut "
            "únor února úno helmikuu helmikuuta helmi şubat şub февраль февраля фев лютий лютого φεβρουάριος "
            "φεβρουαρίου φεβ februarie február",
            "mar march märz maerz mär mrz mars marzo março marco maart mrt marzec marca březen března bře "
            "maaliskuu maaliskuuta maalis mart март марта березень березня μάρτιος μαρτίου μαρ martie március",
            "apr april avril avr abril abr aprile kwiecień kwietnia kwi duben dubna dub huhtikuu huhtikuuta huhti "
            "nisan nis апрель апреля апр квітень квітня απρίλιος απριλίου απρ aprilie április",
            "may mai mayo maggio mag maio mei maj maja květen května kvě toukokuu toukokuuta touko mayıs май мая "
            "травень травня μάιος μαΐου μαϊ május",
            "jun june juni juin junio giugno giu junho czerwiec czerwca cze červen června kesäkuu kesäkuuta kesä "
            "haziran haz июнь июня июн червень червня ιούνιος ιουνίου ιουν iunie június",
            "jul july juli juillet juil julio luglio lug julho lipiec lipca lip červenec července heinäkuu "
            "heinäkuuta heinä temmuz tem июль июля июл липень липня ιούλιος ιουλίου ιουλ iulie július",
            "aug august août aout agosto ago augustus sierpień sierpnia sie srpen srpna srp elokuu elokuuta elo "
            "ağustos ağu август августа авг серпень серпня αύγουστος αυγούστου αυγ",
            "sep sept september septembre septiembre settembre set setembro wrzesień września wrz září zář "
            "syyskuu syyskuuta syys eylül eyl сентябрь сентября сен сент вересень вересня σεπτέμβριος σεπτεμβρίου "
            "σεπ septembrie szeptember",
            "oct october oktober okt octobre octubre ottobre ott outubro out październik października paź říjen "
            "října říj lokakuu lokakuuta loka ekim eki октябрь октября окт жовтень жовтня οκτώβριος οκτωβρίου οκτ "
            "octombrie október",
            "nov november novembre noviembre novembro listopad listopadu lis marraskuu marraskuuta marras kasım "
            "kas ноябрь ноября ноя листопад листопада νοέμβριος νοεμβρίου νοε noiembrie",
            "dec december dezember dez décembre decembre déc diciembre dic dicembre dezembro grudzień grudnia gru "
            "prosinec prosince pro joulukuu joulukuuta joulu aralık ara декабрь декабря дек грудень грудня "
            "δεκέμβριος δεκεμβρίου δεκ decembrie",
        ),
        1,
    )
    for name in names.split()
}
# Hours from UTC; what stands for several zones, as IST, is left out.
_ZONES = {
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "WET": 0,
    "WEST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "HKT": 8,
    "SGT": 8,
    "AWST": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
    "AKST": -9,
    "AKDT": -8,
    "HST": -10,
    "BRT": -3,
    "SAST": 2,
}
CLOCK = " hh:mm:ss"
_PLACE = r"[A-Z]\w+/[\w+-]+(?:/\w+)?"
_TIME = (
    r"(?:[T ,:]+(?P<t>\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?| Uhr)?"
    rf"(?:\s*\(?(?P<zone>Z|UTC|GMT|(?:UTC|GMT)?[-+−]\d\d(?::?\d\d)?|(?:UTC|GMT)[-+−]\d|{'|'.join(_ZONES)}|{_PLACE})\)?)?"
    r"(?:\[[\w/]+\])?)?"
)
_AT_PLACE = re.compile(rf"[\s(]({_PLACE})\)?\s*$", re.ASCII)
_LETTER = "[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u1e00-\u1fff]"
_DAY, _NAME = r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?", rf"(?P<m>{_LETTER}{{3,12}})\.?"
_WEEKDAY = rf"(?:{_LETTER}{{2,10}}\.?,? +)?"
# Before a day in digits only these: `No 12-11-10` is none.
_KNOWN_WEEKDAY = (
    r"(?:(?i:mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:rs|rsday)?|fri(?:day)?|sat(?:urday)?|sun(?:day)?|"
    r"mo|di|mi|do|fr|sa|so|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|lun|mar|mer|jeu|ven|sam|dim)"
    r"\.?,? +)?"
)


def day(
    order: str,
    separator: str,
    *,
    short: bool = False,
    named: bool = False,
    timed: bool = False,
    places: tuple[str, ...] = (),
) -> Spelling:
    """Days whose parts come in `order`, as `dmy`; `short` years have two digits, `named` months are words.

    `timed` ones may have a time of day behind them, and an offset, a zone's short name or one of `places`, by which
    they are brought to UTC.
    """
    year = r"(?P<y>\d{2})" if short else r"(?P<y>\d{4})"
    # `8-8-04` numbers a plot or a chapter rather than a day.
    digits = r"\d{2}" if short and separator == "-" else r"\d{1,2}"
    each = {"d": _DAY if named else f"(?P<d>{digits})", "m": _NAME if named else f"(?P<m>{digits})", "y": year}
    # A month's name may be set off by a blank, a hyphen, a comma and a blank.
    # or by nothing before the four digits of a year.
    between = (r"[ ,/-]+(?:de )?" if short else r"[ ,/-]*(?:de )?") if named else re.escape(separator)
    pattern = (_WEEKDAY if named else _KNOWN_WEEKDAY) + between.join(each[part] for part in order)
    pattern += (r"(?: ?г\.?)?" if named and order.endswith("y") else "") + (_TIME if timed else "")
    pattern = rf"\s*\[?{pattern}\]?\s*" if timed else rf"\s*{pattern}\s*"
    month = _month("told.m") if named else "told.m"
    years = f"CASE WHEN told.y < '{_WINDOW}' THEN '20' ELSE '19' END || told.y" if short else "told.y"
    ymd = f"({years}) || '-' || {month} || '-' || " + ("told.d" if "d" in order else "'1'")
    if timed:
        read = _moment(
            f"try_cast({ymd} || ' ' || CASE WHEN told.t = '' THEN '0:00' ELSE replace(told.t, ',', '.') END "
            "AS TIMESTAMP)",
            places,
        )
    else:
        read = f"try_cast({ymd} AS DATE)"
    spec = {"kind": "day", "order": order, "separator": separator, "short": short, "named": named, "timed": timed}
    spec |= {"places": list(places)} if places else {}
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
    if "y" not in found or "m" not in found:
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
    fitting=plausible("try_cast({0} AS DATE)"),
)
ISO_TIMESTAMP = Spelling(
    "timestamp",
    {"kind": "iso timestamp"},
    r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)"
    r"(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)?(?P<zone>Z| ?UTC)?",
    # The cast passes an offset over in silence: what has one isn't this.
    "CASE WHEN {0} LIKE '____-__-__%' AND NOT contains(substr({0}, 17), '-') AND NOT contains(substr({0}, 17), '+') "
    "THEN " + plausible("try_cast({0} AS TIMESTAMP)") + " END",
    fitting=plausible("try_cast({0} AS TIMESTAMP)"),
)
_Y, _M = r"(?:1[89]|20|21)\d\d", r"(?:0[1-9]|1[0-2])"


def _of_parts(kind: str, pattern: str, day: str, shown: str) -> Spelling:
    """Days made of the named parts of a pattern: `day` is SQL for one as text, or for a date."""
    read = f"list_transform([{parts(pattern)}], lambda told: {plausible(f'try_cast({day} AS DATE)')})[1]"
    return Spelling("date", {"kind": kind}, pattern, read, shown)


MONTH = _of_parts("month", rf"(?P<y>{_Y})[-/.M](?P<m>{_M})", "told.y || '-' || told.m || '-01'", "2024-01")
MONTH_FIRST = _of_parts("month first", rf"(?P<m>{_M})[-/.](?P<y>{_Y})", "told.y || '-' || told.m || '-01'", "01/2024")
COMPACT_MONTH = _of_parts("compact month", rf"(?P<y>{_Y})(?P<m>{_M})", "told.y || '-' || told.m || '-01'", "yyyymm")
WEEK = _of_parts(
    "week",
    r"(?P<y>\d{4})-?W(?P<w>0[1-9]|[1-4]\d|5[0-3])",
    # The week of the fourth of January is a year's first.
    "(date_trunc('week', try_cast(told.y || '-01-04' AS DATE)) + to_days(7 * (try_cast(told.w AS INTEGER) - 1)))",
    "2024-W01",
)
WEEK_FIRST = _of_parts(
    "week first",
    r"\s*(?i:kw|cw|wk|w|week|woche|sem(?:aine|ana)?|uke|vecka|uge)[ .-]{0,2}(?P<w>0?[1-9]|[1-4]\d|5[0-3])"
    r"[ /,.-]{1,2}(?P<y>20\d\d)\s*",
    "(date_trunc('week', try_cast(told.y || '-01-04' AS DATE)) + to_days(7 * (try_cast(told.w AS INTEGER) - 1)))",
    "W01/2024",
)
FISCAL_YEAR = replace(
    _of_parts(
        "fiscal year",
        r"(?i:fy|gj)[ '’-]?(?P<c>19|20)?(?P<y>\d\d)(?:[/-](?:20)?\d\d)?",
        "(CASE WHEN told.c <> '' THEN told.c WHEN told.y >= '70' THEN '19' ELSE '20' END) || told.y || '-01-01'",
        "FY24",
    ),
    notes=("A fiscal year is shown as the calendar year that names it.",),
)
EAST_ASIAN = _of_parts(
    "east asian date",
    r"\s*(?P<y>\d{4})(?:年|년|\.) ?(?P<m>\d{1,2})(?:月|월|\.) ?(?P<d>\d{1,2})(?:日|일|\.)\s*",
    "told.y || '-' || told.m || '-' || told.d",
    "yyyy年m月d日",
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
QUARTER_FIRST = _of_parts(
    "quarter first",
    r"(?P<q>[1-4])[Qq][- /]?(?P<c>19|20)?(?P<y>\d\d)",
    # Two digits are a year from 1970 to 2069.
    "(CASE WHEN told.c <> '' THEN told.c WHEN told.y >= '70' THEN '19' ELSE '20' END) || told.y || '-' "
    "|| CAST(3 * try_cast(told.q AS INTEGER) - 2 AS VARCHAR) || '-01'",
    "1Q24",
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


COMPACT_TIME = Spelling(
    "timestamp",
    {"kind": "compact time"},
    rf"(?P<d>{_Y}{_M}(?:0[1-9]|[12]\d|3[01]))[T_ -]?(?P<t>(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)Z?",
    "list_transform(["
    + parts(rf"(?P<d>{_Y}{_M}(?:0[1-9]|[12]\d|3[01]))[T_ -]?(?P<t>(?:[01]\d|2[0-3])[0-5]\d[0-5]\d)Z?")
    + "], lambda told: "
    + plausible("try_strptime(told.d || told.t, '%Y%m%d%H%M%S')")
    + ")[1]",
    "yyyymmddhhmmss",
)


@cache
def candidates(places: tuple[str, ...] = ()) -> tuple[Spelling, ...]:
    """Every spelling of days and moments that has its parts told apart by their places."""
    made = []
    for timed in (False, True):
        at = places if timed else ()
        for separator in "-/.":
            made += [day("ymd", separator, timed=timed, places=at)]
            made += [day(order, separator, timed=timed, places=at) for order in ("dmy", "mdy")]
            made += [day(order, separator, short=True, timed=timed, places=at) for order in ("dmy", "mdy")]
        for short in (False, True):
            for order in ("mdy", "dmy"):
                made.append(day(order, " ", short=short, named=True, timed=timed, places=at))
        made.append(day("ymd", " ", named=True, timed=timed, places=at))
    made += [day("my", " ", named=True), day("my", " ", short=True, named=True), day("ym", " ", named=True)]
    return tuple(made)


def from_spec(spec: Mapping[str, Any]) -> Spelling:
    return day(
        spec["order"],
        spec["separator"],
        short=spec["short"],
        named=spec["named"],
        timed=spec["timed"],
        places=tuple(spec.get("places", ())),
    )


def places(values: Iterable[str]) -> tuple[str, ...]:
    """The places by whose clocks moments are told, as `Europe/Berlin`; those that nobody knows are left out."""
    named = {found[1] for value in values if "/" in value and (found := _AT_PLACE.search(value))}
    return tuple(sorted(named & zoneinfo.available_timezones())) if named else ()


def _moment(local: str, places: tuple[str, ...]) -> str:
    """SQL that brings a time of day with `am`, `pm`, an offset or a zone to UTC."""
    half = (
        "CASE WHEN lower(told.half) = 'p' AND hour({0}) < 12 THEN 12 "
        "WHEN lower(told.half) = 'a' AND hour({0}) = 12 THEN -12 ELSE 0 END"
    ).replace("{0}", local)
    named = "".join(f"WHEN told.zone = {literal(zone)} THEN {60 * hours} " for zone, hours in _ZONES.items())
    offset = (
        f"CASE WHEN length({{zone}}) < 2 THEN 0 {named}ELSE (CASE WHEN starts_with({{zone}}, '+') THEN 1 ELSE -1 END) "
        "* (60 * try_cast(substr({zone}, 2, 2) AS INTEGER) "
        "+ coalesce(try_cast(right(replace({zone}, ':', ''), -3) AS INTEGER), 0)) END"
    ).replace("{zone}", "replace(replace(told.zone, 'UTC', ''), 'GMT', '')")
    told = f"({local} + to_hours({half}) - to_minutes({offset}))"
    if not places:
        return told
    # DuckDB fails on a zone that it doesn't know.
    there = f"timezone('UTC', timezone(told.zone, {local} + to_hours({half})))"
    return f"(CASE WHEN told.zone IN ({', '.join(map(literal, places))}) THEN {there} ELSE {told} END)"


def _month(part: str) -> str:
    cases = " ".join(f"WHEN {literal(name)} THEN '{number}'" for name, number in MONTHS.items())
    return f"(CASE lower({part}) {cases} END)"


def _shown(order: str, separator: str, short: bool, named: bool, timed: bool) -> str:
    each = {"d": "dd", "m": "Mon" if named else "mm", "y": "yy" if short else "yyyy"}
    return separator.join(each[part] for part in order) + (CLOCK if timed else "")
