"""Which spellings a sample of a column's values allows."""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from andon.reports.options import NOTHING_SAID, ColumnChoice
from andon.reports.values import angles, bounds, clock, magnitudes, missing, moments, numbers, since
from andon.reports.values.spelling import (
    BOOLEAN,
    INTEGER,
    LONG_INTEGER,
    NUMBER,
    OTHER_INTEGER,
    OTHER_NUMBER,
    POINT_ZERO,
    Spelling,
)

_NUMERIC = {"integer", "number"}
_UNEVEN = 0.02
HALF = 0.5  # of the values of a column with bounds: its median is one of the others
ALMOST = 0.7  # of the values, for a column to be called almost numeric, or almost dates
_JUDGED = 2_000  # different values that every spelling is tried on
_SOME = 500  # of them for the one that most are written in
_MOST_SENTINELS = 4
_MOST_STAND_INS, _AGAIN = 2, 3
_PHONE = re.compile(r"phone|\btel|telefon|téléphone|mobile|\bcell|handy|\bfax|whatsapp|msisdn", re.IGNORECASE)
_VERSION = re.compile(r"(?:^|[\W_])(?:version|release|build|revision|ver)$|^version\b")
_NAMES = re.compile(
    r"(?:^|[\W_])(?:id|no|nr|num|number|nummer|code|part|plot|lot|sku|ref|serial|batch|chapter|section|article|ean|gtin|"
    r"isbn|model|invoice|ticket|account|konto|barcode|key|parcel|unit)(?:$|[\W_])"
)
_WHEN = re.compile(
    r"date|datum|fecha|time|zeit|\bts\b|_ts$|^ts_|stamp|epoch|created|updated|modified|\bwhen\b|_at$|\bat$|\bday\b|^day|"
    r"_day$|tag$|_on$|^dt$|_dt$|month|monat|period",
    re.IGNORECASE,
)
_DATED = re.compile(r"date|datum|fecha|\bdata\b|\bdt\b|_dt$", re.IGNORECASE)
_DECIMAL = re.compile(r"(?:^|[^a-z])(?:date|datum|fecha|decimal|years?|yr|jahr|año|année)(?:$|[^a-z])")
_EXPONENT = re.compile(r"\d+[eE]\d+")
_LEADING_ZERO = re.compile(r"[-+]?0\d+")
_ENDLESS = re.compile(r"-?[1-9]\d{38,}")
_ADDRESS = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}")
_DIGITS = re.compile(r"[+-]?[\d ()/.-]{6,}")


@dataclass(frozen=True)
class Judgement:
    """`candidates` are the spellings that the sample allows: the likeliest, and one that would mean something else.

    `near` is what most of the values are written in, where all are not. `stand_ins` are words that stand again and
    again among values of another kind, as "no data", and bounds among numbers: they count as missing.
    """

    candidates: tuple[Spelling, ...] = ()
    near: Spelling | None = None
    notes: tuple[str, ...] = ()
    forced: bool = False
    stand_ins: tuple[str, ...] = ()


def judge(name: str, sample: Mapping[str, int], said: ColumnChoice = NOTHING_SAID) -> Judgement:
    """Judge a column by its values and how often each occurs, in the order in which they first appear.

    What its user has `said` goes before that.
    """
    values = [value for value in sample if not missing.is_token(value)]
    if said.type == "text" or not values:
        return Judgement(forced=said.types)
    if said.types:
        best = _nearest([each for each in _all(name, values, said=True) if _as_said(each, said)], sample)
        return Judgement((best,) if best else (), forced=True)
    if "0" in values and _WHEN.search(name):
        days = [value for value in values if value != "0"]
        if days and fits_all(moments.COMPACT, days):
            return Judgement((moments.COMPACT,), stand_ins=("0",))
    if timed := clock.written(name, values):
        return Judgement((timed,))
    kept, note = _kept_as_text(name, values)
    if kept:
        return Judgement(notes=(note,) if note else ())
    candidates = _readings(each for each in _all(name, values) if fits_all(each, values))
    if candidates:
        return Judgement(candidates)
    if clock.are_parted(values):
        return Judgement(notes=("Kept as text: times of day or spans? The column's `order` may say hm or ms.",))
    some = {value: sample[value] for value in values[:_SOME]}
    if sum(any(c.isdigit() for c in value) for value in some) < ALMOST * len(some):
        return Judgement()  # neither numbers nor dates
    near = _nearest(_all(name, _most_alike(list(some))), some)
    if near is None or _share(near, sample) < (
        HALF if near.type in _NUMERIC and any(map(bounds.is_bound, some)) else ALMOST
    ):
        return Judgement()
    if words := _stand_ins(near, sample):
        rest = [value for value in values if value not in words]
        if candidates := _readings(each for each in _all(name, rest) if fits_all(each, rest)):
            return Judgement(candidates, near=near, stand_ins=words)
    return Judgement(near=near if _share(near, sample) >= ALMOST else None)


