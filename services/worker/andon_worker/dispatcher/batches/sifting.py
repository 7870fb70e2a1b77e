"""Which of the runs that a batch would make are made: what idempotency and a rate limit drop, what a debounce puts by,
and what a singleton drops or replaces.

Runs are looked at in the order of their events. Only the dispatcher that leads makes runs, so what it sees open and
spends is true until its transaction ends.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from andon.adapters.cel import value_of
from andon.adapters.postgres.cancels import keyed
from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.keyed import KeyedCancel
from andon.adapters.postgres.cancels.marks import Mark
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors.rates import Rates
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import gates_of, rate_limit_of
from andon.engine.events import Event
from andon_worker.dispatcher.batches import debouncing, idempotency

if TYPE_CHECKING:
    from andon_worker.dispatcher.batches.batch import NewRun

Sifted = tuple[list["NewRun"], list[Skip]]


def singletons_of(registry: Registry, events: Sequence[Event]) -> set[uuid.UUID]:
    """The keys of singletons that runs of these events may have: what is under them has to be locked first."""
    keys = set()
    for event in events:
        for start in registry.started_by(event):
            if start.function.singleton is not None:
                with suppress(ValueError):  # such a run fails
                    keys.add(gates_of(start.function)[0].key_of(event, value_of))
    return keys


def sift(connection: Connection, registry: Registry, events: Sequence[Event], planned: Sequence[NewRun]) -> Sifted:
    """The runs to be made, and what starts none and why. What repeats a run is made."""
    asked, planned = _apart(planned)
    keys, runs, same = idempotency.admit(connection, registry, events, planned)
    runs, limited = within_rate_limits(connection, runs)
    runs, passed = debouncing.collapse(connection, runs)
    runs, skipped = _one_at_a_time(connection, runs)
    idempotency.use(connection, keys, runs)
    return [*runs, *asked], [*same, *limited, *passed, *skipped]


def _apart(planned: Sequence[NewRun]) -> tuple[list[NewRun], list[NewRun]]:
    asked = [run for run in planned if run.event.again is not None]
    return asked, [run for run in planned if run.event.again is None] if asked else list(planned)


def within_rate_limits(connection: Connection, planned: Sequence[NewRun]) -> Sifted:
    """Those that their functions' rates let through, and the others."""
    gates = {run.function.id: gate for run in planned if (gate := rate_limit_of(run.function))}
    if not gates:
        return list(planned), []
    runs: list[NewRun] = []
    skipped: list[Skip] = []
    keys: dict[uuid.UUID, uuid.UUID] = {}
    faults: dict[uuid.UUID, str] = {}
    timed = {}
    for run in planned:
        if gate := gates.get(run.function.id):
            try:
                keys[run.id] = gate.key_of(run.event, value_of)
            except ValueError as error:
                faults[run.id] = f"rate_limit: key={gate.key!r:.200} has no value: {error}"
            else:
                assert gate.rate is not None
                timed[keys[run.id]] = gate.rate
    rates = Rates()
    rates.read(connection, timed)
    for run in planned:
        if fault := faults.get(run.id):
            runs.append(replace(run, fault=fault))
        elif run.id in keys and rates.free(keys[run.id]) <= 0:
            skipped.append(Skip(run.event.seq, run.function.id, Reason.RATE_LIMITED))
        else:
            runs.append(run)
            if run.id in keys:
                rates.spend(keys[run.id])
    rates.write(connection)
    return runs, skipped


def _one_at_a_time(connection: Connection, planned: Sequence[NewRun]) -> Sifted:
    """Without those for which a run of the same key is open, where their function wants them skipped."""
    wanted = [run.singleton for run in planned if run.singleton and run.mode == "skip"]
    open_by_key: dict[uuid.UUID, uuid.UUID] = {}
    for key, id, _ in keyed.singletons(connection, wanted):
        open_by_key.setdefault(key, id)
    runs, skipped = [], []
    for run in planned:
        if run.singleton and run.mode == "skip" and not run.replaces:  # such a run is there already
            other = open_by_key.setdefault(run.singleton, run.id)
            if other != run.id:
                skipped.append(Skip(run.event.seq, run.function.id, Reason.SINGLETON, other))
                continue
        runs.append(run)
    return runs, skipped


def replacing(runs: Sequence[NewRun]) -> list[KeyedCancel]:
    """The cancels that new runs are to the older ones of their keys: the newest of each key stops all the others."""
    newest = {key: run for run in runs for key in run.stops_older}
    return [
        KeyedCancel(_without_data(run.event), key, run.function.id, cause=CancelCause.SINGLETON)
        for key, run in newest.items()
    ]


def overtaken(connection: Connection, runs: Sequence[NewRun]) -> list[Mark]:
    """Of all that wait to be let in, those behind which one of these new runs stands that doesn't repeat another."""
    new = [run for run in runs if run.event.again is None]
    newest = {run.singleton: run for run in new if run.singleton and run.mode == "latest"}
    waiting = keyed.singletons(connection, list(newest), waiting=True)
    return [
        Mark(id, newest[key].event, CancelCause.SINGLETON) for key, id, seq in waiting if seq < newest[key].event.seq
    ]


def _without_data(event: Event) -> Event:
    """The event as what cancels: none of its data is a reason."""
    return replace(event, data={})
