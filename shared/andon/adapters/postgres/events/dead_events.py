"""Dead events: what could not take effect, with its bytes and the reason, for somebody to look at and to replay."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from andon.adapters.postgres.connect import Connection, columns
from andon.engine.memos import plain

_BURY = """
WITH dead AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::text[], %s::text[])
        AS d (stream_id, tenant, fields, reason, event_id)
), closed AS (
    DELETE FROM andon.outbox o USING andon.events e, dead d
    WHERE e.tenant = d.tenant AND e.id = d.event_id AND o.event_seq = e.seq RETURNING e.tenant, e.id, e.seq
)
INSERT INTO andon.dead_events (stream_id, tenant, fields, reason, event_seq)
SELECT d.stream_id, d.tenant, d.fields, d.reason, c.seq
FROM dead d LEFT JOIN closed c ON c.tenant = d.tenant AND c.id = d.event_id
ON CONFLICT (stream_id) DO NOTHING
"""
_BURY_OPEN = """
WITH closed AS (DELETE FROM andon.outbox WHERE event_seq = %(seq)s RETURNING event_seq)
INSERT INTO andon.dead_events (stream_id, tenant, fields, reason, event_seq)
SELECT 'outbox:' || e.seq || ':' || clock_timestamp(), e.tenant, jsonb_build_array(
        jsonb_build_array(translate(encode('name', 'base64'), E'\\n', ''),
            translate(encode(convert_to(e.name, 'UTF8'), 'base64'), E'\\n', '')),
        jsonb_build_array(translate(encode('id', 'base64'), E'\\n', ''),
            translate(encode(convert_to(e.id, 'UTF8'), 'base64'), E'\\n', '')),
        jsonb_build_array(translate(encode('data', 'base64'), E'\\n', ''),
            translate(encode(convert_to(left(e.data::text, 300000), 'UTF8'), 'base64'), E'\\n', ''))),
    %(reason)s, e.seq
FROM closed JOIN andon.events e ON e.seq = closed.event_seq
"""
MOST_REASON = 2_000
MOST_NAME = 200


@dataclass(frozen=True)
class Dead:
    """An entry of the bus: what names it, whose it is, its fields as base64 pairs, and why it is dead.

    `event_id` names the event that it is. If that was accepted and waits in the outbox, it doesn't any more.
    """

    stream_id: str
    tenant: str
    fields: Sequence[Sequence[str]]
    reason: str
    event_id: str | None = None


def bury(connection: Connection, dead: Sequence[Dead]) -> None:
    """Keep these; one that is kept already stays as it is. In the caller's transaction."""
    rows = [
        (
            each.stream_id,
            plain(each.tenant)[:MOST_NAME],
            json.dumps(each.fields),
            plain(each.reason)[:MOST_REASON],
            None if each.event_id is None else plain(each.event_id)[:MOST_NAME],
        )
        for each in dead
    ]
    if rows:
        connection.execute(_BURY, columns(rows))


def bury_open(connection: Connection, seq: int, reason: str) -> None:
    """Keep an event of the outbox that can't be read, without reading it: it is never published again."""
    connection.execute(_BURY_OPEN, {"seq": seq, "reason": plain(reason)[:MOST_REASON]})
