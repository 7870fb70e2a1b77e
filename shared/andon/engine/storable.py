"""What can be stored: values that Python and JSON allow and PostgreSQL, its driver or an index don't, told beforehand.

Nothing here recurses: how deep a value is nested is one of the things to find out.
"""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

DEEPEST = 100
LARGEST_NUMBER = 10**308
_SMALL = 2**53
FIRST_YEAR, LAST_YEAR = 1970, 2200


def text_fault(text: str) -> str | None:
    """What PostgreSQL would refuse of a text, or None."""
    if "\x00" in text or (not text.isascii() and not text.isprintable() and _has_half_a_pair(text)):
        return r"expected text without \u0000 and without half of a surrogate pair"
    return None


def _has_half_a_pair(text: str) -> bool:
    return any("\ud800" <= each <= "\udfff" for each in text)


def time_fault(time: dt.datetime) -> str | None:
    """What is wrong with a time, or None: it has a zone, and is a time of people who are alive."""
    if time.tzinfo is not None:
        try:
            if FIRST_YEAR <= time.astimezone(dt.UTC).year <= LAST_YEAR:
                return None
        except OverflowError:
            pass
    return f"expected a time with its zone, in the years {FIRST_YEAR} to {LAST_YEAR}"


def json_fault(value: Any, *, deepest: int = DEEPEST) -> str | None:
    """What keeps a value from being stored as JSON, or None."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > deepest:
            return f"expected JSON that is nested at most {deepest} levels deep"
        inner: list[Any] = []
        for each in level:
            if each is None or type(each) is bool or (type(each) is int and -_SMALL < each < _SMALL):
                continue
            if isinstance(each, str):
                fault = text_fault(each)
            elif isinstance(each, Mapping):
                fault = _key_fault(each)
                inner += each.values()
            elif isinstance(each, (list, tuple)):
                fault = None
                inner += each
            else:
                fault = _scalar_fault(each)
            if fault is not None:
                return fault
        level = inner
    return None


def _key_fault(value: Mapping[Any, Any]) -> str | None:
    for key in value:
        if not isinstance(key, str):
            return "expected JSON: the keys of an object are texts"
        if fault := text_fault(key):
            return fault
    return None


def _scalar_fault(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if abs(value) <= LARGEST_NUMBER else "expected numbers from -1e308 to 1e308"
    if isinstance(value, float):
        return None if math.isfinite(value) else "expected JSON (no NaN or Infinity)"
    return f"expected JSON, got a {type(value).__name__}"
