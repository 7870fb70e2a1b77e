"""How a cancel comes down a tree: the dispatcher notes whose children are to be cancelled, and cancels them.

It alone does, one level in a transaction, and what is noted outlives it. A child is only ever made while its parent
isn't marked (`record_batch` holds the parent's row meanwhile), and a parent's cancel or end is an event that the
dispatcher takes later than that: so none slips out.
"""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.marks import MARKING, Marked
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.runs.settle import Settled, cancel_unheld
from andon.adapters.postgres.statuses import CANCELLABLE
from andon.adapters.postgres.subjects import subjects

CHUNK = 1_000

_OPEN = f"c.parent_step IS NOT NULL AND c.status IN {CANCELLABLE} AND c.cancel_requested_at IS NULL"
_NOTE = f"""
INSERT INTO andon.cascades (run_id)
SELECT DISTINCT c.parent_run_id FROM andon.runs c
WHERE c.parent_run_id IN (
    SELECT unnest(%s::uuid[]) UNION SELECT id FROM andon.runs WHERE cancel_event_seq = ANY(%s)) AND {_OPEN}
ON CONFLICT DO NOTHING
"""
# The same, of those that the statement's CTE `moved` has ended; each looked for by its id.
NOTED = f"""
, noted AS (
    INSERT INTO andon.cascades (run_id) SELECT m.id FROM moved m, LATERAL (
        SELECT FROM andon.runs c WHERE c.parent_run_id = m.id AND {_OPEN} LIMIT 1) child
    ON CONFLICT DO NOTHING
)"""
# A run that has failed, or was cancelled: what its children are to do then, they were started with.
_CHILDREN = f"""
SELECT c.id, c.subject_id
FROM andon.cascades k JOIN andon.runs p ON p.id = k.run_id
JOIN andon.runs c ON c.parent_run_id = p.id JOIN andon.events e ON e.seq = c.event_seq
WHERE {_OPEN} AND CASE WHEN p.cancel_requested_at IS NOT NULL OR p.status = 'cancelled'
    THEN e.data->'_andon'->>'onCancel' <> 'abandon'
    ELSE p.status = 'failed' AND e.data->'_andon'->>'onFailure' = 'cancel' END
ORDER BY c.id LIMIT {CHUNK}
"""
_MARK = f"""
WITH asked AS (
    SELECT c.id AS run_id, p.cancel_event_seq AS seq, p.cancel_event_id AS event_id,
        p.cancel_requested_by::text AS "user",
        CASE WHEN p.status = 'failed' THEN 'the run that started it has failed' ELSE p.cancel_reason END AS reason,
        '{CancelCause.PARENT}' AS cause
    FROM andon.runs c JOIN andon.runs p ON p.id = c.parent_run_id WHERE c.id = ANY(%s)
){MARKING}
SELECT id, status FROM marked
"""
_DONE = "DELETE FROM andon.cascades"


class Cascaded(NamedTuple):
    """What one level did: runs that go on until their worker stops them, those that have ended, and if more follows."""

    cancelling: list[uuid.UUID]
    settled: list[Settled]
    more: bool


def note(connection: Connection, runs: Sequence[uuid.UUID], cancelled_by: Sequence[int] = ()) -> bool:
    """Note the open children of these runs, and of those that events of these seqs have cancelled; whether any are."""
    if not runs and not cancelled_by:
        return False
    return connection.execute(_NOTE, [list(runs), list(cancelled_by)]).rowcount > 0


def note_marked(connection: Connection, marked: Marked) -> bool:
    """Note the children of runs that were marked by nobody's event: no later one tells of it before they have ended."""
    return note(connection, [*marked.cancelling, *(each.run_id for each in marked.settled)])


def cascade(connection: Connection) -> Cascaded:
    """Cancel a level of what is noted, and note the next, in the caller's transaction, which holds the leadership."""
    rows = connection.execute(_CHILDREN).fetchall()
    children = [id for id, _ in rows]
    subjects.lock(connection, (subject for _, subject in rows))
    marked = connection.execute(_MARK, [children]).fetchall() if children else []
    held = [id for id, status in marked if status == "cancelling"]
    settled = cancel_unheld(connection, [id for id, status in marked if status != "cancelling"])
    whole = len(rows) < CHUNK
    if whole:
        connection.execute(_DONE)
    below = note(connection, [id for id, _ in marked])
    return Cascaded(held, settled, below or not whole)
