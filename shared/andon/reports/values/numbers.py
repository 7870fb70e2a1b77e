"""Numbers as people write them: with thousands separators, decimal commas, currencies, percent signs, in brackets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from andon.reports.duck import literal
from andon.reports.values.spelling import Spelling, parts

# A separator of thousands as it is named in a spec, and the characters that it may be.
_GROUPS = {"": "", ",": ",", ".": ".", " ": " \u00a0\u202f", "'": "'’"}
CONVENTIONS = ((".", ""), (".", ","), (".", " "), (".", "'"), (",", ""), (",", "."), (",", " "), (",", "'"))

_SYMBOLS = "[$€£¥￥₹₽₩￦₺₫₪฿₴₦₱₡₲₵₸₿]"
_CODES = (
    "USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|BRL|AUD|CAD|NZD|ZAR|MXN|TRY|RUB|KRW|SGD|HKD|ILS|"
    "UAH|CLP|COP|ARS|THB|IDR|MYR|PHP|VND|AED|SAR|EGP|NGN|KES|PKR|BTC|ETH"
)
_WORDS = r"kr\.?|zł|Kč|Ft|lei|лв|руб\.?|грн|Fr\.|Rs\.?|Rp\.?|RM|TL|円|元|원"
MARKS = rf"(?:US|A|C|NZ|HK|S|R|NT|MX)?\$|{_SYMBOLS}|(?:{_CODES})|{_WORDS}"
# Of these nobody writes fractions: a separator stands between thousands.
_WHOLE = frozenset({"¥", "￥", "₩", "￦", "₫", "円", "원", "Ft", "Rp", "Rp.", "JPY", "KRW", "VND", "HUF", "IDR", "CLP"})
SIDES = "CR/DR"  # credits and debits, as a unit
_SIDE = re.compile(r"[CD]R\.?", re.IGNORECASE)
# Words behind a number name what it counts; two of them, or digits in them, make it a sentence or a code.
_WORD = r"[^\d\s.,;:()%+/$€£¥-][^\d\s,;:()$€£¥]{0,11}"
_GAP = "[\\s\u00a0\u202f]*"
_SIGN = r"[-+−–]?"  # the last two are a typographer's minus, and what stands in for it
_BEHIND = re.compile(_WORDS)  # what people write behind the digits
_MONEY = re.compile(rf"(?:{MARKS})")
_CORE = re.compile(
    rf"{_GAP}\(?{_GAP}{_SIGN}{_GAP}(?P<before>{MARKS})?{_GAP}\(?{_GAP}{_SIGN}{_GAP}"
    rf"[.,]?\d[\d.,'’ \u00a0\u202f]*[-–—]{{0,2}}(?:[eE][-+]?\d+)?{_GAP}"
    rf"(?P<after>[%％‰]|{MARKS}|°[CF]|{_WORD})?{_GAP}-?{_GAP}\)?{_GAP}"
)
_DIGITS = re.compile(r"\d(?:[\d.,]*\d)?")
_MOST_DIGITS = 400  # no double has as many
_MANY = 10  # numbers with decimals, of which one would end in a zero that isn't written
_CLOCK = {"am", "pm", "a.m.", "p.m.", "uhr", "h.", "st", "nd", "rd", "th", "e", "E"}


def affix(value: str) -> str | None:
    """What stands beside the digits of a value that may be a number: a currency, `%`, a unit; '' for nothing.

    None if it can't be one.
    """
    found = _CORE.fullmatch(value)
    if found is None or (found["before"] and found["after"]):
        return None
    word = (found["before"] or found["after"] or "").strip()
    return None if word in _CLOCK else SIDES if _SIDE.fullmatch(word) else word


def whole(value: str) -> int | None:
    """The number that is written in digits alone; None for anything else, and for more digits than any number has."""
    return int(value) if value.isdecimal() and len(value) <= _MOST_DIGITS else None


def is_money(unit: str | None) -> bool:
    return bool(unit and _MONEY.fullmatch(unit))


def is_share(unit: str | None) -> bool:
    return unit in {"%", "％", "‰"}


@cache
def number(decimal: str, group: str, unit: str = "", *, whole: bool = False) -> Spelling:
    """Numbers with `decimal` before their fractions, `group` between thousands ('' for none) and `unit` beside them.

    Brackets and a minus behind the digits make them negative, as in bookkeeping.
    """
    d = re.escape(decimal)
    # A dash for the cents, as `5,-` or `5.–`: there are none.
    fraction = "" if whole else rf"(?:{d}(?:\d+|[-–—]{{1,2}})?)?"
    plain = rf"(?:0|[1-9]\d*){fraction}"
    if group:
        g = f"[{re.escape(_GROUPS[group])}]"
        # India groups by two before the last three.
        two = rf"|[1-9]\d?(?:,\d\d)*,\d{{3}}{fraction}" if group == "," else ""
        plain = rf"(?:[1-9]\d{{0,2}}(?:{g}\d{{3}})+{fraction}{two}|{plain})"
    core = plain if whole else rf"(?:{plain}|{d}\d+)(?:[eE][-+]?\d{{1,3}})?"
    u = rf"(?P<side>(?i:{_SIDE.pattern}))" if unit == SIDES else re.escape(unit)
    before = rf"(?:{u})?" if is_money(unit) else ""
    after = rf"(?:{u})?" if is_money(unit) else u
    pattern = (
        rf"{_GAP}(?P<open>\(?){_GAP}(?P<sign>{_SIGN}){_GAP}{before}{_GAP}(?P<within>\(?){_GAP}(?P<inner>{_SIGN}){_GAP}"
        rf"(?P<core>{core}){_GAP}{after}"
        rf"{_GAP}(?P<behind>-?){_GAP}\)?{_GAP}"
    )
    digits = "told.core"
    for character in _GROUPS[group]:
        digits = f"replace({digits}, {literal(character)}, '')"
    if decimal != ".":
        digits = f"replace({digits}, {literal(decimal)}, '.')"
    if not whole:
        digits = f"rtrim({digits}, '-–—')"
    signs = "('-', '−', '–')"
    negative = f"'(' IN (told.open, told.within) OR told.sign IN {signs} OR told.inner IN {signs} OR told.behind = '-'"
    if unit == SIDES:
        negative = f"({negative}) <> starts_with(lower(told.side), 'd')"
    cast = f"try_cast({digits} AS {'BIGINT' if whole else 'DOUBLE'})"
    # A list of one, so that the parts are taken out of the text once.
    sql = f"list_transform([{parts(pattern)}], lambda told: CASE WHEN {negative} THEN -{cast} ELSE {cast} END)[1]"
    spec = {"kind": "spelled number", "decimal": decimal, "group": group, "unit": unit, "whole": whole}
    said = ("Cr is read as plus, and Dr as minus.",) if unit == SIDES else ()
    named = None if unit == SIDES else unit
    shown = _shown(decimal, group, unit, whole)
    return Spelling("integer" if whole else "number", spec, pattern, sql, shown, named, notes=said)


def grouped(unit: str | None, values: Iterable[str]) -> bool:
    """Whether a separator before three digits, as in `1,234`, stands between thousands for sure.

    It does in currencies without fractions, and where small numbers have none: decimals would be written there, too.
    """
    if unit in _WHOLE:
        return True
    cores = [found.group() for found in map(_DIGITS.search, values) if found]
    bare = [core for core in cores if core.isdigit()]
    small = any(core != "0" for core in bare) and all(len(core) < 4 for core in bare)
    return small and len(cores) - len(bare) >= _MANY


def separated(values: Iterable[str]) -> bool:
    """Whether a separator stands in any of the numbers."""
    return any(found and not found.group().isdigit() for found in map(_DIGITS.search, values))


def from_spec(spec: Mapping[str, Any]) -> Spelling:
    return number(spec["decimal"], spec["group"], spec["unit"], whole=spec["whole"])


def _shown(decimal: str, group: str, unit: str, whole: bool) -> str | None:
    if whole and not group and not unit:
        return None
    text = f"1{group}234" + ("" if whole else f"{decimal}56")
    if is_share(unit):
        return f"12{unit}" if whole else f"12{decimal}5{unit}"
    if is_money(unit) and decimal == "." and not _BEHIND.fullmatch(unit):
        return f"{unit}{text}"
    return f"{text} {unit}".strip()
