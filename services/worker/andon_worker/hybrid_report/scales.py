"""Values that have an order of their own, as answers, sizes, months and ranges do: charts keep to it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")

# From the least to the most, in small letters; each position may be said in several ways.
_SCALES = tuple(
    tuple(tuple(position.split("/")) for position in scale.split("|"))
    for scale in (
        "strongly disagree/completely disagree/totally disagree|disagree|somewhat disagree/slightly disagree|"
        "neither agree nor disagree/neutral/undecided/neither|somewhat agree/slightly agree|agree|"
        "strongly agree/completely agree/totally agree",
        "very dissatisfied/extremely dissatisfied|dissatisfied|somewhat dissatisfied|neutral/"
        "neither satisfied nor dissatisfied|somewhat satisfied|satisfied|very satisfied/extremely satisfied",
        "never|rarely/seldom|sometimes/occasionally|often/frequently|usually|very often|always",
        "very unlikely|unlikely|neutral|likely|very likely",
        "very poor|poor|fair/below average|average|good/above average|very good|excellent",
        "not at all important|slightly important|moderately important|important|very important|extremely important",
        "none|very low|low/minor|medium/moderate/normal|high/major|very high|critical/urgent",
        "xxs|xs/extra small|s/small|m/medium|l/large|xl/extra large|xxl|xxxl",
        "first/1st|second/2nd|third/3rd|fourth/4th|fifth/5th",
        "january/jan|february/feb|march/mar|april/apr|may|june/jun|july/jul|august/aug|september/sep/sept|october/oct|"
        "november/nov|december/dec",
        "monday/mon|tuesday/tue/tues|wednesday/wed|thursday/thu/thur/thurs|friday/fri|saturday/sat|sunday/sun",
        "montag/mo|dienstag/di|mittwoch/mi|donnerstag/do|freitag/fr|samstag/sa|sonntag/so",
        "stimme überhaupt nicht zu/stimme gar nicht zu|stimme nicht zu/stimme eher nicht zu|teils teils/teils, teils/"
        "neutral/weder noch|stimme eher zu|stimme zu|stimme voll zu/stimme voll und ganz zu",
        "nie|selten|manchmal|oft/häufig|immer",
    )
)
_UNDER = re.compile(r"[<≤]|under|below|up to|less than")
_OVER = re.compile(r"[>≥]|over|above|more than|at least|from")
_RANGE = re.compile(
    rf"(?:{_UNDER.pattern}|{_OVER.pattern})?\s*[$€£]?(\d+(?:\.\d+)?)\s*k?\s*"
    r"(?:[-–/]\s*[$€£]?\d|to [$€£]?\d|\+|or |and |$)"
)
_ALONE = {"just me": "1", "only me": "1", "myself": "1", "nur ich": "1", "self-employed": "1", "none": "0"}
# Of things, as shops, one wants the largest first.
_NUMBERED = re.compile(
    r"(\D{1,3}?|(?:week|grade|level|class|stage|phase|year|quarter|month|day|step|tier|round|klasse|stufe|woche) )"
    r"(\d+)(\D*| \d{4})"
)
# What is no place on a scale stands behind it.
_ASIDE = re.compile(
    r"(?:i )?(?:prefer|would rather) not to (?:say|answer|disclose)|(?:i )?(?:don['’]t|do not) know|"
    r"not (?:sure|applicable)|n/?a|no (?:answer|opinion)|unknown|(?:[\d,]+ )?others?|"
    r"keine angabe|k\. ?a\.|weiß (?:ich )?nicht|sonstige"
)
_FEWEST = 3
_DENSE = 1.5
_MOST_NUMBERED = 12  # as grades and quarters


def in_order(items: Sequence[_T], name: Callable[[_T], str]) -> list[_T]:
    """The items by the order that their names have; as they are if the names have none."""
    names = [" ".join(name(item).lower().split()) for item in items]
    beside = [bool(_ASIDE.fullmatch(each)) for each in names]
    places = _places([each for each, aside in zip(names, beside, strict=True) if not aside])
    if places is None:
        return list(items)
    placed = iter(places)
    keys = [math.inf if aside else next(placed) for aside in beside]
    return [item for _, item in sorted(zip(keys, items, strict=True), key=lambda each: each[0])]


def have_order(names: Sequence[str]) -> bool:
    """Whether names have an order of their own, all of them."""
    return _places([" ".join(name.lower().split()) for name in names]) is not None


def _places(names: Sequence[str]) -> list[float] | None:
    if len(names) < _FEWEST:
        return None
    for scale in _SCALES:
        positions = {word: float(place) for place, words in enumerate(scale) for word in words}
        found = [positions.get(name) for name in names]
        if None not in found and len(set(found)) == len(found):
            return [place for place in found if place is not None]
    names = ["1" if name in _ALONE else name for name in names]
    if all(name.isdigit() for name in names):
        numbers = [float(name) for name in names]
        # Hours, months, how many cylinders; the numbers of shops have gaps.
        return numbers if max(numbers) - min(numbers) < _DENSE * len(numbers) else None
    if all(len(name) == 1 and name.isalpha() for name in names):  # grades
        letters = [float(ord(name)) for name in names]
        return letters if max(letters) - min(letters) < _DENSE * len(letters) else None
    numbered = [each for name in names if (each := _NUMBERED.fullmatch(name))]
    if len(numbered) == len(names) <= _MOST_NUMBERED and len({(each[1], each[3]) for each in numbered}) == 1:
        return [float(each[2]) for each in numbered]
    names = [_ALONE.get(name, name).replace(",", "") for name in names]
    ranges = [_RANGE.match(name) for name in names]
    if not all(ranges) or all(name.isdigit() for name in names):
        return None
    # Below a number is before from that number on, and above it behind.
    beside = [(bool(_OVER.match(name)) - bool(_UNDER.match(name))) / 2 for name in names]
    return [float(found[1]) + more for found, more in zip(ranges, beside, strict=True) if found]
