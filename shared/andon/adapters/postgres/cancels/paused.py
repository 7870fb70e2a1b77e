"""What has started and is paused by somebody who wants that cancelled: marked, some at a time."""

from andon.adapters.postgres.cancels import cascades
from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.marks import Mark, Marked, mark
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors.pauses import AT_ONCE
from andon.adapters.postgres.statuses import CANCELLABLE
from andon.adapters.postgres.subjects import subjects
from andon.engine.events import Event

_STARTED = f"""
SELECT r.id, r.subject_id, p.paused_by FROM andon.pauses p JOIN andon.runs r
    ON r.tenant = p.tenant AND p.name = CASE p.kind WHEN 'queue' THEN r.queue ELSE r.function_id END
WHERE p.running = 'cancel' AND NOT p.applied AND r.status IN ('running', 'waiting') AND r.status IN {CANCELLABLE}
    AND r.kind = 'function' AND r.started_at IS NOT NULL AND r.cancel_requested_at IS NULL
ORDER BY r.id LIMIT {AT_ONCE}
"""
_APPLIED = "UPDATE andon.pauses SET applied = true WHERE running = 'cancel' AND NOT applied"


def cancel_started(connection: Connection) -> tuple[Marked, bool]:
    """Cancel some runs that had started when they were paused with `cancel`; and whether there may be more.

    In the caller's transaction.
    """
    rows = connection.execute(_STARTED).fetchall()
    subjects.lock(connection, (subject for _, subject, _ in rows))
    marked = mark(connection, [Mark(id, Event("", user=by), CancelCause.PAUSED) for id, _, by in rows])
    cascades.note_marked(connection, marked)
    if len(rows) < AT_ONCE:
        connection.execute(_APPLIED)
    return marked, len(rows) >= AT_ONCE
