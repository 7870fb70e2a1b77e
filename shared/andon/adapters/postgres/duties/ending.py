"""Runs that no worker can end any more: cancelled ones past their deadline, and those whose worker is lost."""

import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import NamedTuple

from andon.adapters.postgres.cancels import cascades
from andon.adapters.postgres.cancels.causes import CancelCause
from andon.adapters.postgres.cancels.marks import Mark, Marked, mark
from andon.adapters.postgres.connect import Connection, columns
from andon.adapters.postgres.doors.pauses import PUT_OFF, paused
from andon.adapters.postgres.runs.attempts import LOST
from andon.adapters.postgres.runs.settle import Settled
from andon.adapters.postgres.statuses import CANCELLABLE, HELD
from andon.adapters.postgres.subjects import subjects
from andon.engine.events import Event

CHUNK = 500
_EXPIRED = f"""
SELECT id, subject_id, cancel_requested_at IS NOT NULL, lost, lost_step,
    coalesce((SELECT s.id FROM andon.steps s WHERE s.run_id = r.id AND s.status = 'completed'
              ORDER BY s.position DESC LIMIT 1), ''), current_step
FROM andon.runs r WHERE status IN {HELD} AND lease_until <= clock_timestamp()
ORDER BY id LIMIT 200
"""
_REQUEUE = f"""
WITH w AS (
    SELECT * FROM unnest(%s::uuid[], %s::int[], %s::text[]) w (run_id, count, step)
), free AS MATERIALIZED (
    SELECT f.*, w.count, w.step FROM w, LATERAL (
        SELECT * FROM andon.runs f WHERE f.id = w.run_id AND f.status = 'running' AND f.lease_until <= clock_timestamp()
        FOR UPDATE SKIP LOCKED) f
), attempt AS ({LOST})
UPDATE andon.runs r SET status = 'queued', lost = f.count, lost_step = f.step, lease_until = NULL, sent_at = NULL,
    turn = NULL, current_step = NULL, step_started_at = NULL
FROM free f WHERE r.id = f.id
RETURNING r.id
"""
_PUT_OFF = f"""
UPDATE andon.runs SET start_by = start_by + {PUT_OFF} WHERE id IN (
    SELECT r.id FROM andon.runs r WHERE r.status = 'queued' AND r.start_by <= clock_timestamp() AND {paused("r")}
    ORDER BY r.start_by LIMIT {CHUNK} FOR NO KEY UPDATE SKIP LOCKED)
"""
_LATE = f"""
(SELECT id, subject_id, '{CancelCause.START_TIMEOUT}' FROM andon.runs r
 WHERE status = 'queued' AND start_by <= clock_timestamp() AND NOT {paused("r")} ORDER BY start_by LIMIT {CHUNK})
UNION ALL
(SELECT id, subject_id, '{CancelCause.FINISH_TIMEOUT}' FROM andon.runs
 WHERE status IN {CANCELLABLE} AND finish_by <= clock_timestamp() ORDER BY finish_by LIMIT {CHUNK})
"""
_OVERDUE = """
SELECT id, subject_id FROM andon.runs
WHERE status = 'cancelling' AND cancel_deadline_at <= clock_timestamp() LIMIT 200
"""

By = Callable[[list[uuid.UUID]], list[Settled]]


class Locked(NamedTuple):
    """A run, with the subject that is locked before it."""

    run: uuid.UUID
    subject: uuid.UUID | None


class Expired(NamedTuple):
    """A run whose worker's lease ran out: how many it has lost since `lost_step`, and where its steps are now."""

    locked: Locked
    cancelled: bool
    lost: int
    lost_step: str
    step: str
    current: str | None


def overdue(connection: Connection) -> list[Locked]:
    """Cancelled runs whose code has not stopped by their deadline."""
    return [Locked(*row) for row in connection.execute(_OVERDUE).fetchall()]


def expired(connection: Connection) -> list[Expired]:
    """Runs whose worker's lease ran out."""
    return [Expired(Locked(*row[:2]), *row[2:]) for row in connection.execute(_EXPIRED).fetchall()]


def requeue(connection: Connection, lost: Sequence[tuple[uuid.UUID, int, str]]) -> list[uuid.UUID]:
    """Queue these again, unless a worker holds them after all: each with its number of lost workers since its step."""
    if not lost:
        return []
    return [id for (id,) in connection.execute(_REQUEUE, columns(lost)).fetchall()]


def cancel_late(connection: Connection) -> Marked:
    """Cancel runs that haven't started, or haven't ended, in time: `CHUNK` of each at the most.

    The time to start of those that are paused is put off: it is given back when they are resumed.
    """
    with connection.transaction():
        connection.execute(_PUT_OFF)
        rows = connection.execute(_LATE).fetchall()
        subjects.lock(connection, (subject for _, subject, _ in rows))
        marked = mark(connection, [Mark(id, Event(""), cause) for id, _, cause in rows])
        cascades.note_marked(connection, marked)
        return marked


def end(connection: Connection, runs: Sequence[Locked], by: By) -> list[Settled]:
    """Settle these `by` a verb that minds no holder, once their subjects are locked."""
    about = {each.subject for each in runs if each.subject is not None}
    with connection.transaction() if about else nullcontext():
        subjects.lock(connection, about)
        return by([each.run for each in runs])
