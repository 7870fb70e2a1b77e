"""Children: made of the events by which their parents ask for them, and what their ends mean to those.

A child is made while its parent's row is held, and only while that isn't asked to stop: whoever cancels the parent
waits for the batch, and the cancel's event finds the child.
"""

import uuid
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from andon.adapters.cel import value_of
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events.arrivals import Hit
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.adapters.postgres.runs import children
from andon.adapters.postgres.runs.children import Adopted, Parent, hold_parents
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import gates_for, holds_while_waiting, is_limited
from andon.engine.events import ENDS, MOST_HOPS, Event
from andon.engine.ids import parse_id
from andon.engine.steps.invoking import ABANDON, CANCEL, WAIT, Invocation, invocation_of


@dataclass(frozen=True)
class Birth:
    """A child to be made: its run's id, its function and its event. Without a parent it is one that is run again."""

    id: uuid.UUID
    function: Declaration
    event: Event
    said: Invocation


@dataclass
class Births:
    """The children that events ask for, and those that can't be made: what is kept of it, and told to the parent."""

    made: list[Birth] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    refused: list[Hit] = field(default_factory=list)


def plan_births(connection: Connection, registry: Registry, events: Sequence[Event]) -> Births:
    """What comes of the events that ask for children. Holds the parents' rows; all other locks are taken before."""
    asked = [(each, said) for each in events if (said := invocation_of(each)) is not None]
    births = Births()
    if not asked:
        return births
    parents = hold_parents(connection, {id for _, said in asked if (id := parse_id(said.parentRunId)) is not None})
    held = _held(connection, registry, parents) if any(_limited(registry, said) for _, said in asked) else {}
    for event, said in asked:
        run_id, parent_id = parse_id(said.runId), parse_id(said.parentRunId)
        if run_id is None:
            continue
        if said.parentRunId is not None and _has_stopped(event, said, parents.get(parent_id) if parent_id else None):
            births.skipped.append(Skip(event.seq, said.functionId, Reason.PARENT_CANCELLED, by_run=parent_id))
            continue
        function = registry.get(said.functionId)
        why = _refusal(function, event) or _waits_for_itself(function, event, held.get(parent_id, ()))
        if function is not None and why is None:
            births.made.append(Birth(run_id, function, event, said))
        elif parent_id is not None:
            births.refused.append(_told(parent_id, said, *(why or ("", ""))))
    return births


def _limited(registry: Registry, said: Invocation) -> bool:
    function = registry.get(said.functionId)
    return function is not None and is_limited(function)


def _has_stopped(event: Event, said: Invocation, parent: Parent | None) -> bool:
    """Whether the parent is one of which no child is made any more."""
    if parent is None or parent.tenant != event.tenant:
        return True
    failed = parent.status == "failed" and said.onFailure == CANCEL
    return (said.onCancel != ABANDON and (parent.cancelled or parent.status == "cancelled")) or failed


def _refusal(function: Declaration | None, event: Event) -> tuple[str, str] | None:
    if function is None:
        return "UNKNOWN_FUNCTION", "there is no such function; see ANDON_FUNCTIONS"
    if event.hops >= MOST_HOPS:
        return "CHILD_FAILED", f"runs that start each other: this is hop {MOST_HOPS} and the last"
    return None


def _held(
    connection: Connection, registry: Registry, parents: Collection[uuid.UUID]
) -> dict[uuid.UUID | None, set[uuid.UUID]]:
    """The slots that are kept while children go: by these runs, and by those that wait for them in turn."""
    found: dict[uuid.UUID | None, set[uuid.UUID]] = {}
    for below, function_id, key in children.held_above(connection, parents):
        function = registry.get(function_id)
        if function is not None and holds_while_waiting(function):
            found.setdefault(below, set()).add(key)
    return found


def _waits_for_itself(
    function: Declaration | None, event: Event, held: Collection[uuid.UUID]
) -> tuple[str, str] | None:
    for limit in gates_for(function, event) if function is not None and held else ():
        with suppress(ValueError):  # such a child fails
            if limit.rate is None and limit.key_of(event, value_of) in held:
                return (
                    "CHILD_FAILED",
                    f"it would wait for a slot that its parent holds: {limit.kind}, key={limit.key!r}",
                )
    return None


def _told(parent: uuid.UUID, said: Invocation, code: str, why: str) -> Hit:
    step = str(said.parentStep)
    message = f"Function {said.functionId!r} was not run: {why}"
    error = {"type": "ChildFailed", "code": code, "message": message, "step": step, "functionId": said.functionId}
    return Hit(parent, step, error=error)


def rate_limited(births: Births, skips: Sequence[Skip]) -> list[Hit]:
    """What to tell the parents of children that a rate limit has kept from being made."""
    late = {each.event_seq for each in skips}
    return [
        _told(parent, each.said, "RATE_LIMITED", "its rate limit was reached")
        for each in births.made
        if each.event.seq in late and (parent := parse_id(each.said.parentRunId)) is not None
    ]


def adopt(connection: Connection, births: Births) -> None:
    """Say of the runs that were made of these whose children they are."""
    adopted = [
        Adopted(each.id, parent, str(each.said.parentStep), each.said.onCancel == WAIT)
        for each in births.made
        if (parent := parse_id(each.said.parentRunId)) is not None
    ]
    children.adopt(connection, adopted)


def ended(events: Sequence[Event]) -> tuple[list[uuid.UUID], list[uuid.UUID]]:
    """Of these events, the children that have ended, and the runs whose children are perhaps to be cancelled."""
    ends = [(each, id) for each in events if each.name in ENDS and (id := parse_id(each.data.get("runId"))) is not None]
    of_parents = [id for each, id in ends if each.data.get("parentRunId") is not None]
    return of_parents, [id for each, id in ends if each.name != ENDS[0]]
