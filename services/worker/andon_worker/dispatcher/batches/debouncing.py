"""Of events that follow each other closely the newest gets a run, which is pending until it has been quiet."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from andon.adapters.keying import value_under
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors import pending
from andon.adapters.postgres.doors.pending import Newest
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.engine.declared.rules import digest

if TYPE_CHECKING:
    from andon_worker.dispatcher.batches.batch import NewRun


def collapse(connection: Connection, runs: Sequence[NewRun]) -> tuple[list[NewRun], list[Skip]]:
    """The runs with those that are pending marked so, and older events left out. One that takes the place of an older
    event has the id of that one's run.

    Where a key has no value all such events count together: a run is late rather than made too often.
    """
    if not any(run.function.debounce for run in runs):
        return list(runs), []
    newest: dict[uuid.UUID, NewRun] = {}
    others, passed = [], []
    for run in sorted(runs, key=lambda run: run.event.seq):
        if run.function.debounce is None or run.fault:
            others.append(run)
            continue
        key = _key(run)
        if key in newest:
            passed.append((key, newest[key].event.seq))
        newest[key] = replace(run, debounce_key=key)
    held = pending.replace(connection, [_asked(run) for run in newest.values()]) if newest else {}
    for key, (id, seq) in held.items():
        newest[key] = replace(newest[key], id=id, replaces=True)
        passed.append((key, seq))
    skips = [Skip(seq, newest[key].function.id, Reason.DEBOUNCED, newest[key].id) for key, seq in passed]
    return [*others, *newest.values()], skips


def _key(run: NewRun) -> uuid.UUID:
    debounce = run.function.debounce
    value = value_under(debounce.key if debounce else None, run.event)
    return digest([run.event.tenant, "debounce", run.function.id, value])


def _asked(run: NewRun) -> Newest:
    debounce = run.function.debounce
    assert debounce is not None
    assert run.debounce_key is not None
    door = next(iter(run.gate_keys), None)
    keys = run.gate_array
    return Newest(run.debounce_key, run.event.seq, run.subject_id, debounce.period, debounce.longest, door, keys)
