"""Events: what one is, what makes it valid, and how a field is found in it."""

from __future__ import annotations

import datetime as dt
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic

from andon.engine.errors import EventError
from andon.engine.storable import DEEPEST, json_fault, text_fault, time_fault

DEFAULT_TENANT = "default"
MAX_BYTES = 256 * 1024
MAX_USER_BYTES = 4 * 1024
MAX_NAME = 200
MAX_ID = 200
NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C's trace context, as a header or a field has it; its group is the trace's id."""
MISSING = object()
OWN = "andon/"
"""What the names of Andon's own events start with."""
ENDS = ("andon/function.completed", "andon/function.failed", "andon/function.cancelled")
LEVELS_OF_AN_END = 10
"""How much deeper the data of a run's end may be nested than those of its event, which they have in them."""
INVOKED = "andon/function.invoked"
"""Asks for a run of a function, with the data that it is made of."""
RUN_CANCELLED = "andon/run.cancelled"
RUNS_CANCELLED = "andon/runs.cancelled"
MOST_HOPS = 50
FANNED_HOPS = 10
"""What each further function counts that an end starts: a chain that spreads is over sooner."""
CRON = "andon/cron"
"""A tick of a function's schedule."""
SUBJECT_CANCELLED = "andon/subject.cancelled"
OWN_CANCELS = (RUN_CANCELLED, RUNS_CANCELLED, SUBJECT_CANCELLED)
"""Those that others may send too: they cancel one run, many, or the current one of a subject."""


if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Data = TypeVar("Data", covariant=True, default=Mapping[str, Any])
else:  # a default is what `Event` alone means to type checkers; the standard library has it from 3.13 on
    from typing import TypeVar

    Data = TypeVar("Data", covariant=True)


@dataclass(frozen=True)
class Again:
    """What an event says that repeats a run: it starts that function alone, from `step` on."""

    function_id: str
    run_id: uuid.UUID
    step: str | None = None


@dataclass(frozen=True)
class Event(Generic[Data]):
    """An immutable fact. `name` is `noun/past.tense`; `seq` orders it once Postgres has recorded it.

    In the handlers of a function with `data=Model`, `data` is a `Model`: `Event[Model]`.
    """

    name: str
    data: Data = field(default_factory=dict)  # type: ignore[assignment]
    id: str = ""
    ts: dt.datetime | None = None
    user: Any = None
    tenant: str = DEFAULT_TENANT
    seq: int = 0
    traceparent: str | None = None
    hops: int = 0
    """How many runs lead to it, by their ends or by what they send; 0 for an event that somebody else has sent."""

    again: Again | None = None
    """Where it repeats a run: for the dispatcher, while it makes that."""

    @property
    def trace_id(self) -> str | None:
        """The trace that the event belongs to: 32 hex digits, or None where it carries none that is well-formed."""
        return trace_id_of(self.traceparent)


def why_only_ours(name: str) -> str | None:
    """Why nobody but Andon may send an event of this name; None where others may."""
    if name in ENDS:
        return f"{name} tells of a run's end, which Andon alone can"
    if name == INVOKED:
        return f"{name} asks for a child of a run, which Andon alone can"
    return f"{name} tells of a schedule's tick, which Andon alone can" if name == CRON else None


def trace_id_of(traceparent: str | None) -> str | None:
    """The trace that a traceparent names: 32 hex digits, or None where it isn't well-formed."""
    found = TRACEPARENT.fullmatch(traceparent or "")
    return found[1] if found else None


def check_event(event: Event) -> Event:
    """Return `event` if it can be recorded; raise `EventError` naming the field otherwise.

    A trace context that is malformed is left out, as the standard for it wants.
    """
    if not isinstance(event.name, str) or not event.name:
        raise EventError("name", "expected a text such as 'report/generation.requested'")
    if len(event.name) > MAX_NAME or not NAME.fullmatch(event.name):
        raise EventError("name", f"expected at most {MAX_NAME} letters, digits, '_', '.', '-' with '/' between parts")
    if event.name.startswith(OWN) and event.name not in (*ENDS, INVOKED, CRON, *OWN_CANCELS):
        raise EventError("name", f"{OWN!r} is the beginning of Andon's own events; expected another")
    _check_text("id", event.id, 0, MAX_ID)
    _check_text("tenant", event.tenant, 1, MAX_NAME)
    if event.ts is not None and (fault := time_fault(event.ts)):
        raise EventError("ts", fault)
    if not isinstance(event.data, Mapping):
        raise EventError("data", "expected a JSON object")
    deepest = DEEPEST + LEVELS_OF_AN_END if event.name in ENDS else DEEPEST
    for name, value, most in (("data", event.data, MAX_BYTES), ("user", event.user, MAX_USER_BYTES)):
        if fault := json_fault(value, deepest=deepest):
            raise EventError(name, fault)
        if (size := len(json.dumps(value, default=dict))) > most:
            raise EventError(name, f"expected at most {most // 1024} KiB of JSON, got {size} bytes")
    return event if event.traceparent is None or event.trace_id else replace(event, traceparent=None)


def _check_text(field: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise EventError(field, f"expected a text of {least} to {most} characters")
    if fault := text_fault(value):
        raise EventError(field, fault)


def lookup(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at `path` below `data`, or `MISSING`. A JSON null is a value."""
    value: Any = data
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value
