"""Arithmetic and comparison. Numbers of different types are compared, and never added: as CEL has it."""

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from andon.engine.cel import times
from andon.engine.cel.budget import Budget
from andon.engine.cel.failures import EvaluationError
from andon.engine.cel.values import UInt, contains, equal, kind, less, unsigned, whole

Operator = Callable[[Any, Any, Budget], Any]


def plus(a: Any, b: Any, budget: Budget) -> Any:
    """The sum; of texts, bytes and lists one after the other."""
    kinds = type(a), type(b)
    if kinds in ((int, int), (UInt, UInt), (float, float)):
        return _fitting(a, a + b)
    if kinds in ((str, str), (bytes, bytes)):
        budget.spend((len(a) + len(b)) >> 4)
        return a + b
    if kinds == (list, list):
        budget.spend((len(a) + len(b)) >> 2)
        return a + b
    if kinds == (dt.datetime, dt.timedelta):
        return times.shifted(a, b)
    if kinds == (dt.timedelta, dt.datetime):
        return times.shifted(b, a)
    if kinds == (dt.timedelta, dt.timedelta):
        return _span(a + b)
    raise _unfit("+", a, b)


def minus(a: Any, b: Any, budget: Budget) -> Any:
    """The difference."""
    kinds = type(a), type(b)
    if kinds in ((int, int), (UInt, UInt), (float, float)):
        return _fitting(a, a - b)
    if kinds == (dt.datetime, dt.datetime):
        return _span(a - b)
    if kinds == (dt.datetime, dt.timedelta):
        return times.shifted(a, -b)
    if kinds == (dt.timedelta, dt.timedelta):
        return _span(a - b)
    raise _unfit("-", a, b)


def times_(a: Any, b: Any, budget: Budget) -> Any:
    """The product."""
    if (type(a), type(b)) in ((int, int), (UInt, UInt), (float, float)):
        return _fitting(a, _bounded(a) * _bounded(b))
    raise _unfit("*", a, b)


def divided(a: Any, b: Any, budget: Budget) -> Any:
    """The quotient, of whole numbers towards zero."""
    if type(a) is float and type(b) is float:
        if b != 0:
            return a / b
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)
    quotient, _ = _divided("/", a, b)
    return _fitting(a, quotient)


def remainder(a: Any, b: Any, budget: Budget) -> Any:
    """What the quotient leaves, with the sign of `a`."""
    _, rest = _divided("%", a, b)
    return _fitting(a, rest)


def negated(a: Any) -> Any:
    """`-a`."""
    if type(a) is int:
        return whole(-a)
    if type(a) is float:
        return -a
    raise EvaluationError(f"{kind(a)} has no negative")


def _divided(operator: str, a: Any, b: Any) -> tuple[int, int]:
    if (type(a), type(b)) not in ((int, int), (UInt, UInt)):
        raise _unfit(operator, a, b)
    if b == 0:
        raise EvaluationError("a number is divided by zero")
    a, b = int(_bounded(a)), int(_bounded(b))
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    return quotient, a - quotient * b


def _bounded(value: Any) -> Any:
    """Numbers of the data can have thousands of digits: no arithmetic with them."""
    return value if type(value) is float else _fitting(value, value)


def _fitting(like: Any, value: Any) -> Any:
    if type(like) is float:
        return value
    return unsigned(value) if type(like) is UInt else whole(value)


def _span(value: dt.timedelta) -> dt.timedelta:
    if abs(value) > times.LONGEST:
        raise EvaluationError("a duration is out of range")
    return value


def _unfit(operator: str, a: Any, b: Any) -> EvaluationError:
    return EvaluationError(f"{operator} doesn't go with {kind(a)} and {kind(b)}")


OPERATORS: dict[str, Operator] = {
    "+": plus,
    "-": minus,
    "*": times_,
    "/": divided,
    "%": remainder,
    "==": equal,
    "!=": lambda a, b, budget: not equal(a, b, budget),
    "<": less,
    ">": lambda a, b, budget: less(b, a, budget),
    "<=": lambda a, b, budget: less(a, b, budget) or equal(a, b, budget),
    ">=": lambda a, b, budget: less(b, a, budget) or equal(a, b, budget),
    "in": lambda a, b, budget: contains(b, a, budget),
}
