"""What runs wait for, as a handler says it in a step, and a declaration of its function ahead of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from andon.engine.declared.rules import LONGEST_PATH, PATH

MOST_DECLARED = 20


@dataclass(frozen=True)
class Wait:
    """An event to wait for: of that name, with the same value at `match` as the run's own event has.

    `if_` refines it by a CEL expression over `event` (the run's) and `async` (the awaited one), as in `CancelOn`.
    """

    event: str
    match: str | None = None
    if_: str | None = None


def wait_fault(wait: Wait) -> str | None:
    """What is wrong with its match and condition, or None. Its expression is checked elsewhere."""
    match = wait.match
    if match is not None and not (isinstance(match, str) and len(match) <= LONGEST_PATH and PATH.fullmatch(match)):
        return f"match={match!r:.80} is not a path such as 'data.reportId', of at most {LONGEST_PATH} characters"
    if wait.if_ is not None and not (isinstance(wait.if_, str) and wait.if_.strip()):
        return f"if_={wait.if_!r:.40}: expected a CEL expression"
    return None


def declared_fault(wait: Any) -> str | None:
    """What is wrong with one that is declared: a name and a field, by which its events are kept to be found."""
    if not isinstance(wait, Wait):
        return "expected a Wait(event, match=...)"
    if fault := wait_fault(wait):
        return fault
    if wait.match is None:
        return "expected a match=: without one any event of the name is found as it is"
    return "if_ is said where the run waits; expected event and match alone" if wait.if_ is not None else None
