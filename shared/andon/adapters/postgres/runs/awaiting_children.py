"""Cancelled runs whose code has stopped, and that end after those of their children that they are to wait for.

Such a run stays `cancelling` without a worker: its fence has moved, and it has no lease. The children were cancelled by
the same cascade as any. The dispatcher settles it when they have ended; a cancel deadline settles it before that.
"""

import json
import uuid
from collections.abc import Sequence

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.runs.settle import RETURNED, End, Settled, settle_by, settling
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD, OPEN

AWAITING = "status = 'cancelling' AND awaits_children AND lease_until IS NULL"

# One whose code has cancelled itself is marked by nobody: its children hear of it here.
_AWAIT = Statement(f"""
WITH ends AS (
    SELECT * FROM json_to_recordset(%(ends)s::json)
        AS e (id uuid, fence bigint, status text, stopped float8, step text, seconds float8)
), held AS (
    SELECT r.id FROM ends e, LATERAL (
        SELECT r.id FROM andon.runs r
        WHERE r.id = e.id AND r.fence = e.fence AND r.status IN {HELD} AND r.awaits_children
            AND (r.cancel_requested_at IS NOT NULL OR e.status = 'cancelled')
        FOR NO KEY UPDATE OF r SKIP LOCKED) r
), moved AS (
    UPDATE andon.runs r SET status = 'cancelling', fence = r.fence + 1, lease_until = NULL,
        cancel_requested_at = coalesce(r.cancel_requested_at, clock_timestamp()),
        cancel_stopped_at = greatest(coalesce(r.cancel_requested_at, clock_timestamp()),
            clock_timestamp() - e.stopped * interval '1 s'),
        progress_note = NULL, current_step = coalesce(e.step, r.current_step),
        step_started_at = coalesce(clock_timestamp() - e.seconds * interval '1 s', r.step_started_at)
    FROM ends e, held h WHERE r.id = e.id AND h.id = r.id
    RETURNING r.id, r.subject_id
), noted AS (
    INSERT INTO andon.cascades (run_id) SELECT id FROM moved ON CONFLICT DO NOTHING
)
SELECT id, subject_id FROM moved
""")
_LOST = f"""
UPDATE andon.runs SET fence = fence + 1, lease_until = NULL, cancel_stopped_at = clock_timestamp()
WHERE id = ANY(%s) AND status IN {HELD} AND awaits_children AND cancel_requested_at IS NOT NULL
    AND lease_until <= clock_timestamp()
"""
_OVER = f"""
SELECT id, subject_id FROM andon.runs p WHERE {AWAITING} AND NOT EXISTS (
    SELECT FROM andon.runs c JOIN andon.events e ON e.seq = c.event_seq
    WHERE c.parent_run_id = p.id AND c.parent_step IS NOT NULL AND c.status IN {OPEN}
        AND e.data->'_andon'->>'onCancel' = 'wait')
ORDER BY id LIMIT 200
"""
_SETTLE = settling(f"""
WITH moved AS (
    UPDATE andon.runs SET status = 'cancelled', ended_at = clock_timestamp(), wake_at = NULL,
        cancel_stopped_at = coalesce(cancel_stopped_at, cancel_requested_at)
    WHERE id = ANY(%(ids)s) AND {AWAITING}
    RETURNING {RETURNED}
)""")


def await_children(connection: Connection, ends: Sequence[End]) -> list[Settled]:
    """Let those of these ends wait that have to; the others are missing in the answer."""
    text = json.dumps([{**each._asdict(), "id": str(each.id)} for each in ends])
    rows = _AWAIT.execute(connection, {"ends": text}).fetchall()
    return [Settled(id, "cancelling", subject_id, False, None) for id, subject_id in rows]


def take_back(connection: Connection, runs: Sequence[uuid.UUID]) -> None:
    """Let those of these runs wait that have lost their worker."""
    connection.execute(_LOST, [list(runs)])


def over(connection: Connection) -> list[tuple[uuid.UUID, uuid.UUID | None]]:
    """Some that need not wait any more: each with its subject, which is locked before it."""
    return connection.execute(_OVER).fetchall()


def settle(connection: Connection, runs: Sequence[uuid.UUID]) -> list[Settled]:
    """Settle those of these that have waited."""
    return settle_by(connection, _SETTLE, {"ids": list(runs)}) if runs else []
