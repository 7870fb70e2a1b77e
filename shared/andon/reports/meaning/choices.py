"""Cells that hold several of a few answers, as surveys export them: `red; blue`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

SEPARATORS = (";", "|", "\n", ",")
_SEVERAL = 0.1  # of the cells hold more than one
_MOST, _LONGEST = 60, 60  # answers, and characters of one
_TIMES = 3  # that each answer stands on average
_RECURRING, _MOVING = 0.9, 0.5  # of the answers: in several combinations, at several places among them


def parted_by(sample: Mapping[str, int]) -> tuple[str, int] | None:
    """What stands between the answers, and how many different ones there are; None for other words.

    `sample` are a column's values with their counts. An address has as many parts in each cell, and each at its place.
    """
    for separator in SEPARATORS:
        if sum(separator in value for value in sample) < 2:
            continue
        found = {value: answers(value, separator) for value in sample}
        if many := _answers(found, sample, separator):
            return separator, many
    return None


def answers(value: str, separator: str) -> list[str]:
    """The answers of a cell; one that ends in a separator has none behind it."""
    return [part for each in value.split(separator) if (part := each.strip())]


def _answers(found: Mapping[str, list[str]], sample: Mapping[str, int], separator: str) -> int:
    """How many answers there are; 0 if the parts are none."""
    times: Counter[str] = Counter()
    combinations: Counter[str] = Counter()
    places: dict[str, set[int]] = defaultdict(set)
    several = 0
    for value, parts in found.items():
        several += sample[value] * (len(parts) > 1)
        combinations.update(set(parts))
        for place, part in enumerate(parts):
            times[part] += sample[value]
            places[part].add(place)
    cells, marks = sum(sample.values()), sum(times.values())
    if several < max(_TIMES, _SEVERAL * cells) or not 3 <= len(times) <= _MOST or marks < _TIMES * len(times):
        return 0
    if max(map(len, times)) > _LONGEST or (separator == "," and any(part.isdecimal() for part in times)):
        return 0
    if len({len(parts) for parts in found.values() if parts}) < 2:
        return 0
    recurring = sum(times[part] for part, many in combinations.items() if many > 1)
    moving = sum(times[part] for part, at in places.items() if len(at) > 1)
    return len(times) if recurring >= _RECURRING * marks and moving >= _MOVING * marks else 0
