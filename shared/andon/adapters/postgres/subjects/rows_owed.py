"""Followed rows that could not be written when their subject moved: written as soon as it can be done."""

import logging
from typing import NamedTuple

from andon.adapters.postgres.connect import Connection, one

log = logging.getLogger(__name__)
AT_ONCE = 200

_DUE = """
SELECT o.subject_id, s.kind FROM andon.rows_owed o LEFT JOIN andon.subjects s ON s.id = o.subject_id
WHERE o.next_at <= clock_timestamp() ORDER BY o.next_at LIMIT %s
"""
_WRITE = """
WITH subject AS (SELECT id FROM andon.subjects WHERE id = %s FOR UPDATE SKIP LOCKED)
SELECT s.kind, s.tenant, s.key, andon.follow(s) FROM andon.subjects s JOIN subject USING (id)
"""
_PUT_OFF = """
UPDATE andon.rows_owed o SET next_at = clock_timestamp() + interval '2 s'
FROM andon.subjects s WHERE s.id = o.subject_id AND s.kind = %s AND o.next_at <= clock_timestamp()
"""
_FORGET = "DELETE FROM andon.rows_owed o WHERE subject_id = %s"
_FORGET_LOST = """
DELETE FROM andon.rows_owed o WHERE subject_id = %s
    AND NOT EXISTS (SELECT FROM andon.subjects s WHERE s.id = o.subject_id)
"""
_OWED = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(o.since)), 0)::float8,
    (array_agg(s.kind || ' ' || s.key ORDER BY o.since))[1], (array_agg(o.reason ORDER BY o.since))[1]
FROM andon.rows_owed o LEFT JOIN andon.subjects s ON s.id = o.subject_id
"""
GONE, LOCKED = "gone", "locked"


class Owed(NamedTuple):
    """How many rows are owed, for how long (seconds) the first, which that is, and why."""

    number: int
    seconds: float
    first: str | None
    reason: str | None


def write(connection: Connection) -> int:
    """Write those that are due; returns how many are written. Each commits by itself, and none waits for a lock, but
    for a moment where the table is locked: then all that are in it wait.
    """
    written, locked = 0, set[str]()
    for subject_id, of_kind in connection.execute(_DUE, [AT_ONCE]).fetchall():
        if of_kind in locked:
            continue
        with connection.transaction():
            row = connection.execute(_WRITE, [subject_id]).fetchone()
            if row is None:
                connection.execute(_FORGET_LOST, [subject_id])
                continue
            kind, tenant, key, outcome = row
            if outcome in (None, GONE):
                log.warning(
                    "the row of %s %s of tenant %s is gone: its state is the subject's alone", kind, key, tenant
                )
                connection.execute(_FORGET, [subject_id])
            elif outcome == LOCKED:
                locked.add(kind)
                connection.execute(_PUT_OFF, [kind])
        written += outcome == "written"
    return written


def owed(connection: Connection) -> Owed:
    """What is owed now."""
    return Owed(*one(connection, _OWED))
