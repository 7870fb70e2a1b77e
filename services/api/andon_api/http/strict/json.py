"""JSON as it may come in: numbers that are numbers, names that are there once, and no deeper than anybody means it."""

import json
import math
from collections.abc import Sequence
from typing import Any

from andon.engine.storable import DEEPEST
from andon_api.http.problems import Problem

MOST_INSIDE = 500_000  # lists and objects: each takes twenty times as much memory as it has letters
LONGEST_NUMBER = 300  # digits: beyond, no float can hold it


def parse_json(body: bytes | str) -> Any:
    """The body as strict JSON; raises a 400 `Problem` that says what isn't."""
    opened = _opened(body)
    if opened > MOST_INSIDE:
        raise Problem(
            413, f"expected at most {MOST_INSIDE:,} lists and objects in a body, got {opened:,}: send less at once"
        )
    try:
        value = json.loads(
            body, parse_constant=_refuse, parse_int=_whole, parse_float=_real, object_pairs_hook=_each_once
        )
    except RecursionError:
        raise Problem(400, _TOO_DEEP) from None
    except ValueError as error:
        raise Problem(400, f"{NOT_JSON}{error}") from None
    if opened > DEEPEST and _deeper_than(DEEPEST, value):
        raise Problem(400, _TOO_DEEP)
    return value


NOT_JSON = "the body is not JSON: "
_TOO_DEEP = f"the body is not JSON that is taken: it is nested more than {DEEPEST} deep"


def _opened(body: bytes | str) -> int:
    if isinstance(body, str):
        return body.count("[") + body.count("{")
    return body.count(b"[") + body.count(b"{")


def _deeper_than(most: int, value: Any) -> bool:
    """Whether it is nested deeper. What JSON is read as has these two types, which are told apart quickly."""
    level: list[Any] = [value]
    for _ in range(most + 1):
        inner: list[Any] = []
        for each in level:
            if type(each) is list:
                inner += each
            elif type(each) is dict:
                inner += each.values()
        level = inner
        if not level:
            return False
    return any(type(each) in (list, dict) for each in level)


def _whole(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits; at most {LONGEST_NUMBER} are taken")
    return int(text)


def _real(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(text) > 2 * LONGEST_NUMBER:
        raise ValueError(f"the number {text[:40]} is out of range")
    return number


def _each_once(members: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object; which of two members of one name is meant, nobody can tell."""
    made = dict(members)
    if len(made) < len(members):
        known: set[str] = set()
        for name, _ in members:
            if name in known:
                raise ValueError(f"{name[:80]!r} is in one object twice")
            known.add(name)
    return made


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")
