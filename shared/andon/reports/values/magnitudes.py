"""Numbers with a magnitude behind them: `1.5K`, `$2M`, `3,4 Mio.`, `700 KB`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from andon.reports.duck import literal
from andon.reports.values import numbers
from andon.reports.values.spelling import Spelling, parts

_NUMBERS = {
    **dict.fromkeys(("k", "tsd", "tsd.", "thousand"), 1e3),
    **dict.fromkeys(("m", "mn", "mln", "mio", "mio.", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "bn", "mrd", "mrd.", "billion", "billions"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion", "trillions"), 1e12),
}
_BYTES = {
    f"{prefix}{unit}": 1000.0**power if not binary else 1024.0**power
    for power, letter in enumerate(("", "k", "m", "g", "t", "p"))
    for prefix, binary in ((letter, False), (f"{letter}i" if letter else "", True))
    for unit in ("b", "byte", "bytes")
    if not (binary and not letter)
}
BYTES = "bytes"
_CORE = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:[.,]\d+)?"
_ANY = re.compile(
    rf"\s*[-+−(]?\s*(?P<before>{numbers.MARKS})?\s*-?{_CORE}\s*"
    rf"(?P<mark>[A-Za-z]+\.?)?\s*(?P<after>{numbers.MARKS})?\+?\)?\s*"
)
_MOST_BARE = 10_000  # beside `12K` nobody writes 950,000


def candidates(values: Sequence[str]) -> list[Spelling]:
    """The spellings with magnitudes that values may be in: none unless the marks can't be a unit.

    One mark in every value is a unit as good as any other (`12 K` may be kelvins), and metres are no millions: it takes
    two marks, or `K` beside smaller numbers without one, or a currency.
    """
    found = [_ANY.fullmatch(value) for value in values]
    told = [each for each in found if each]
    if len(told) < 0.7 * len(values):
        return []
    marks = Counter((each["mark"] or "") for each in told)
    small = {mark.lower() for mark in marks if mark}
    currency = Counter(each["before"] or each["after"] or "" for each in told).most_common(1)[0][0]
    if not small:
        return []
    if small <= _BYTES.keys() and any(len(mark) > 1 for mark in small):
        return [magnitude(decimal, BYTES) for decimal in ".,"] if len(small) > 1 else []
    if not small <= _NUMBERS.keys() or ("m" in marks and "k" not in marks and not currency):
        return []
    factors = {_NUMBERS[mark] for mark in small}
    thousands = factors == {1e3} and all(_value(each) < _MOST_BARE for each in told if not each["mark"])
    if len(factors) == 1 and not currency and not (thousands and marks[""]):
        return []
    return [magnitude(decimal, currency) for decimal in ".,"]


def _value(found: re.Match[str]) -> float:
    return float(re.sub(r"[^\d.]", "", found.group().replace(",", "")) or 0)


@cache
def magnitude(decimal: str, unit: str = "") -> Spelling:
    """Numbers that are multiplied by what stands behind them; `unit` is a currency, `BYTES` or nothing."""
    marks = _BYTES if unit == BYTES else _NUMBERS
    known = "|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True))
    money = rf"(?:{re.escape(unit)})?" if unit and unit != BYTES else ""
    group = "," if decimal == "." else r"\."
    core = rf"(?:[1-9]\d{{0,2}}(?:{group}\d{{3}})+|\d+)(?:{re.escape(decimal)}\d+)?"
    sign = r"\s*(?P<open>\(?)\s*(?P<sign>[-+−]?)\s*"
    mark = rf"\s*(?P<mark>(?i:{known})?)\s*"
    pattern = rf"{sign}{money}\s*(?P<inner>-?)(?P<core>{core}){mark}{money}\+?\)?\s*"
    digits = f"replace(replace(told.core, {literal(',' if decimal == '.' else '.')}, ''), ',', '.')"
    factors = " ".join(f"WHEN {literal(mark)} THEN {factor!r}::DOUBLE" for mark, factor in marks.items())
    sql = (
        f"list_transform([{parts(pattern)}], lambda told: (CASE WHEN told.sign IN ('-', '−') OR told.inner = '-' OR "
        f"told.open = '(' THEN -1.0::DOUBLE ELSE 1.0::DOUBLE END) * try_cast({digits} AS DOUBLE) "
        f"* (CASE lower(told.mark) WHEN '' THEN 1.0::DOUBLE {factors} END))[1]"
    )
    said = (
        "KB, MB and GB are read as a thousand, a million and a billion bytes; KiB and the like as powers of 1,024."
        if unit == BYTES
        else "K, M, B and T behind a number are read as thousands, millions, billions and trillions."
    )
    spec = {"kind": "magnitude", "decimal": decimal, "unit": unit}
    shown = f"1{decimal}5 MB" if unit == BYTES else f"{unit}1{decimal}5K"
    return Spelling("number", spec, pattern, sql, shown, unit, notes=(said,))


def from_spec(spec: Mapping[str, Any]) -> Spelling:
    return magnitude(spec["decimal"], spec["unit"])
