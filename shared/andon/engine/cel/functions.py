"""The functions of CEL's standard library: a row for each, with how many arguments it takes.

A function gets the budget, then its operands; as a method its target is the first of them.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from andon.engine.cel import times
from andon.engine.cel.budget import Budget
from andon.engine.cel.failures import EvaluationError
from andon.engine.cel.values import KINDS, MAX_INT, MIN_INT, Kind, UInt, kind, unsigned, whole

Regex = Callable[[str], Callable[[str, Budget], bool]]
"""Makes a search out of a pattern, or raises `EvaluationError`; the search spends what it takes."""
LONGEST_NUMBER = 400


class Function(NamedTuple):
    """How it is called: with so many operands, as a function, as a method, or as both."""

    call: Callable[..., Any]
    operands: tuple[int, ...]
    alone: bool = True
    method: bool = False


def table(regex: Regex) -> dict[str, Function]:
    """All functions, with the regular expressions that the caller has."""

    def matched(budget: Budget, text: Any, pattern: Any) -> bool:
        return regex(_text("matches", pattern))(_text("matches", text), budget)

    return {
        "size": Function(_size, (1,), method=True),
        "matches": Function(matched, (2,), method=True),
        "contains": Function(_contains, (2,), alone=False, method=True),
        "startsWith": Function(_starts, (2,), alone=False, method=True),
        "endsWith": Function(_ends, (2,), alone=False, method=True),
        "int": Function(_int, (1,)),
        "uint": Function(_uint, (1,)),
        "double": Function(_double, (1,)),
        "string": Function(_string, (1,)),
        "bytes": Function(_bytes, (1,)),
        "bool": Function(_bool, (1,)),
        "timestamp": Function(_timestamp, (1,)),
        "duration": Function(_duration, (1,)),
        "type": Function(_type, (1,)),
        "dyn": Function(lambda budget, value: value, (1,)),
        **{name: Function(_getter(name), (1, 2), alone=False, method=True) for name in times.PARTS},
    }


def _text(function: str, value: Any) -> str:
    if type(value) is str:
        return value
    raise EvaluationError(f"{function} takes text, not {kind(value)}")


def _size(budget: Budget, value: Any) -> int:
    if type(value) in (str, bytes, list, dict):
        return len(value)
    raise EvaluationError(f"{kind(value)} has no size")


def _contains(budget: Budget, text: Any, part: Any) -> bool:
    size, part_size = len(_text("contains", text)), len(_text("contains", part))
    budget.spend(((size + part_size) >> 4) + (size * min(part_size, 100) >> 8))  # a short part is looked for naively
    return part in text


def _starts(budget: Budget, text: Any, part: Any) -> bool:
    budget.spend(len(_text("startsWith", part)) >> 10)
    return _text("startsWith", text).startswith(part)


def _ends(budget: Budget, text: Any, part: Any) -> bool:
    budget.spend(len(_text("endsWith", part)) >> 10)
    return _text("endsWith", text).endswith(part)


def _int(budget: Budget, value: Any) -> int:
    match value:
        case bool():
            pass
        case int():
            return whole(int(value))
        case float() if MIN_INT < value < MAX_INT:
            return whole(int(value))
        case str():
            return whole(_read(int, value, "whole number"))
        case dt.datetime():
            return times.seconds(value)
    raise _inconvertible("int", value)


def _uint(budget: Budget, value: Any) -> UInt:
    match value:
        case bool():
            pass
        case int():
            return unsigned(value)
        case float() if 0 <= value < 2**64:
            return unsigned(int(value))
        case str():
            return unsigned(_read(int, value, "whole number"))
    raise _inconvertible("uint", value)


def _double(budget: Budget, value: Any) -> float:
    match value:
        case bool():
            pass
        case int():
            return float(unsigned(value) if type(value) is UInt else whole(value))
        case float():
            return value
        case str():
            return float(_read(float, value, "number"))
    raise _inconvertible("double", value)


def _read(type: Callable[[str], Any], text: str, what: str) -> Any:
    """A number as CEL writes it: Python's own reading takes underscores, blanks and other scripts' digits too."""
    if len(text) <= LONGEST_NUMBER and text.isascii() and "_" not in text and text == text.strip():
        try:
            return type(text)
        except ValueError:
            pass
    raise EvaluationError(f"{text[:40]!r} is no {what}")


def _string(budget: Budget, value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(unsigned(value) if type(value) is UInt else whole(value)))
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case bytes():
            budget.spend(len(value) >> 4)
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise EvaluationError("bytes that are no UTF-8 are no string") from None
        case dt.datetime() | dt.timedelta():
            return times.written(value)
    raise _inconvertible("string", value)


def _bytes(budget: Budget, value: Any) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            budget.spend(len(value) >> 4)
            try:
                return value.encode()
            except UnicodeEncodeError:
                raise EvaluationError("half of a surrogate pair is no text") from None
    raise _inconvertible("bytes", value)


def _bool(budget: Budget, value: Any) -> bool:
    match value:
        case bool():
            return value
        case "true" | "True" | "TRUE" | "t" | "1":
            return True
        case "false" | "False" | "FALSE" | "f" | "0":
            return False
    raise _inconvertible("bool", value)


def _timestamp(budget: Budget, value: Any) -> dt.datetime:
    match value:
        case dt.datetime():
            return value
        case str():
            budget.spend(20)
            return times.timestamp(value)
        case int() if type(value) is int:
            return times.at(value)
    raise _inconvertible("timestamp", value)


def _duration(budget: Budget, value: Any) -> dt.timedelta:
    match value:
        case dt.timedelta():
            return value
        case str():
            budget.spend(100)
            return times.duration(value)
    raise _inconvertible("duration", value)


def _type(budget: Budget, value: Any) -> Kind:
    return KINDS[type(value)]


def _getter(name: str) -> Callable[..., int]:
    def get(budget: Budget, value: Any, zone: Any = None) -> int:
        of_span = (
            isinstance(value, dt.timedelta) and zone is None and (name in times.SPANS or name == "getMilliseconds")
        )
        if not isinstance(value, dt.datetime) and not of_span:
            raise EvaluationError(f"{kind(value)} has no {name}")
        budget.spend(8 if zone is None else 600)  # a zone that isn't known yet is looked for in files
        return times.part(value, name, None if zone is None else _text(name, zone))

    return get


def _inconvertible(function: str, value: Any) -> EvaluationError:
    return EvaluationError(f"{function}() doesn't take {kind(value)}, or not this one")
