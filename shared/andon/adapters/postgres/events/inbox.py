"""The inbox: record events, give them their seq, and keep ours open in the outbox until the dispatcher has them."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from andon.adapters.postgres.connect import Connection, json_text
from andon.adapters.postgres.statements import Statement
from andon.engine.events import Again, Event
from andon.engine.ids import new_id

_INSERT = """
INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent, stream_id)
SELECT tenant, id, name, data, coalesce(ts, clock_timestamp()), "user", traceparent, stream_id
FROM ROWS FROM (json_to_recordset(%(events)s::json) AS (tenant text, id text, name text, data jsonb, ts timestamptz,
    "user" jsonb, traceparent text, stream_id text))
    WITH ORDINALITY AS e (tenant, id, name, data, ts, "user", traceparent, stream_id, position)
ORDER BY position
ON CONFLICT (tenant, id) DO NOTHING
RETURNING seq, tenant, id, ts
"""
_RECORD = Statement(_INSERT)
_ACCEPT = Statement(f"""
WITH recorded AS ({_INSERT}), opened AS (INSERT INTO andon.outbox (event_seq) SELECT seq FROM recorded)
SELECT seq, tenant, id, ts FROM recorded
""")

_CLOSE = Statement("""
WITH closed AS (
    DELETE FROM andon.outbox o USING andon.events e, json_to_recordset(%(keys)s::json) AS w (tenant text, id text)
    WHERE e.tenant = w.tenant AND e.id = w.id AND o.event_seq = e.seq
    RETURNING e.seq, e.tenant, e.id, e.name, e.data, e.ts, e."user", e.traceparent, e.hops, o.again
) SELECT * FROM closed ORDER BY seq
""")

OUTBOX_AT_ONCE = 20_000
_FIND_OPEN = f"""
SELECT event_seq FROM (
    SELECT event_seq, row_number() OVER (PARTITION BY tenant ORDER BY event_seq) AS turn FROM (
        SELECT o.event_seq, e.tenant
        FROM andon.outbox o JOIN andon.events e ON e.seq = o.event_seq
            LEFT JOIN unnest(%(tenants)s::text[], %(held)s::float8[]) h (tenant, seconds) ON h.tenant = e.tenant
        WHERE coalesce(o.sent_at, o.created_at) < clock_timestamp() - %(older)s::float8 * interval '1 s'
            AND (h.tenant IS NULL
                OR coalesce(o.sent_at, o.created_at) < clock_timestamp() - h.seconds * interval '1 s')
        ORDER BY o.event_seq LIMIT {OUTBOX_AT_ONCE}) o) o
ORDER BY turn, event_seq LIMIT %(limit)s
"""
_SEND_OPEN = """
WITH sent AS (
    UPDATE andon.outbox SET sent_at = clock_timestamp()
    WHERE event_seq IN (SELECT event_seq FROM andon.outbox WHERE event_seq = ANY(%s) FOR UPDATE SKIP LOCKED)
    RETURNING event_seq
)
SELECT e.seq, e.tenant, e.id, e.name, e.data, e.ts, e."user", e.traceparent, e.hops
FROM andon.events e JOIN sent ON sent.event_seq = e.seq ORDER BY e.seq
"""
_OPEN_OF_OTHERS = f"""
WITH part AS (
    SELECT event_seq FROM andon.outbox
    WHERE event_seq > %(after)s AND coalesce(sent_at, created_at) <= clock_timestamp()
    ORDER BY event_seq LIMIT {OUTBOX_AT_ONCE}
), theirs AS (
    SELECT e.tenant, e.id, e.seq, row_number() OVER (PARTITION BY e.tenant ORDER BY e.seq) AS turn
    FROM part JOIN andon.events e ON e.seq = part.event_seq
    WHERE NOT e.tenant = ANY(%(tenants)s) AND e.name NOT LIKE 'andon/%%' AND e.hops = 0
), placed AS (
    SELECT tenant, id, seq, row_number() OVER (ORDER BY turn, seq) AS place FROM theirs
), found AS (
    SELECT tenant, id, seq FROM placed WHERE place <= %(limit)s
    UNION ALL SELECT DISTINCT tenant, NULL, NULL::bigint FROM placed WHERE place > %(limit)s
)
SELECT reached.seq, found.tenant, found.id
FROM (SELECT CASE count(*) WHEN {OUTBOX_AT_ONCE} THEN max(event_seq) ELSE 0 END AS seq FROM part) reached
    LEFT JOIN found ON true ORDER BY found.seq
