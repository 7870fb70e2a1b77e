"""How a run asks for a child: the event by which the dispatcher makes it, and what that says of the two.

The event has the data that the child was invoked with, so that cancel rules, limits and conditions find their fields
as in any other; what Andon needs to know stands beside them under one key, which no handler sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from andon.engine.declared.functions import Function
from andon.engine.errors import EventError, NonRetriable
from andon.engine.events import INVOKED, RUN_CANCELLED, Event, check_event
from andon.engine.steps.sending import event_id

KEY = "_andon"
MOST_DEPTH = 10
CANCEL, WAIT, ABANDON = "cancel", "wait", "abandon"


@dataclass(frozen=True)
class Child:
    """A run that this one has started: what `step.result` is given."""

    run_id: str
    function_id: str
    step: str


@dataclass(frozen=True)
class Invocation:
    """What an invoked run's event says of it beside its data. Without a parent, it is a child that was run again."""

    functionId: str
    runId: str
    parentRunId: str | None = None
    parentStep: str | None = None
    depth: int = 1
    onCancel: str = CANCEL
    onFailure: str = ABANDON


def invoked(
    parent: Event, run_id: str, step: str, child: str, function: object, data: object, on_cancel: str, on_failure: str
) -> tuple[Invocation, Event]:
    """The event that asks for the child, `child` being its run's id.

    Raises `NonRetriable` naming the step and the argument where it can't be meant, or the tree is too deep.
    """
    if on_cancel not in (CANCEL, WAIT, ABANDON):
        raise NonRetriable(f"step {step!r}: on_cancel={on_cancel!r:.40}: expected 'cancel', 'wait' or 'abandon'")
    if on_failure not in (CANCEL, ABANDON):
        raise NonRetriable(f"step {step!r}: on_failure={on_failure!r:.40}: expected 'cancel' or 'abandon'")
    if not isinstance(data, Mapping) or KEY in data:
        raise NonRetriable(f"step {step!r}: data: expected a JSON object without {KEY!r}, not {data!r:.80}")
    above = invocation_of(parent)
    depth = (above.depth if above else 0) + 1
    if depth > MOST_DEPTH:
        raise NonRetriable(f"step {step!r}: a run has at most {MOST_DEPTH} others above it, and this one has them")
    said = Invocation(function_id_of(step, function), child, run_id, step, depth, on_cancel, on_failure)
    event = Event(INVOKED, {**data, KEY: asdict(said)}, event_id(run_id, step, 0), tenant=parent.tenant)
    try:
        return said, check_event(event)
    except EventError as error:
        raise NonRetriable(f"step {step!r}: {error}") from None


def function_id_of(step: str, function: object) -> str:
    """The id of a function that is given as itself or by its id."""
    found = function.id if isinstance(function, Function) else function
    if not isinstance(found, str) or not 1 <= len(found) <= 200:
        raise NonRetriable(f"step {step!r}: function: expected a function or its id, not {function!r:.80}")
    return found


def invocation_of(event: Event) -> Invocation | None:
    """What the event of an invoked run says; None of any other event, and of one that says it wrongly."""
    said = event.data.get(KEY)
    if event.name != INVOKED or not isinstance(said, Mapping):
        return None
    try:
        return Invocation(**said)
    except TypeError:
        return None


def as_handlers_see(event: Event) -> Event:
    """The event without what is Andon's in it."""
    if event.name != INVOKED:
        return event
    return replace(event, data=given(event.data))


def given(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a run was given, of its event's data: without what is Andon's in those of a child."""
    return {key: value for key, value in data.items() if key != KEY}


def invoked_again(event_data: Mapping[str, Any], run_id: str) -> dict[str, Any]:
    """The data of an event by which a child's function runs again, for nobody."""
    said = event_data[KEY]
    return {**event_data, KEY: asdict(Invocation(said["functionId"], run_id))}


def timed_out(run_id: str, step: str, tenant: str, child: str) -> Event:
    """The cancel of a child that its parent waits for no longer."""
    data = {"runId": child, "reason": f"its parent's step {step!r} has waited long enough"[:200]}
    return Event(RUN_CANCELLED, data, event_id(run_id, step, 1), tenant=tenant)
