"""Events: what one is, what makes it valid, and how a field is found in it."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.engine.errors import EventError

DEFAULT_TENANT = "default"
MAX_BYTES = 256 * 1024
MAX_NAME = 200
MAX_ID = 200
NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C's trace context, as a header or a field has it; its group is the trace's id."""
MISSING = object()
ENDS = ("andon/function.completed", "andon/function.failed", "andon/function.cancelled")


@dataclass(frozen=True)
class Event:
    """An immutable fact. `name` is `noun/past.tense`; `seq` orders it once Postgres has recorded it."""

    name: str
    data: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    ts: dt.datetime | None = None
    user: Any = None
    tenant: str = DEFAULT_TENANT
    seq: int = 0
    traceparent: str | None = None

    @property
    def trace_id(self) -> str | None:
        """The trace that the event belongs to: 32 hex digits, or None where it carries none that is well-formed."""
        found = TRACEPARENT.fullmatch(self.traceparent or "")
        return found[1] if found else None


def check_event(event: Event) -> Event:
    """Return `event` if it can be recorded; raise `EventError` naming the field otherwise."""
    if not isinstance(event.name, str) or not event.name:
        raise EventError("name", "expected a text such as 'report/generation.requested'")
    if len(event.name) > MAX_NAME or not NAME.fullmatch(event.name):
        raise EventError("name", f"expected at most {MAX_NAME} letters, digits, '_', '.', '-' with '/' between parts")
    if not isinstance(event.data, Mapping):
        raise EventError("data", "expected a JSON object")
    if len(event.id) > MAX_ID or "\x00" in event.id:
        raise EventError("id", f"expected a text of at most {MAX_ID} characters")
    if not event.tenant or len(event.tenant) > MAX_NAME or "\x00" in event.tenant:
        raise EventError("tenant", f"expected a text of 1 to {MAX_NAME} characters")
    try:
        size = len(json.dumps([event.data, event.user], allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise EventError("data", "expected JSON (no NaN or Infinity)") from None
    if size > MAX_BYTES:
        raise EventError("data", f"expected at most {MAX_BYTES // 1024} KiB of JSON, got {size} bytes")
    return event


def lookup(data: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """The value at `path` below `data`, or `MISSING`. A JSON null is a value."""
    value: Any = data
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value