def _as_said(spelling: Spelling, said: ColumnChoice) -> bool:
    """Whether a spelling is of the type, the order of day and month and the decimal sign that a user has said."""
    return (
        said.type in (None, spelling.type)
        and said.order in (None, spelling.spec.get("order"))
        and (said.decimal is None or (spelling.type in _NUMERIC and decimal_of(spelling) in ("", said.decimal)))
    )


def _stand_ins(near: Spelling, sample: Mapping[str, int]) -> tuple[str, ...]:
    """What stands again and again, and alone, among values of another kind; among numbers it has no digits, or is a
    bound."""
    days = near.type in {"date", "timestamp"}
    fits = functools.partial(moments.names_a_day, near) if days else near.fits
    odd = [value for value in sample if not missing.is_token(value) and not fits(value)]
    bounded: list[str] = []
    if near.type in _NUMERIC and bounds.may_stand_among([value for value in sample if fits(value)]):
        bounded = [value for value in odd if bounds.is_bound(value)][: bounds.MOST]
        odd = [value for value in odd if value not in bounded]
    if len(odd) > _MOST_STAND_INS or (days and len(odd) > 1):
        return ()
    enough = all(sample[value] >= _AGAIN for value in odd)
    worded = days or not any(character.isdigit() for value in odd for character in value)
    return (*odd, *bounded) if enough and worded else ()


def _readings(spellings: Iterable[Spelling]) -> tuple[Spelling, ...]:
    """The likeliest of the spellings, and the likeliest by which the same values would mean something else."""
    first = next(iter(spellings := iter(spellings)), None)
    if first is None:
        return ()
    if first.spec["kind"] == "day":
        other = next((each for each in spellings if each.spec.get("order") not in (None, first.spec["order"])), None)
    elif first.spec["kind"] in {"spelled number", "number"}:
        signs = {decimal_of(first), ""}
        other = next((each for each in spellings if each.type in _NUMERIC and decimal_of(each) not in signs), None)
    else:
        other = None
    return (first, other) if other else (first,)


def fits_all(spelling: Spelling, values: Sequence[str]) -> bool:
    """Whether each value is written like this; a few sentinel days apart, for dates."""
    if not spelling.type.startswith(("date", "timestamp")):
        return all(map(spelling.fits, values))
    odd = 0
    for value in values:
        if not moments.names_a_day(spelling, value):
            odd += 1
            if odd > _MOST_SENTINELS or not missing.is_sentinel_day(value):
                return False
    return odd < len(values)


def ascending(values: Sequence[str]) -> bool:
    """Whether whole numbers come in rising or falling order."""
    read = [number for value in values if (number := numbers.whole(value)) is not None]
    pairs = list(itertools.pairwise(read))
    return len(read) > 2 and (all(a < b for a, b in pairs) or all(a > b for a, b in pairs))


def step(sample: Mapping[str, int]) -> float | None:
    """By how much plain numbers rise from each to the next, if all do by as much but for what was rounded away."""
    if any(count > 1 for count in sample.values()):
        return None
    try:
        read = [float(value.replace(",", ".")) for value in sample]
    except ValueError:
        return None
    steps = [b - a for a, b in itertools.pairwise(read)]
    mean = (read[-1] - read[0]) / len(steps) if steps else 0.0
    return mean if mean > 0 and all(abs(each - mean) <= _UNEVEN * mean for each in steps) else None


def _kept_as_text(name: str, values: Sequence[str]) -> tuple[bool, str]:
    """Whether values that could be read as numbers are names, and why."""
    digits = [value for value in values if _DIGITS.fullmatch(value.strip())]
    if len(digits) > 0.5 * len(values):
        plus = sum(value.strip().startswith("+") and len(value) > 8 for value in digits)
        if _PHONE.search(name) or plus > 0.5 * len(digits):
            return True, "Kept as text: these are telephone numbers."
    exponents = [value for value in values if _EXPONENT.fullmatch(value)]
    if exponents and all(INTEGER.fits(value) or _EXPONENT.fullmatch(value) for value in values):
        return True, f"Kept as text: {exponents[0]} among whole numbers is a name rather than a power of ten."
    if any(_ENDLESS.fullmatch(value) for value in values):
        return True, "Kept as text: a number of so many digits would lose some."
    zeros = any(_LEADING_ZERO.fullmatch(value.strip()) for value in values)
    if zeros and all(value.strip().lstrip("+-").isdigit() for value in values):
        return not fits_all(moments.COMPACT, values), "Kept as text: the zeros at the front would be lost."
    if all(map(_ADDRESS.fullmatch, values)):
        return True, "Kept as text: these are addresses of a network."
    if _VERSION.search(_spaced(name)) and any("." in value for value in values):
        return True, "Kept as text: these are versions rather than numbers."
    return False, ""


