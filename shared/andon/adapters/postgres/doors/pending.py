"""Pending runs: those that wait for it to be quiet. A newer event takes the place of the one that it was made for."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from andon.adapters.postgres.connect import Connection, columns

# In the order of the runs' ids. One that is being cancelled isn't pending any more.
_REPLACE = """
WITH held AS (
    SELECT r.id, r.event_seq, w.* FROM andon.runs r
    JOIN unnest(%s::uuid[], %s::bigint[], %s::uuid[], %s::float8[], %s::float8[], %s::uuid[], %s::text[])
        w (key, seq, subject, period, longest, door, gate_keys) ON r.debounce_key = w.key
    WHERE r.status = 'waiting' AND r.cancel_requested_at IS NULL ORDER BY r.id FOR UPDATE OF r
), replaced AS (
    UPDATE andon.runs r SET event_seq = h.seq, subject_id = h.subject, door = h.door,
        gate_keys = nullif(h.gate_keys, '{}')::uuid[],
        wake_at = least(clock_timestamp() + h.period * interval '1 s', r.queued_at + h.longest * interval '1 s')
    FROM held h WHERE r.id = h.id
), keys AS (
    DELETE FROM andon.cancel_keys k USING held h WHERE k.run_id = h.id
), tags AS (
    DELETE FROM andon.run_tags t USING held h WHERE t.run_id = h.id
)
SELECT key, id, event_seq FROM held
"""


@dataclass(frozen=True)
class Newest:
    """The event that a pending run is to be made for."""

    key: uuid.UUID
    seq: int
    subject_id: uuid.UUID | None
    period: dt.timedelta
    longest: dt.timedelta
    door: uuid.UUID | None
    gate_keys: str | None


def replace(connection: Connection, newest: Sequence[Newest]) -> dict[uuid.UUID, tuple[uuid.UUID, int]]:
    """Let these take the places of older events, where a run waits under their key: its id, and the older event's seq.

    What the run can be cancelled and found by is gone, and to be written anew.
    """
    rows = [
        (
            each.key,
            each.seq,
            each.subject_id,
            each.period.total_seconds(),
            each.longest.total_seconds(),
            each.door,
            each.gate_keys,
        )
        for each in newest
    ]
    found = connection.execute(_REPLACE, columns(rows)).fetchall()
    return {key: (id, seq) for key, id, seq in found}
