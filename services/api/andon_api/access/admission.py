"""What a caller may put on the bus: by scope, by kind of event, and by how many of their runs wait already."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import select

from andon.adapters.postgres.access.room import REMEMBERED_SECONDS, Room
from andon.adapters.postgres.models import FunctionRow, RuleRow
from andon.adapters.postgres.registered.functions import REGISTERED_WITHIN, stored_triggers
from andon.adapters.postgres.registered.rules import stored_rules
from andon.engine.data.shapes import fault
from andon.engine.declared.triggers import On, parts_of
from andon.engine.events import OWN_CANCELS, Event
from andon_api.database import Row, connection, rows
from andon_api.http.problems import FieldErrors, Problem
from andon_api.principal import principal

EXTENSION = "andon-admission"
RETRY_SECONDS = "10"
_FUNCTION = FunctionRow.__table__
_RULE = RuleRow.__table__


@dataclass(frozen=True)
class Names:
    """The events that start runs, and those that stop some."""

    triggers: frozenset[str]
    cancels: frozenset[str]
    prefixes: frozenset[str] = frozenset()
    """What the names of events begin with that a wildcard covers."""
    shapes: tuple[tuple[On, Mapping[str, Any]], ...] = ()
    """What the data of the events are to be that start a function without conditions, as JSON Schema."""

    def starts(self, name: str) -> bool:
        """Whether an event of this name can start runs."""
        return name in self.triggers or (bool(self.prefixes) and not self.prefixes.isdisjoint(parts_of(name)))


class Admission:
    """One app's. `most_queued` is how many runs of a tenant may wait, counted anew every two seconds."""

    def __init__(self, most_queued: int) -> None:
        self._room = Room(most_queued)
        self._names: tuple[float, Names] | None = None

    def names(self) -> Names:
        """What the registered functions start on and are cancelled by."""
        kept = self._names
        if kept is None or time.monotonic() >= kept[0]:
            kept = self._names = (time.monotonic() + REMEMBERED_SECONDS, _read_names())
        return kept[1]

    def has_room(self, tenant: str, events: int) -> bool:
        """Whether fewer runs of the tenant wait than may, with what the bus has still; if so, so many more do now."""
        return self._room.has(tenant, events, connection)


def admit(events: Sequence[Event]) -> None:
    """Raise a `Problem` unless the caller may send all of these. The queue's length turns no cancel away."""
    who = principal()
    if who.key_id is None:
        return
    admission: Admission = current_app.extensions[EXTENSION]
    names = admission.names()
    for event in events:
        cancels = event.name in names.cancels
        if cancels and "cancel" not in who.scopes:
            raise Problem(403, f"{event.name} cancels runs: this takes a key with the scope cancel.")
        if (not cancels or names.starts(event.name)) and "write" not in who.scopes:
            raise Problem(403, f"{event.name}: this takes a key with the scope write.")
    starting = sum(names.starts(event.name) for event in events)
    if starting and not admission.has_room(who.tenant, starting):
        raise Problem(
            429,
            "Too many of your runs wait already; cancel some, or come back.",
            headers={"Retry-After": RETRY_SECONDS},
        )


def check_data(events: Sequence[Event]) -> None:
    """Raise `FieldErrors` for each whose data aren't what the functions that it starts expect."""
    shapes = current_app.extensions[EXTENSION].names().shapes
    wrong = []
    for place, event in enumerate(events):
        faults = (fault(shape, event.data) for on, shape in shapes if on.covers(event.name))
        if (found := next(filter(None, faults), None)) is not None:
            at = f"/{place}" if len(events) > 1 else ""
            wrong.append((f"{at}/{found.path.replace('.', '/')}", found.expected))
    if wrong:
        raise FieldErrors(wrong)


def _read_names() -> Names:
    functions = rows(select(_FUNCTION.c.cancel_on, _FUNCTION.c.settings, _FUNCTION.c.seen_at))
    cancels = {rule.event for each in functions for rule in stored_rules(each["cancel_on"])}
    former = {each["event"] for each in rows(select(_RULE.c.event).distinct().where(_RULE.c.retired_at.is_not(None)))}
    triggers = [On(on["event"]) for each in functions for on in stored_triggers(each["settings"]) if "event" in on]
    return Names(
        frozenset(each.event for each in triggers),
        frozenset({*OWN_CANCELS, *cancels, *former}),
        frozenset(each.prefix for each in triggers if each.prefix is not None),
        tuple(shape for each in _registered(functions) for shape in _shapes(each)),
    )


def _registered(functions: Sequence[Row]) -> Iterator[Row]:
    """Without those that are gone: a dispatcher that starts has seen all that are there within a moment."""
    newest = max((each["seen_at"] for each in functions), default=None)
    return (each for each in functions if newest - each["seen_at"] < REGISTERED_WITHIN)


def _shapes(function: Row) -> Iterator[tuple[On, Mapping[str, Any]]]:
    settings = function["settings"] if isinstance(function["settings"], dict) else {}
    shape = (settings.get("declaration") or {}).get("data")
    if isinstance(shape, dict):
        yield from ((On(on["event"]), shape) for on in stored_triggers(settings) if "event" in on and not on.get("if"))