def _all(name: str, values: Sequence[str], *, said: bool = False) -> list[Spelling]:
    """The spellings worth trying on a column, by preference; if its user has `said` what it is, whatever its name."""
    found: list[Spelling] = []
    first = values[0].strip()
    if first[:1].isdigit() or first[:1] in "-+−.,($€£¥'" or not first[:1].isascii() or first[:1].isalpha():
        found += _numbers_as_moments(name, values, said=said)
        padded = any(value != value.strip() for value in values[:_JUDGED])
        found += [INTEGER, LONG_INTEGER, POINT_ZERO, *([numbers.number(".", "", whole=True)] if padded else []), NUMBER]
        found += _spelled(values)
        found += magnitudes.candidates(values[:_JUDGED])
    found += [BOOLEAN, moments.ISO_DATE, moments.ISO_TIMESTAMP, moments.MONTH, moments.QUARTER]
    found += [
        moments.MONTH_FIRST,
        moments.WEEK,
        moments.WEEK_FIRST,
        moments.FISCAL_YEAR,
        moments.EAST_ASIAN,
        moments.QUARTER_FIRST,
    ]
    if not first.isascii():
        found += [angles.DEGREES, OTHER_INTEGER, OTHER_NUMBER]
    if not _VERSION.search(_spaced(name)):
        names = _names(name)
        found += [
            each
            for each in moments.candidates(moments.places(values[:_JUDGED]))
            if not (names and each.spec["short"] and not each.spec["named"])
        ]
    if timed := clock.meant(name, values):
        found.append(timed)
    if said:
        found += [clock.HOURLY, clock.SHORT, clock.TIME_OF_DAY]
    return found


def _numbers_as_moments(name: str, values: Sequence[str], *, said: bool) -> list[Spelling]:
    """Days as yyyymmdd, years as 1987.25, times since 1970: where name or order say that they are no quantities."""
    named = said or bool(_WHEN.search(name))
    if not named and _names(name):
        return []
    found = []
    if all(len(value) == 8 for value in values) and (named or len(values) >= 3):
        found.append(moments.COMPACT)
    if named and all(len(value) == 6 for value in values):
        found.append(moments.COMPACT_MONTH)
    if named or len(values) >= 3:
        found.append(moments.COMPACT_TIME)
    if said or _DATED.search(name):
        found += [since.SERIAL_DAY, since.SERIAL_MOMENT]
    if said or _DECIMAL.search(_spaced(name)):
        found += since.decimal_years(values)
    for unit, (low, high) in since.EPOCH.items():
        read = [numbers.whole(value) for value in values if len(value) < 20]
        if all(number is not None and low <= number <= high for number in read):
            # Article numbers rise, too: without a name, a time is one of these decades.
            recent = unit != "s" and all(number is not None and since.is_recent(unit, number) for number in read)
            if named or (recent and ascending(values)):
                found.append(since.epoch(unit))
    return found


def _spaced(name: str) -> str:
    """A name in small letters, its words set off by blanks."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()


def _names(name: str) -> bool:
    """Whether a column's name says that its numbers name things."""
    return bool(_NAMES.search(_spaced(name))) and not _WHEN.search(name)


def is_time(name: str) -> bool:
    """Whether a column's name says that its numbers may be days or moments."""
    return bool(_WHEN.search(name))


def _spelled(values: Sequence[str]) -> list[Spelling]:
    """Numbers that aren't plain, in each convention, with the unit that most of them name."""
    units = Counter(unit for unit in map(numbers.affix, values[:_JUDGED]) if unit is not None)
    if not units:
        return []
    unit = max((each for each in units if each), key=lambda each: units[each], default="")
    return [
        numbers.number(decimal, group, unit, whole=whole)
        for whole in (True, False)
        for decimal, group in numbers.CONVENTIONS
        if not (whole and not group and decimal == ",")
    ]


def _most_alike(values: Sequence[str]) -> list[str]:
    """The values that begin as most do, first."""
    digits = [value for value in values if value.strip()[:1].isdigit()]
    return digits if len(digits) > len(values) / 2 else list(values)


def _nearest(spellings: Sequence[Spelling], sample: Mapping[str, int]) -> Spelling | None:
    """The spelling that the most values are written in."""
    return max(spellings, key=lambda each: _share(each, sample), default=None)


def _share(spelling: Spelling, sample: Mapping[str, int]) -> float:
    some = {value: count for value, count in list(sample.items())[:_JUDGED] if not missing.is_token(value)}
    fits: Callable[[str], bool] = spelling.fits
    if spelling.type in {"date", "timestamp"}:
        fits = lambda value: moments.names_a_day(spelling, value)  # noqa: E731
    return sum(count for value, count in some.items() if fits(value)) / (sum(some.values()) or 1)


def decimal_of(spelling: Spelling) -> str:
    """The sign before the fractions: of whole numbers with points between the thousands it is the comma."""
    if spelling.spec["kind"] != "spelled number":
        return "." if spelling is NUMBER else ""
    return str(spelling.spec["decimal"])