"""
_PUT_BY = """
UPDATE andon.outbox o SET sent_at = clock_timestamp() + %s::float8 * interval '1 s'
FROM andon.events e WHERE e.tenant = %s AND e.id = %s AND o.event_seq = e.seq
"""

NO_TENANTS: Mapping[str, float] = {}

# For as long again as it has waited, so that what waits for long isn't looked at all the time.
_LEAVE = """
INSERT INTO andon.outbox (event_seq, sent_at, again)
SELECT e.seq, clock_timestamp() + least(clock_timestamp() - e.received_at, interval '20 s'), w.again
FROM unnest(%s::bigint[], %s::jsonb[]) w (seq, again) JOIN andon.events e USING (seq)
"""

_KNOWN = """
SELECT tenant, id FROM andon.events JOIN unnest(%s::text[], %s::text[]) w (tenant, id) USING (tenant, id)
"""
_SPREAD = """
UPDATE andon.events e SET hops = least(e.hops + w.hops, 1000)
FROM unnest(%s::bigint[], %s::int[]) w (seq, hops) WHERE e.seq = w.seq
"""
# A commit that a crash of the server may lose: the outbox then still has the events. What follows it, a claim or a
# step's result, is written in order behind it, so it is never lost alone.
_NEED_NO_DISK = "SET LOCAL synchronous_commit TO off"
# Fails where it is not one entry whose rows are locked, but tables that all of them need.
_NO_TABLE_IS_LOCKED = """
LOCK TABLE andon.runs, andon.subjects, andon.steps, andon.cancel_keys, andon.cancellations, andon.wide_cancellations
IN ROW EXCLUSIVE MODE
"""


def record(
    connection: Connection, events: Sequence[Event], stream_ids: Sequence[str | None] | None = None
) -> list[Event]:
    """Insert the events that are new, in this order; return them with `seq`, `id` and `ts` as recorded."""
    return _insert(connection, _RECORD, events, stream_ids or [None] * len(events))


def _insert(
    connection: Connection, statement: Statement, events: Sequence[Event], stream_ids: Sequence[str | None]
) -> list[Event]:
    named = [each if each.id else replace(each, id=str(new_id())) for each in events]
    rows = statement.execute(
        connection,
        {
            "events": json.dumps(
                [
                    {
                        "tenant": event.tenant,
                        "id": event.id,
                        "name": event.name,
                        "data": dict(event.data),
                        "ts": event.ts and event.ts.isoformat(),
                        "user": event.user,
                        "traceparent": event.traceparent,
                        "stream_id": stream_id,
                    }
                    for event, stream_id in zip(named, stream_ids, strict=True)
                ]
            )
        },
    ).fetchall()
    by_id = {(tenant, id): (seq, ts) for seq, tenant, id, ts in rows}
    return [
        replace(each, seq=found[0], ts=found[1])
        for each in named
        if (found := by_id.pop((each.tenant, each.id), None)) is not None
    ]


def accept(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """Record events of ours and open their outbox rows, in the caller's transaction.

    Returns those that are new; an event whose id its tenant has used before is left out, and has no second effect.
    Publish them to the bus after the commit; what isn't published, the dispatcher publishes.
    """
    return _insert(connection, _ACCEPT, events, [None] * len(events))


def close(connection: Connection, keys: Sequence[tuple[str, str]]) -> list[Event]:
    """Close the outbox rows of events by (tenant, id); return the events that were open, in the order of seq."""
    if not keys:
        return []
    text = json.dumps([{"tenant": tenant, "id": id} for tenant, id in keys])
    rows = _CLOSE.execute(connection, {"keys": text}).fetchall()
    return [_asked(event_of_row(row), again) for *row, again in rows]


def _asked(event: Event, again: dict[str, Any] | None) -> Event:
    if again is None:
        return event
    return replace(event, again=Again(again["functionId"], uuid.UUID(again["runId"]), again["step"]))


def leave(connection: Connection, events: Sequence[Event]) -> None:
    """Leave events that this transaction has recorded or closed to the outbox: they can't take effect now."""
    again = [each.again and written(each.again) for each in events]
    connection.execute(_LEAVE, [[each.seq for each in events], again])


