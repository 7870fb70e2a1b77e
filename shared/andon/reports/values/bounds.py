"""Numbers of which a bound alone is known, as laboratories and surveys write them: `<3.9`, `> 100`, `3+`, `~5`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from andon.reports.values import numbers

SAID = "rather than"  # in what is said of them
MOST = 100  # different ones of a column
_FEWEST_STEPS = 12  # of whole numbers up to so many, `3+` is the last of a few answers rather than a bound
_BELOW, _ABOVE = "<≤", ">≥+"
_MARKED = re.compile(r"\s*(?P<mark>[<>≤≥~≈]=?|=[<>]|(?i:ca|circa|approx)\.?(?=[\s\d]))\s*(?P<number>.*\d.*)")
_DIGITS = re.compile(r"\d[\d.,'’]*(?<=\d)")
_AND_MORE = re.compile(r"\s*(?P<number>.*\d)\s*\+\s*")


def is_bound(value: str) -> bool:
    """Whether it is a number, in any convention, with a sign that it is less, more or about that."""
    found = _MARKED.fullmatch(value) or _AND_MORE.fullmatch(value)
    return found is not None and numbers.affix(found["number"]) is not None


def least(value: str) -> float | None:
    """The number of which a value is said to lie above, as in `> 1,234.5` or `90+`; None if it says no such thing.

    Of a separator that may be either, as in `>1,234`, it is the lower reading: nothing is said to lie too high.
    """
    found = _MARKED.fullmatch(value)
    if found is None:
        found = _AND_MORE.fullmatch(value)
    elif not found["mark"].startswith((">", "≥")):
        return None
    digits = _DIGITS.search(found["number"]) if found else None
    if digits is None:
        return None
    text = digits.group().replace("'", "").replace("’", "")
    point = max(text.rfind("."), text.rfind(","))
    whole, fraction = (text[:point], text[point + 1 :]) if point >= 0 else (text, "")
    several = text.count(text[point]) > 1 if point >= 0 else False
    plain = re.sub(r"[.,]", "", whole)
    return float(plain + fraction if several else f"{plain}.{fraction or 0}")


def may_stand_among(exact: Sequence[str]) -> bool:
    """Whether numbers are of a scale of which bounds would not be answers: of many steps, or with fractions."""
    return len(exact) > _FEWEST_STEPS or any(not value.strip().isdecimal() for value in exact)


def said(tokens: Mapping[str, int], cells: int) -> str:
    """What is said of those in the cells of a column, each with its count: a mean without them is off to one side."""
    below, above = (any(sign in token for token in tokens for sign in signs) for signs in (_BELOW, _ABOVE))
    aside = {(True, False): ", and a mean of the others too high", (False, True): ", and a mean of the others too low"}
    first = ", ".join(f"“{token}”" for token in list(tokens)[:3])
    first += f" and {len(tokens) - 3} more" if len(tokens) > 3 else ""
    are = f"is a bound {SAID} a value" if len(tokens) == 1 else f"are bounds {SAID} values"
    many = sum(tokens.values())
    count = f"{many:,} of {cells:,} cells {'is' if many == 1 else 'are'}"
    return f"{first} {are}: {count} left out{aside.get((below, above), '')}."
