"""Values that have an order of their own, as answers, sizes, months and ranges do: charts keep to it."""

from __future__ import annotations

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
_RANGE = re.compile(
    r"(?:[<≤>≥]|under|below|up to|less than|over|above|more than|at least)?\s*(\d+(?:\.\d+)?)\s*k?\s*"
    r"(?:[-–]\s*\d|to \d|\+|or |and |$)"
)
_UNDER = re.compile(r"[<≤]|under|below|up to|less than")
_OVER = re.compile(r">|over|above|more than")
_NUMBERED = re.compile(r"(\D{0,3}?)(\d+)")
# Answers that stand beside a scale: behind it.
_ASIDE = {
    *("prefer not to say", "prefer not to answer", "don't know", "don’t know", "do not know", "not sure", "unknown"),
    *("not applicable", "n/a", "no answer", "no opinion", "other", "keine angabe", "k. a.", "weiß nicht"),
}
_ALONE = {"just me", "only me", "myself", "nur ich"}
_FEWEST = 3
_DENSE = 1.5


def in_order(items: Sequence[_T], name: Callable[[_T], str]) -> list[_T]:
    """The items by the order that their names have; as they are if the names have none."""
    names = [" ".join(name(item).lower().split()) for item in items]
    on = [(item, name) for item, name in zip(items, names, strict=True) if name not in _ASIDE]
    places = _places([name for _, name in on])
    if places is None:
        return list(items)
    aside = [item for item, name in zip(items, names, strict=True) if name in _ASIDE]
    items = [item for item, _ in on]
    ordered = sorted(zip(places, items, strict=True), key=lambda each: each[0])
    return [*(item for _, item in ordered), *aside]


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
    parted = [_NUMBERED.fullmatch(name) for name in names]
    told = [each for each in parted if each]
    if len(told) == len(names) and len({each[1] for each in told}) == 1:
        return _places([each[2] for each in told])
    ranges = [_RANGE.match(name) for name in names]
    if all(ranges) and any(not name.isdigit() for name in names):
        # Below a number is before from that number on, and above it behind.
        ends = zip(ranges, names, strict=True)
        return [float(end[1]) + (bool(_OVER.match(name)) - bool(_UNDER.match(name))) / 2 for end, name in ends if end]
    return None
