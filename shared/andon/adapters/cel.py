"""CEL expressions of cancel rules: checked when they are registered, bounded when they are evaluated.

An expression sees `event`, the trigger, and `async`, the cancel event, each with `name`, `data`, `user`. It matches
if it is true; a key that is missing when it is evaluated, or operands that don't go together, are no match.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import cel

from andon.engine.events import Event

MAX_LENGTH = 1_000
NAMES = frozenset({"event", "async"})
_MACRO = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")


class ExpressionError(ValueError):
    """The expression can't be used; the message says why."""


def check_expression(text: str) -> None:
    """Raise `ExpressionError` unless `text` parses, names only `event` and `async`, and is bounded in size and cost."""
    _compile(text)


def holds(text: str, event: Event, cancel: Event) -> bool:
    """Whether the expression is true of this trigger and this cancel event."""
    try:
        found: Any = _compile(text).execute({"event": _shown(event), "async": _shown(cancel)})
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError, IndexError):
        return False
    return found is True


@lru_cache(maxsize=1024)
def _compile(text: str) -> cel.Program:
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"expected at most {MAX_LENGTH} characters, got {len(text)}")
    bound = _MACRO.findall(text)
    if len(bound) > 1:
        raise ExpressionError("expected at most one of all, exists, exists_one, map and filter: their cost multiplies")
    try:
        program = cel.compile(text)
    except ValueError as error:
        raise ExpressionError(str(error).split("\n")[0]) from None
    unknown = sorted(set(program.variables()) - NAMES - set(bound))
    if unknown:
        raise ExpressionError(f"it names {unknown[0]!r}; expected only 'event' and 'async'")
    return program


def _shown(event: Event) -> dict[str, Any]:
    return {"name": event.name, "data": dict(event.data), "user": event.user}
