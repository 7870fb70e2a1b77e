"""Idempotency keys of functions: the run that a key was used for, and until when."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from andon.adapters.postgres.connect import Connection, columns
from andon.adapters.postgres.events.inbox import event_of_row
from andon.engine.events import Event

_HOLDERS = """
SELECT d.key, d.run_id, r.cancel_requested_at IS NOT NULL OR r.status = 'failed',
    e.seq, e.tenant, e.id, e.name, e.data, e.ts, e."user", e.traceparent, e.hops
FROM andon.dedup d LEFT JOIN andon.runs r ON r.id = d.run_id LEFT JOIN andon.events e ON e.seq = r.event_seq
WHERE d.key = ANY(%s) AND d.until > clock_timestamp()
"""
_USE = """
INSERT INTO andon.dedup (key, run_id, until)
SELECT key, run_id, clock_timestamp() + seconds * interval '1 s'
FROM unnest(%s::uuid[], %s::uuid[], %s::float8[]) w (key, run_id, seconds)
ON CONFLICT (key) DO UPDATE SET run_id = excluded.run_id, until = excluded.until
"""


@dataclass(frozen=True)
class Holder:
    """The run that a key was used for. `event` is None where it is forgotten."""

    run_id: uuid.UUID
    event: Event | None
    void: bool = False
    """Whether it was cancelled, or has failed."""


def holders(connection: Connection, keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, Holder]:
    """Those of the keys that were used, and still count."""
    rows = connection.execute(_HOLDERS, [list(keys)]).fetchall()
    return {
        key: Holder(run_id, None if row[0] is None else event_of_row(row), bool(void))
        for key, run_id, void, *row in rows
    }


def use(connection: Connection, used: Mapping[uuid.UUID, tuple[uuid.UUID, dt.timedelta]]) -> None:
    """Note which run each key was used for, and for how long that counts. The dispatcher alone does."""
    rows = [(key, run_id, span.total_seconds()) for key, (run_id, span) in used.items()]
    if rows:
        connection.execute(_USE, columns(rows))
