"""CEL's values as Python has them, what is equal, and what comes before what.

| CEL | Python |
|---|---|
| int, double, bool, string, bytes, null, list | `int`, `float`, `bool`, `str`, `bytes`, `None`, `list` |
| uint | `UInt` |
| map | `dict`, whose bool keys are `TRUE` and `FALSE`: Python takes `True` and `1` for one key |
| timestamp, duration | aware `datetime`, `timedelta`: to the microsecond |
| type | `Kind` |
"""

import datetime as dt
from typing import Any, NamedTuple

from andon.engine.cel.budget import Budget
from andon.engine.cel.failures import EvaluationError

MAX_INT, MIN_INT, MAX_UINT = 2**63 - 1, -(2**63), 2**64 - 1


class UInt(int):
    """An unsigned whole number: equal to an int of the same value, and never added to one."""

    __slots__ = ()


class Kind(NamedTuple):
    """A type of CEL, as `type(x)` gives it."""

    name: str


class BoolKey(NamedTuple):
    """A bool as the key of a map."""

    value: bool


TRUE, FALSE = BoolKey(True), BoolKey(False)
KINDS: dict[type, Kind] = {
    int: Kind("int"),
    UInt: Kind("uint"),
    float: Kind("double"),
    bool: Kind("bool"),
    str: Kind("string"),
    bytes: Kind("bytes"),
    list: Kind("list"),
    dict: Kind("map"),
    type(None): Kind("null_type"),
    dt.datetime: Kind("google.protobuf.Timestamp"),
    dt.timedelta: Kind("google.protobuf.Duration"),
    Kind: Kind("type"),
}
NUMBERS = frozenset({int, UInt, float})
_ORDERED = frozenset({str, bytes, bool, dt.datetime, dt.timedelta})


def kind(value: Any) -> str:
    """The name of a value's type."""
    found = KINDS.get(type(value))
    return found.name if found else type(value).__name__


def equal(left: Any, right: Any, budget: Budget) -> bool:
    """Whether two values are equal: of one type, but that all numbers are compared by value. Never recurses."""
    waiting = [(left, right)]
    while waiting:
        a, b = waiting.pop()
        kind_a, kind_b = type(a), type(b)
        if kind_a in NUMBERS:
            if kind_b not in NUMBERS or a != b:
                return False
        elif kind_a is not kind_b:
            return False
        elif kind_a is list:
            if len(a) != len(b):
                return False
            budget.spend(len(a))
            waiting += zip(a, b, strict=True)
        elif kind_a is dict:
            if len(a) != len(b):
                return False
            budget.spend(2 * len(a))
            for key, value in a.items():
                if key not in b:
                    return False
                waiting.append((value, b[key]))
        else:
            if kind_a is str or kind_a is bytes:
                budget.spend(len(a) >> 10)
            if a != b:
                return False
    return True


def less(left: Any, right: Any, budget: Budget) -> bool:
    """Whether `left` comes before `right`; raises `EvaluationError` for what has no order."""
    if type(left) in NUMBERS and type(right) in NUMBERS:
        return bool(left < right)
    if type(left) is not type(right) or type(left) not in _ORDERED:
        raise EvaluationError(f"{kind(left)} and {kind(right)} have no order")
    if isinstance(left, (str, bytes)):
        budget.spend(len(left) >> 10)
    return bool(left < right)


def contains(items: Any, item: Any, budget: Budget) -> bool:
    """`item in items`: among a list's items, or a map's keys."""
    if type(items) is dict:
        return key_of(item) in items
    if type(items) is not list:
        raise EvaluationError(f"'in' looks in a list or a map, not in {kind(items)}")
    if type(item) in (list, dict):
        return any(equal(item, each, budget) for each in spending(items, budget))
    # Python's own search takes True for 1: what it doesn't find isn't there, what it finds may be another type.
    budget.spend((len(items) >> 3) * (1 + (len(item) >> 8 if type(item) in (str, bytes) else 0)))
    if item not in items:
        return False
    return any(equal(item, each, budget) for each in spending(items, budget))


def spending(items: list[Any], budget: Budget) -> Any:
    """The items, a unit for each."""
    for each in items:
        budget.spend(1)
        yield each


def key_of(value: Any) -> Any:
    """What a map holds `value` under; numbers of one value are one key."""
    match value:
        case bool():
            return TRUE if value else FALSE
        case str():
            return value
        case int():
            return int(value)
        case float() if value.is_integer():
            return int(value)
    raise EvaluationError(f"a map has no keys of type {kind(value)}")


def keys(found: dict[Any, Any]) -> list[Any]:
    """A map's keys as values."""
    return [key.value if isinstance(key, BoolKey) else key for key in found]


def shown(value: Any) -> str:
    """A key as an error names it, whose making takes no longer than a moment however long it is."""
    return repr(value[:40]) if isinstance(value, str) else f"a {kind(value)}"


def whole(value: int) -> int:
    """`value`, which must fit 64 bits with its sign."""
    if MIN_INT <= value <= MAX_INT:
        return value
    raise EvaluationError("a whole number doesn't fit 64 bits")


def unsigned(value: int) -> UInt:
    """`value`, which must fit 64 bits without a sign."""
    if 0 <= value <= MAX_UINT:
        return UInt(value)
    raise EvaluationError("an unsigned number doesn't fit 64 bits")
