"""What each argument of a declaration may be: a row each. A new argument is one row more.

A check returns what was expected where the value isn't that, and None where it is.
"""

import datetime as dt
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from andon.engine.declared import flow
from andon.engine.declared.debouncing import debounce_fault
from andon.engine.declared.rules import CancelOn, rule_fault
from andon.engine.declared.subjects import subject_fault
from andon.engine.declared.tags import tags_fault
from andon.engine.declared.triggers import MOST_TRIGGERS, Cron, On, cron_fault, on_fault
from andon.engine.declared.waits import MOST_DECLARED, declared_fault
from andon.engine.errors import NonRetriable
from andon.engine.events import ENDS, MAX_NAME, NAME, OWN, OWN_CANCELS
from andon.engine.storable import text_fault

Check = Callable[[Any], str | None]
Part = TypeVar("Part")

MOST_RETRIES = 100_000
MOST_SHAPE = 32_000
MOST_RULES = 50
LONGEST_DEADLINE = dt.timedelta(days=366)
LONGEST_GRACE = 3_600.0
QUEUE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
OUR_SUFFIXES = (".urgent", ".alone", ".DQ", ".XQ", ".msgs", ".acks")
"""Of names that Andon and Dramatiq make from a queue's."""


def text(most: int = MAX_NAME, *, least: int = 1) -> Check:
    """A text that can be shown, stored and indexed."""
    expected = f"expected a text of {least} to {most} printable characters, without blanks at its ends"

    def check(value: Any) -> str | None:
        fits = isinstance(value, str) and least <= len(value) <= most and value.isprintable() and value == value.strip()
        return None if fits and text_fault(value) is None else expected

    return check


def whole(least: int, most: int) -> Check:
    """A whole number; `True` is none."""

    def check(value: Any) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"expected a whole number from {least} to {most}"

    return check


def flag(value: Any) -> str | None:
    """True or False, and nothing that merely counts as one."""
    return None if isinstance(value, bool) else "expected True or False"


def span(most: dt.timedelta, *, optional: bool = False) -> Check:
    """A time above zero; `optional`, None too."""
    expected = f"expected a datetime.timedelta above zero, at most {most.days} days{', or None' * optional}"

    def check(value: Any) -> str | None:
        if value is None and optional:
            return None
        return None if isinstance(value, dt.timedelta) and dt.timedelta(0) < value <= most else expected

    return check


def trigger(value: Any) -> str | None:
    """The name of an event that there can be, but for the one that each run of the function would send at its end."""
    if isinstance(value, (On, Cron)):
        return f"expected the name of an event: {type(value).__name__}(...) goes into triggers=[...]"
    return event_name(value) or on_fault(On(value))


def triggers(value: Any) -> str | None:
    """What runs start on, no two of them one; none where there is a `trigger`."""
    if not isinstance(value, tuple) or not all(isinstance(each, (On, Cron)) for each in value):
        return "expected a list of On(...) and Cron(...)"
    if len(value) > MOST_TRIGGERS:
        return f"expected at most {MOST_TRIGGERS} triggers, got {len(value)}"
    for each in value:
        if fault := cron_fault(each) if isinstance(each, Cron) else _on(each):
            return _of_several(value, each, fault)
    if twice := next((each for each in value if value.count(each) > 1), None):
        return f"it has the same trigger twice: {shown(twice)}"
    schedules = [(each.expr, each.tz) for each in value if isinstance(each, Cron)]
    if alike := next((each for each in schedules if schedules.count(each) > 1), None):
        return f"it has the same schedule twice: {' '.join(alike)}"
    return None


def _on(on: On) -> str | None:
    return on_fault(on) or event_name(on.event if on.prefix is None else on.prefix[:-1])


def seconds(most: float, *, zero: bool = False, optional: bool = False) -> Check:
    """A number of seconds above zero, or with `zero` from zero on; `True` is none."""
    least = "from zero on" if zero else "above zero"

    def check(value: Any) -> str | None:
        if value is None and optional:
            return None
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = fits and 0 <= value <= most and (zero or value > 0)
        return None if fits else f"expected a number of seconds {least}, at most {most:.0f}{', or None' * optional}"

    return check


def event_name(value: Any) -> str | None:
    """The name of an event that there can be."""
    if not isinstance(value, str) or len(value) > MAX_NAME or not NAME.fullmatch(value):
        return (
            f"expected the name of an event: at most {MAX_NAME} letters, digits, '_', '.', '-', with '/' between parts"
        )
    if value.startswith(OWN) and value not in (*ENDS, *OWN_CANCELS):
        return f"there is no such event of Andon's; there are {', '.join((*ENDS, *OWN_CANCELS))}"
    return None


def queue(value: Any) -> str | None:
    """A name that Redis, Dramatiq and our own queues beside it can have."""
    if not isinstance(value, str) or not QUEUE.fullmatch(value):
        return "expected 1 to 100 letters, digits, '_', '.', '-', a letter or '_' first"
    if suffix := next((each for each in OUR_SUFFIXES if value.lower().endswith(each.lower())), None):
        return f"a queue's name doesn't end in {suffix!r}, which Andon makes of it"
    return None


def rules(value: Any) -> str | None:
    """Cancel rules, no two of them one."""
    if not isinstance(value, tuple) or not all(isinstance(each, CancelOn) for each in value):
        return "expected a list of CancelOn(...)"
    if len(value) > MOST_RULES:
        return f"expected at most {MOST_RULES} rules, got {len(value)}"
    for each in value:
        if fault := rule_fault(each) or event_name(each.event):
            return _of_several(value, each, fault)
    names = [each.name for each in value]
    if twice := next((each for each in value if names.count(each.name) > 1), None):
        return f"two rules differ in nothing but remember=: {shown(twice)}"
    return None


