"""The cancels of Andon's own that anybody who may cancel may send as events: one run by its id, many at once."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from andon.adapters.cel import check_expression
from andon.engine.declared.arguments import text
from andon.engine.declared.subjects import id_text
from andon.engine.declared.tags import tag_fault, tag_key
from andon.engine.errors import EventError
from andon.engine.events import OWN_CANCELS, RUN_CANCELLED, RUNS_CANCELLED, SUBJECT_CANCELLED, Event
from andon.engine.ids import parse_id
from andon.engine.storable import time_fault

LONGEST_REASON = 2_000


@dataclass(frozen=True)
class WideCancel:
    """Which runs a wide cancel stops: those of one function, made in a time, of which an expression is true.

    Without a function (`""`), those that have the key.
    """

    function_id: str
    started_after: dt.datetime | None = None
    started_before: dt.datetime | None = None
    expression: str | None = None
    remember: dt.timedelta | None = None
    rules: tuple[uuid.UUID, ...] | None = None
    """Only runs that were made with one of them; None is all."""
    keys: tuple[uuid.UUID, ...] | None = None
    """Only runs that can be cancelled by one of them: of a cancel by a field that stops a great many."""


def check_own(event: Event) -> Event:
    """Return `event` unless it is a cancel of ours whose data aren't; raises `EventError` naming the field then."""
    try:
        if event.name in OWN_CANCELS:
            _check_reason(event.data.get("reason"))
        if event.name == RUN_CANCELLED and parse_id(event.data.get("runId")) is None:
            raise ValueError("runId: expected the id of a run")
        if event.name == SUBJECT_CANCELLED:
            if not isinstance(event.data.get("kind"), str):
                raise ValueError("kind: expected the kind of a subject")
            if id_text(event.data.get("id")) is None:
                raise ValueError("id: expected the id of a subject")
        if event.name == RUNS_CANCELLED:
            parse_bulk(event)
    except ValueError as error:
        raise EventError("data", str(error)) from None
    return event


def parse_bulk(event: Event) -> WideCancel:
    """A bulk cancel as its event's data tells it; raises `ValueError` naming the field."""
    data = event.data
    function_id, expression, tag = data.get("functionId"), data.get("if"), data.get("tag")
    if (tag is None or function_id is not None) and (fault := text()(function_id)):
        raise ValueError(f"functionId: {fault}")
    if tag is not None and (fault := tag_fault(tag)):
        raise ValueError(f"tag: {fault}")
    if expression is not None:
        if not isinstance(expression, str):
            raise ValueError("if: expected a text, a CEL expression")
        try:
            check_expression(expression)
        except ValueError as error:
            raise ValueError(f"if: {error}") from None
    keys = None if tag is None else (tag_key(event.tenant, tag),)
    return WideCancel(
        function_id or "", _time(data, "startedAfter"), _time(data, "startedBefore"), expression, keys=keys
    )


def _time(data: Mapping[str, Any], field: str) -> dt.datetime | None:
    given = data.get(field)
    if given is None:
        return None
    try:
        time = dt.datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise ValueError(f"{field}: expected an RFC 3339 time, got {given!r:.80}") from None
    time = time if time.tzinfo else time.replace(tzinfo=dt.UTC)
    if fault := time_fault(time):
        raise ValueError(f"{field}: {fault}")
    return time


def _check_reason(reason: Any) -> None:
    if reason is not None and not (isinstance(reason, str) and len(reason) <= LONGEST_REASON):
        raise ValueError(f"reason: expected a text of at most {LONGEST_REASON} characters")
