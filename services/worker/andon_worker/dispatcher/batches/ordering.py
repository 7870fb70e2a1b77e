"""The places of new runs at doors, where they aren't those of their arrival: by priority, and fair between keys."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from andon.adapters.cel import value_of
from andon.adapters.postgres.connect import Connection, now
from andon.adapters.postgres.doors import orders
from andon.adapters.postgres.doors.orders import Tag
from andon.engine.declared.gates import fair_key, gates_for, seconds_ahead

if TYPE_CHECKING:
    from andon_worker.dispatcher.batches.batch import NewRun

SECOND, MICROSECOND = dt.timedelta(seconds=1), dt.timedelta(microseconds=1)


def places(connection: Connection, runs: Sequence[NewRun]) -> dict[uuid.UUID, dt.datetime]:
    """Where these runs stand, of those that are ordered by more than their arrival."""
    ordered = [run for run in runs if run.gate_keys and (run.function.priority is not None or run.function.fair)]
    if not ordered:
        return {}
    arrived = now(connection)
    ahead = {run.id: seconds_ahead(run.function, run.event, value_of) * SECOND for run in ordered}
    found = {run.id: arrived + n * MICROSECOND - ahead[run.id] for n, run in enumerate(ordered)}
    tags = {run.id: tag for run in ordered if (tag := _tag(run))}
    if tags:
        heads = orders.heads(connection, {door for door, _ in tags.values()})
        last = orders.last(connection, set(tags.values())) if heads else {}
        for n, run in enumerate(ordered):
            if (tag := tags.get(run.id)) is not None:
                behind = [last[tag] + SECOND] if tag in last else []
                last[tag] = max([heads.get(tag[0], arrived), *behind])
                found[run.id] = last[tag] + n * MICROSECOND - ahead[run.id]
        orders.keep(connection, {tag: last[tag] for tag in tags.values()})
    return found


def _tag(run: NewRun) -> Tag | None:
    """The first door at which all of the function's runs may have to wait, and the key between which that is fair."""
    if not run.function.fair:
        return None
    gates = zip(gates_for(run.function, run.event), run.gate_keys, strict=True)
    try:
        return next(key for gate, key in gates if gate.wide), fair_key(run.function, run.event, value_of)
    except ValueError:
        return None