def written(again: Again) -> str:
    """As the outbox has it."""
    return json.dumps({"functionId": again.function_id, "runId": str(again.run_id), "step": again.step})


def find_open(
    connection: Connection, *, older_than: float, limit: int, held: Mapping[str, float] = NO_TENANTS
) -> list[int]:
    """The seqs of events of the outbox that nobody has published for `older_than` seconds, and for so many as `held`
    says of their tenant; the tenants in turn, each one's in their order, at most `limit`.
    """
    values = {"older": older_than, "limit": limit, "tenants": list(held), "held": list(held.values())}
    return [seq for (seq,) in connection.execute(_FIND_OPEN, values).fetchall()]


def send_open(connection: Connection, seqs: Sequence[int]) -> list[Event]:
    """Those of the events that the outbox still has, which count as published from now on; raises where one can't be
    read.
    """
    return [event_of_row(row) for row in connection.execute(_SEND_OPEN, [list(seqs)]).fetchall()]


def open_of_others(
    connection: Connection, tenants: Sequence[str], limit: int, *, after: int = 0
) -> tuple[list[tuple[str, str]], set[str], int]:
    """Tenant and id of events in a part of the outbox that are not of these tenants, nor put by, nor what a run has
    sent or its end: those may be the last of a chain. The tenants have turns.

    Also the tenants that have more in this part, whose events in the next ones must not come before those; and the seq
    `after` which the next part begins, 0 where this was the last.
    """
    values = {"tenants": list(tenants), "limit": limit, "after": after}
    rows = connection.execute(_OPEN_OF_OTHERS, values).fetchall()
    found = [(tenant, id) for _, tenant, id in rows if id is not None]
    return found, {tenant for _, tenant, id in rows if tenant is not None and id is None}, rows[0][0]


def put_by(connection: Connection, event: Event, stream_id: str, *, seconds: float) -> None:
    """Leave an event that can't take effect now to the outbox, as if it had come by the API, for `seconds`.

    It has its place in the order of events then, whenever it takes effect. One that had its effect stays as it is.
    """
    _insert(connection, _ACCEPT, [event], [stream_id])
    connection.execute(_PUT_BY, [seconds, event.tenant, event.id])


def event_of_row(row: Sequence[Any]) -> Event:
    """The event of a row `seq, tenant, id, name, data, ts, user, traceparent, hops`."""
    seq, tenant, id, name, data, ts, user, traceparent, hops = row
    return Event(name, data, id, ts, user, tenant, seq, traceparent, hops)


def known(connection: Connection, events: Sequence[Event]) -> set[tuple[str, str]]:
    """Which of these (tenant, id) were recorded before."""
    tenants, ids = [each.tenant for each in events], [each.id for each in events]
    return set(connection.execute(_KNOWN, [tenants, ids]).fetchall()) if events else set()


def spread(connection: Connection, hops: Mapping[int, int]) -> None:
    """Add hops to events, by seq."""
    if hops:
        connection.execute(_SPREAD, [list(hops), list(hops.values())])


def event_of(name: str, data: dict[str, Any], *, tenant: str, user: Any, traceparent: str | None = None) -> Event:
    """An event of ours, named before it is recorded."""
    return Event(name=name, data=data, id=str(new_id()), user=user, tenant=tenant, traceparent=traceparent)


def recorded_as(event: Event) -> dict[str, Any]:
    """Values for a statement that records this one event among other things, but for the data, which it may make."""
    return {
        "tenant": event.tenant,
        "event": event.id,
        "name": event.name,
        "user": json_text(event.user),
        "traceparent": event.traceparent,
    }


def need_no_disk(connection: Connection) -> None:
    """Let this transaction's commit not wait for the disk: a crash may lose it, and nothing else."""
    connection.execute(_NEED_NO_DISK)


def check_no_table_is_locked(connection: Connection) -> None:
    """Fail, in this transaction, where somebody has locked a table that every batch needs."""
    connection.execute(_NO_TABLE_IS_LOCKED)
