"""Where dispatchers of several partitions could miss each other's half of a pair: one waits for the other.

Reading what is committed, the transaction that makes a run sees no cancel, and the one that records the cancel sees no
run, when neither has committed yet. So each takes a lock per cancel key that it may write, before it writes: whoever
comes second sees what the first has done. The keys are taken in one order, so nobody waits in a circle.

Wide cancels have no keys. A sweep waits for the batches under way, and those after it see the wide cancel itself.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg

from andon.engine.events import Event
from andon.engine.functions import Registry
from andon.engine.rules import cancel_key

BATCHES, KEYS = 0x616E646F, 0x616E6470  # spaces of advisory locks
MOST_KEYS = 400  # the server's table of locks has room for some thousands

_WITH_BATCHES = "SELECT pg_advisory_xact_lock_shared(%s, 0)"
_WITHOUT_BATCHES = "SELECT pg_advisory_xact_lock(%s, 0)"
_LOCK_KEYS = "SELECT pg_advisory_xact_lock(%s, k) FROM unnest(%s::int[]) k"
_WIDE_IS_OPEN = "SELECT EXISTS (SELECT FROM andon.wide_cancellations WHERE status <> 'done')"


def lock_batch(connection: psycopg.Connection[Any], registry: Registry, events: Iterable[Event]) -> None:
    """Wait for those who handle the other half of a pair, until the caller's transaction ends.

    A batch with very many keys runs beside no other.
    """
    numbers = sorted({_number(key) for event in events for key in _keys(registry, event)})
    if len(numbers) > MOST_KEYS:
        connection.execute(_WITHOUT_BATCHES, [BATCHES])
        return
    connection.execute(_WITH_BATCHES, [BATCHES])
    if numbers:
        connection.execute(_LOCK_KEYS, [KEYS, numbers])


def lock_sweep(connection: psycopg.Connection[Any]) -> bool:
    """Wait until no batch is under way, if there is a wide cancel to apply, which it returns."""
    [is_open] = connection.execute(_WIDE_IS_OPEN).fetchone() or [False]
    if is_open:
        connection.execute(_WITHOUT_BATCHES, [BATCHES])
    return bool(is_open)


def _keys(registry: Registry, event: Event) -> Iterator[uuid.UUID]:
    """What an event's runs can be cancelled by, and what it cancels by."""
    rules = [(each, rule) for each in registry.triggered_by(event.name) for rule in each.cancel_on]
    for function, rule in [*rules, *registry.cancelled_by(event.name)]:
        key = cancel_key(event.tenant, function.id, rule, event.data)
        if key is not None:
            yield key


def _number(key: uuid.UUID) -> int:
    """A key as PostgreSQL's 32-bit number of a lock; two keys with one number only wait for each other."""
    return int.from_bytes(key.bytes[:4], signed=True)
