"""Accept events, and stop in the same transaction the runs that they cancel by a field or by their id.

Once an event is accepted, no run that it cancels completes any more: the run is marked by then, made later as
cancelled, or, where they are a great many, kept from being claimed until the sweeper has come by.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres import cancellations, rules, wide
from andon.adapters.postgres.cancellations import KeyedCancel
from andon.adapters.postgres.inbox import accept
from andon.adapters.postgres.marks import mark
from andon.adapters.postgres.own_events import WideCancel
from andon.adapters.postgres.rules import Rule
from andon.adapters.postgres.settle import lock_reports
from andon.engine.events import RUN_CANCELLED, Event
from andon.engine.rules import run_flag

MOST_AT_ONCE = 500


class Accepted(NamedTuple):
    """What to publish once it is committed, the flags to raise (name -> seq), and the runs that are stopped.

    `stopped` is None where they are too many to be named.
    """

    events: list[Event]
    flags: dict[str, int]
    stopped: list[uuid.UUID] | None


def cancels_any(connection: psycopg.Connection[Any], events: Sequence[Event]) -> dict[str, list[Rule]] | None:
    """The rules by which these events may cancel runs, by the event's name; None if none of them cancels any."""
    found = rules.by_a_field(connection, (each.name for each in events))
    return found if found or any(each.name == RUN_CANCELLED for each in events) else None


def accept_cancels(
    connection: psycopg.Connection[Any], events: Sequence[Event], known: dict[str, list[Rule]]
) -> Accepted:
    """Record the events that are new and stop what they cancel by `known`, in the caller's transaction."""
    fresh = accept(connection, events)
    cancels = [each for event in fresh for each in cancellations.cancels_by(known.get(event.name, ()), event).values()]
    cancellations.hold(connection, [each.key for each in cancels])
    cancellations.store(connection, cancels)
    flags = {each.flag: each.event.seq for each in cancels if each.flag}
    found = cancellations.open_runs(connection, [each.key for each in cancels], limit=MOST_AT_ONCE + 1)
    if len(found) > MOST_AT_ONCE:
        _store_wide(connection, cancels)
        return Accepted(fresh, flags, None)
    lock_reports(connection, sorted({report for report in found.values() if report is not None}))
    keyed = cancellations.pairs(connection, runs=[], cancels=cancels)
    marks = [*cancellations.runs_by_id(connection, fresh), *keyed.marks]
    seqs = {each.run_id: each.event.seq for each in reversed(marks)}
    marked = mark(connection, marks)
    ended = [each.event for each in marked.settled if each.event]
    flags |= {run_flag(id): seqs[id] for id in marked.cancelling}
    return Accepted([*fresh, *ended], flags, [*marked.cancelling, *(each.run_id for each in marked.settled)])


def _store_wide(connection: psycopg.Connection[Any], cancels: Iterable[KeyedCancel]) -> None:
    for each in cancels:
        cancel = WideCancel(each.function_id, expression=each.expression, remember=each.remember, key=each.key)
        wide.store(connection, each.event, cancel)