def waits(value: Any) -> str | None:
    """What its runs wait for by a field."""
    if not isinstance(value, tuple) or len(value) > MOST_DECLARED:
        return f"expected a list of at most {MOST_DECLARED} Wait(event, match=...)"
    for each in value:
        if fault := declared_fault(each) or event_name(each.event):
            return _of_several(value, each, fault)
    return None


def code(value: Any) -> str | None:
    """What can be called with an event and a step, and returns its result: a function, or an `async def`."""
    if not callable(value):
        return "expected a function of (event, step)"
    if any(is_generator(each) for each in (value, value.__call__) for is_generator in _GENERATORS):
        return "it is a generator: use return, not yield"
    try:
        inspect.signature(value).bind(None, None)
    except TypeError:
        return "it can't be called with two arguments, (event, step)"
    except ValueError:
        pass  # a builtin that tells nothing of its arguments
    return None


_GENERATORS = (inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def optional(check: Check) -> Check:
    """None, or what the check allows."""
    return lambda value: None if value is None else check(value)


def a(kind: type[Part], fault: Callable[[Part], str | None]) -> Check:
    """None, or one of this kind, of which `fault` says what is wrong with it."""

    def check(value: Any) -> str | None:
        if value is None:
            return None
        return fault(value) if isinstance(value, kind) else f"expected {kind.__name__}(...)"

    return check


def _hooks(value: Any) -> str | None:
    fits = isinstance(value, tuple) and all(each in ("on_cancel", "on_failure") for each in value)
    return None if fits else "expected on_cancel, on_failure or both"


def key(value: Any) -> str | None:
    """What tells runs apart: a path, or CEL over the event."""
    fault = tags_fault((value,))
    return fault and "expected a path such as 'data.reportId', or CEL over event"


def debounce(value: Any) -> str | None:
    """A debounce, and its key."""
    fault = debounce_fault(value)
    return fault or (value.key is not None and key(value.key)) or None


def shape(value: Any) -> str | None:
    """A JSON Schema, as it is made of a model."""
    if not isinstance(value, Mapping):
        return "expected a dataclass, a pydantic model or a marshmallow schema"
    try:
        size = len(json.dumps(value))
    except (TypeError, ValueError):
        return "expected a model whose JSON Schema is JSON"
    return None if size <= MOST_SHAPE else f"expected a model of at most {MOST_SHAPE} bytes of JSON Schema, got {size}"


ARGUMENTS: Mapping[str, Check] = {
    "id": text(),
    "trigger": optional(trigger),
    "triggers": triggers,
    "module": text(1_000, least=0),
    "cancel_on": rules,
    "retries": whole(0, MOST_RETRIES),
    "cancel_deadline": span(LONGEST_DEADLINE, optional=True),
    "queue": queue,
    "grace": seconds(LONGEST_GRACE, zero=True),
    "fresh": flag,
    "lane_memory": optional(whole(1 << 20, 1 << 50)),
    "max_runs": whole(1, 1_000_000),
    "concurrency": flow.concurrency_fault,
    "singleton": a(flow.Singleton, flow.singleton_fault),
    "throttle": a(flow.Throttle, flow.throttle_fault),
    "rate_limit": a(flow.RateLimit, flow.rate_limit_fault),
    "timeouts": a(flow.Timeouts, flow.timeouts_fault),
    "priority": a(flow.Priority, flow.priority_fault),
    "fair": flow.key_fault,
    "tags": tags_fault,
    "idempotency": optional(key),
    "idempotency_for": span(LONGEST_DEADLINE),
    "idempotency_keep": flag,
    "debounce": optional(debounce),
    "waits": waits,
    "data": optional(shape),
    "cleanups": _hooks,
    "subject": subject_fault,
    "handler": code,
    "on_cancel": optional(code),
    "on_failure": optional(code),
}


OF_A_STEP: Mapping[str, Check] = {
    "fn": lambda value: None if callable(value) else "expected a function",
    "retries": optional(whole(0, MOST_RETRIES)),
    "timeout": seconds(LONGEST_DEADLINE.total_seconds(), optional=True),
    "grace": seconds(LONGEST_GRACE, zero=True, optional=True),
}
"""What a step may be called with."""


def check_step(id: str, **said: Any) -> None:
    """Raise `NonRetriable`, naming step and argument, where a step is called with what can't be meant."""
    for name, value in said.items():
        if fault := OF_A_STEP[name](value):
            raise NonRetriable(f"step {id!r}: {name}={shown(value)}: {fault}")


def _of_several(given: tuple[Any, ...], each: Any, fault: str) -> str:
    """The fault of one of those that were given; a single one is named already."""
    return fault if len(given) == 1 else f"{shown(each)}: {fault}"


def shown(value: Any) -> str:
    """A value as a sentence names it: never longer than a line, whatever it is."""
    try:
        text = _as_written(value)
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 120 else text[:117] + "..."


def _as_written(value: Any) -> str:
    """A declaration without what it leaves at its default, as people wrote it; of anything else its `repr`."""
    if type(value) is tuple and value and all(map(is_dataclass, value)):
        return f"[{', '.join(map(_as_written, value))}]"
    if not is_dataclass(value) or isinstance(value, type):
        return repr(value)
    said = [(each.name, getattr(value, each.name), each.default) for each in fields(value)]
    words = [f"{name}={part!r}" for name, part, default in said if part is not default]
    return f"{type(value).__name__}({', '.join(words)})"
