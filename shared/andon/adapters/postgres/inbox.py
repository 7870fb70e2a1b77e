"""The inbox: record events, give them their seq, and keep ours open in the outbox until the dispatcher has them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from andon.engine.events import Event
from andon.engine.ids import new_id

_RECORD = """
INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent, stream_id)
SELECT tenant, id, name, data::jsonb, coalesce(ts, clock_timestamp()), "user"::jsonb, traceparent, stream_id
FROM unnest(%(tenants)s::text[], %(ids)s::text[], %(names)s::text[], %(datas)s::text[], %(ts)s::timestamptz[],
    %(users)s::text[], %(traces)s::text[], %(streams)s::text[])
    WITH ORDINALITY AS e (tenant, id, name, data, ts, "user", traceparent, stream_id, position)
ORDER BY position
ON CONFLICT (tenant, id) DO NOTHING
RETURNING seq, tenant, id, ts
"""

_OPEN = "INSERT INTO andon.outbox (event_seq) SELECT unnest(%s::bigint[])"

_CLOSE = """
WITH closed AS (
    DELETE FROM andon.outbox o USING andon.events e, unnest(%s::text[], %s::text[]) AS w (tenant, id)
    WHERE e.tenant = w.tenant AND e.id = w.id AND o.event_seq = e.seq
    RETURNING e.seq, e.tenant, e.id, e.name, e.data, e.ts, e."user", e.traceparent
) SELECT * FROM closed ORDER BY seq
"""

_CLAIM_OPEN = """
WITH due AS (
    UPDATE andon.outbox SET sent_at = clock_timestamp()
    WHERE event_seq IN (
        SELECT event_seq FROM andon.outbox
        WHERE coalesce(sent_at, created_at) < clock_timestamp() - %s::float8 * interval '1 s'
        ORDER BY event_seq LIMIT %s FOR UPDATE SKIP LOCKED)
    RETURNING event_seq
) SELECT e.seq, e.tenant, e.id, e.name, e.data, e.ts, e."user", e.traceparent
FROM due JOIN andon.events e ON e.seq = due.event_seq ORDER BY e.seq
"""


def record(
    connection: psycopg.Connection[Any], events: Sequence[Event], stream_ids: Sequence[str | None] | None = None
) -> list[Event]:
    """Insert the events that are new, in this order; return them with `seq`, `id` and `ts` as recorded."""
    named = [each if each.id else replace(each, id=str(new_id())) for each in events]
    rows = connection.execute(
        _RECORD,
        {
            "tenants": [e.tenant for e in named],
            "ids": [e.id for e in named],
            "names": [e.name for e in named],
            "datas": [json.dumps(dict(e.data)) for e in named],
            "ts": [e.ts for e in named],
            "users": [None if e.user is None else json.dumps(e.user) for e in named],
            "traces": [e.traceparent for e in named],
            "streams": list(stream_ids or [None] * len(named)),
        },
    ).fetchall()
    by_id = {(tenant, id): (seq, ts) for seq, tenant, id, ts in rows}
    return [
        replace(each, seq=found[0], ts=found[1])
        for each in named
        if (found := by_id.pop((each.tenant, each.id), None)) is not None
    ]


def accept(connection: psycopg.Connection[Any], events: Sequence[Event]) -> list[Event]:
    """Record events of ours and open their outbox rows, in the caller's transaction.

    Returns those that are new; an event whose id its tenant has used before is left out, and has no second effect.
    Publish them to the bus after the commit; what isn't published, the dispatcher publishes.
    """
    recorded = record(connection, events)
    connection.execute(_OPEN, [[each.seq for each in recorded]])
    return recorded


def close(connection: psycopg.Connection[Any], keys: Sequence[tuple[str, str]]) -> list[Event]:
    """Close the outbox rows of events by (tenant, id); return the events that were open, in the order of seq."""
    if not keys:
        return []
    rows = connection.execute(_CLOSE, [[tenant for tenant, _ in keys], [id for _, id in keys]]).fetchall()
    return [_event(row) for row in rows]


def claim_open(connection: psycopg.Connection[Any], *, older_than: float, limit: int) -> list[Event]:
    """Events of the outbox that nobody has published for `older_than` seconds, at most `limit`."""
    return [_event(row) for row in connection.execute(_CLAIM_OPEN, [older_than, limit]).fetchall()]


def _event(row: tuple[int, str, str, str, dict[str, Any], dt.datetime, Any, str | None]) -> Event:
    seq, tenant, id, name, data, ts, user, traceparent = row
    return Event(name=name, data=data, id=id, ts=ts, user=user, tenant=tenant, seq=seq, traceparent=traceparent)


def event_of(name: str, data: dict[str, Any], *, tenant: str, user: Any, traceparent: str | None = None) -> Event:
    """An event of ours, named before it is recorded."""
    return Event(name=name, data=data, id=str(new_id()), user=user, tenant=tenant, traceparent=traceparent)
