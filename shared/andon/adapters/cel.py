"""CEL expressions of cancel rules and triggers: checked when they are registered, bounded when they are evaluated.

A cancel rule's sees `event`, the trigger, and `async`, the cancel event; a trigger's sees `event` alone. Each has
`name`, `data` and `user`. An expression matches if it is true; where it has no value (a key is missing, operands
don't go together, it would take too much work), that is no match, and is counted or told.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]

from andon.engine.cel import Budget, EvaluationError, Expression, ExpressionError, OverBudget
from andon.engine.cel.values import kind
from andon.engine.declared.triggers import OF_EVENT
from andon.engine.errors import AndonError
from andon.engine.events import Event

log = logging.getLogger(__name__)
NAMES = ("event", "async")
MOST_WORK = 100_000
OWN_WORK = 500
SHARED_WORK = 1_000_000
WORK_OF_AN_EVENT = 10_000
"""What an expression over one event may take, about a millisecond: the dispatcher evaluates it for each that comes."""
LARGEST_PROGRAM = 1_000
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True
_OPTIONS.max_mem = 1 << 18


def check_expression(text: str, names: Sequence[str] = NAMES) -> None:
    """Raise `ExpressionError` unless `text` parses and names only these, and functions that there are."""
    _compile(text, tuple(names))


def value_of(text: str, event: Event) -> Any:
    """The value of an expression over `event` alone, within `WORK_OF_AN_EVENT`. Raises `NoValue` where it has none."""
    try:
        return _compile(text, OF_EVENT).evaluate({"event": _shown(event)}, Budget(WORK_OF_AN_EVENT))
    except (EvaluationError, ExpressionError, OverBudget) as error:
        raise NoValue(str(error)) from None
    except Exception as error:  # ours: it ends nothing, and is told
        log.exception("an expression of %d characters makes our code fail", len(text))
        raise NoValue(type(error).__name__) from None


def any_holds(conditions: Sequence[str], event: Event) -> tuple[bool, str | None]:
    """Whether one of the conditions over `event` is true, or there are none; else why the first has no value."""
    if not conditions:
        return True, None
    failure = None
    for text in conditions:
        try:
            value = value_of(text, event)
            if value is True:
                return True, None
            if value is not False:
                raise NoValue(f"it is no bool, but {kind(value)}")
        except NoValue as error:
            failure = failure or f"{text}: {error}"
    return False, failure


class NoValue(AndonError, ValueError):
    """An expression has no value for an event: a key is missing, operands don't go together, it takes too much work."""


class TooLong(AndonError):
    """The expressions over many events together take too long: fewer at once will do."""


@dataclass
class Evaluations:
    """The evaluations for one cancel event: which expressions are true, and how many had no value.

    Each has `OWN_WORK`, and up to `MOST_WORK` while `shared` lasts, which all of them together may spend: however
    many runs a cancel meets, what is costly is done for some of them only.
    """

    shared: int = SHARED_WORK
    failed: int = 0
    failure: str | None = None
    """Why the first of them had no value."""

    def hold(self, text: str, event: Event, cancel: Event, *, most: int = MOST_WORK) -> bool:
        """Whether the expression is true of this trigger and this cancel event, within `most` work. Raises nothing."""
        given = min(most, MOST_WORK, OWN_WORK + self.shared)
        budget = Budget(given)
        try:
            value = _compile(text).evaluate({"event": _shown(event), "async": _shown(cancel)}, budget)
            if type(value) is bool:
                return value
            raise EvaluationError(f"it is no bool, but {kind(value)}")
        except (EvaluationError, ExpressionError, OverBudget) as error:
            return self._fails(str(error))
        except Exception as error:  # ours: it ends nothing, and is told
            log.exception("an expression of %d characters makes our code fail", len(text))
            return self._fails(type(error).__name__)
        finally:
            self.shared -= max(0, given - max(budget.left, 0) - OWN_WORK)

    def _fails(self, why: str) -> bool:
        self.failed += 1
        self.failure = self.failure or why
        return False


def _shown(event: Event) -> dict[str, Any]:
    data = event.data
    return {"name": event.name, "data": data if type(data) is dict else dict(data), "user": event.user}


@lru_cache(maxsize=256)
def _compile(text: str, names: tuple[str, ...] = NAMES) -> Expression:
    return Expression(text, names=names, regex=regex)


@lru_cache(maxsize=128)
def regex(pattern: str) -> Callable[[str, Budget], bool]:
    """A search by RE2, which never backtracks: its time is bounded by the text times the size of its program."""
    try:
        program = re2.compile(pattern, _OPTIONS)
    except (re2.error, UnicodeEncodeError):
        raise EvaluationError(f"{pattern[:40]!r} is no regular expression of RE2, or a large one") from None
    if program.programsize > LARGEST_PROGRAM:
        raise EvaluationError(f"the regular expression {pattern[:40]!r} is too large")

    def search(text: str, budget: Budget) -> bool:
        budget.spend(1 + (len(text) * program.programsize >> 5))
        try:
            return program.search(text) is not None
        except UnicodeEncodeError:
            raise EvaluationError("half of a surrogate pair is no text") from None

    return search
