"""Of runs with the same idempotency key one is made; a key whose run was cancelled or has failed may be used again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING

from andon.adapters.cel import Evaluations
from andon.adapters.keying import value_under
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events import idempotency
from andon.adapters.postgres.events.idempotency import Holder
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.functions import Registry
from andon.engine.declared.rules import cancel_key, digest
from andon.engine.events import Event

if TYPE_CHECKING:
    from andon_worker.dispatcher.batches.batch import NewRun


Keys = dict[uuid.UUID, uuid.UUID]
"""By run."""


def admit(
    connection: Connection, registry: Registry, events: Sequence[Event], runs: Sequence[NewRun]
) -> tuple[Keys, list[NewRun], list[Skip]]:
    """Those of the runs that may be made, with their keys, and why the others aren't.

    `events` are the batch's: some may be cancels.
    """
    keys = {run.id: key for run in runs if run.function.idempotency and (key := _key(run))}
    if not keys:
        return {}, list(runs), []
    holders = idempotency.holders(connection, list(set(keys.values())))
    made, skipped = [], []
    for run in sorted(runs, key=lambda run: run.event.seq):
        key = keys.get(run.id)
        if key is None:
            made.append(run)
            continue
        holder, function = holders.get(key), run.function
        if holder is not None and not _is_void(registry, function, holder, run.event.seq, events):
            skipped.append(Skip(run.event.seq, function.id, Reason.IDEMPOTENT, holder.run_id))
            continue
        holders[key] = Holder(run.id, run.event)
        made.append(run)
    return keys, made, skipped


def use(connection: Connection, keys: Keys, runs: Sequence[NewRun]) -> None:
    """Note what the keys of those that are made were used for."""
    made = [(keys[run.id], run) for run in sorted(runs, key=lambda run: run.event.seq) if run.id in keys]
    idempotency.use(connection, {key: (run.id, run.function.idempotency_for) for key, run in made})


def _key(run: NewRun) -> uuid.UUID | None:
    """Where the field isn't there, or the expression has no value, nothing tells that two runs are one."""
    value = value_under(run.function.idempotency, run.event)
    return None if value is None else digest([run.event.tenant, "idempotency", run.function.id, value])


def _is_void(registry: Registry, function: Declaration, holder: Holder, seq: int, events: Sequence[Event]) -> bool:
    """Whether the key is free again: its run was cancelled, has failed, or is cancelled by what this batch brings."""
    if function.idempotency_keep:
        return False
    began = holder.event
    between = [each for each in events if began and began.seq < each.seq < seq]
    return holder.void or (began is not None and any(_stops(registry, function, began, each) for each in between))


def _stops(registry: Registry, function: Declaration, trigger: Event, event: Event) -> bool:
    for function_id, rule in registry.cancelled_by(event.name):
        if function_id != function.id:
            continue
        key = cancel_key(trigger.tenant, function_id, rule, trigger.data)
        meets = rule.wide or (key is not None and key == cancel_key(event.tenant, function_id, rule, event.data))
        same = trigger.tenant == event.tenant
        if same and meets and (rule.if_ is None or Evaluations().hold(rule.if_, trigger, event)):
            return True
    return False
