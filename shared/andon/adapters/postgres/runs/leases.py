"""A run in a worker's hands: claim it, keep its lease, let it wait, give it back. One guarded statement per verb."""

import datetime as dt
import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection, json_text
from andon.adapters.postgres.doors.gate import FREES
from andon.adapters.postgres.doors.pauses import paused
from andon.adapters.postgres.runs.attempts import KEPT, NOTHING, Attempted
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD
from andon.engine.dispatch.lines import ALONE, URGENT
from andon.engine.events import Event
from andon.engine.memos import Memo

# What a hint leads to: the run whose turn it is in the line that it was sent to. The run that it names may be in
# another line by now. While wide cancels are open, or something is paused, the runs that they may concern are stepped
# over, not more than so many at a time: the dispatcher takes them away meanwhile.
_STEPPED_OVER = 10_000
_DOOMED = """
EXISTS (SELECT FROM andon.wide_cancellations w
        WHERE w.status <> 'done' AND w.tenant = r.tenant AND w.function_id IN (r.function_id, '')
            AND r.kind = 'function' AND r.event_seq < w.event_seq)
"""
_LINE = f"""
line AS MATERIALIZED (
    SELECT l.line, l.floor, CASE WHEN EXISTS (SELECT FROM andon.wide_cancellations WHERE status <> 'done')
        OR EXISTS (SELECT FROM andon.pauses) THEN l.floor + {_STEPPED_OVER} ELSE 9223372036854775807 END AS ceiling
    FROM andon.runs h JOIN andon.lines l ON l.line = h.queue || CASE WHEN %(alone)s THEN '{ALONE}'
        WHEN h.kind <> 'function' THEN '{URGENT}' ELSE '' END WHERE h.id = %(run)s)
"""
_NEXT = """
SELECT r.id FROM andon.runs r
WHERE r.status = 'queued' AND r.turn IS NOT NULL AND r.line = (SELECT line FROM line)
    AND r.turn >= (SELECT floor FROM line) AND r.turn <= (SELECT ceiling FROM line)
    AND r.sent_at IS NOT NULL AND r.cancel_requested_at IS NULL
    AND (%(functions)s::text[] IS NULL OR r.function_id = ANY(%(functions)s::text[]))
"""
_CLAIMING = f"""
WITH {_LINE}, next AS (
    {_NEXT} AND r.id <> ALL(%(hosted)s) AND NOT {_DOOMED} AND NOT {paused("r")}
    ORDER BY r.turn, r.id LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE andon.runs SET status = 'running', fence = fence + 1, worker_id = %(worker)s,
        attempt = greatest(attempt, 1), started_at = coalesce(started_at, clock_timestamp()), wake_at = NULL,
        start_by = NULL, estimated_end_at = NULL, lease_until = clock_timestamp() + %(lease)s * interval '1 s'
    WHERE id = (SELECT id FROM next)
    RETURNING id, tenant, function_id, kind, parent_run_id, subject_id, fence, attempt, event_seq, lost
)
SELECT c.id, c.tenant, c.function_id, c.kind, c.parent_run_id, c.subject_id, c.fence, c.attempt, c.lost,
    e.seq, e.id, e.name, e.data, e.ts, e."user", e.traceparent
FROM claimed c JOIN andon.events e ON e.seq = c.event_seq
"""
_CLAIM = Statement(_CLAIMING)
# Where a function of this worker has to finish in time: its seconds count from the first claim.
_CLAIM_IN_TIME = Statement(
    _CLAIMING.replace(
        "start_by = NULL,",
        """start_by = NULL, finish_by = CASE WHEN started_at IS NULL AND kind = 'function' THEN clock_timestamp()
            + (%(finish)s::jsonb->>function_id)::float8 * interval '1 s' ELSE finish_by END,""",
    )
)

_OFFER_AGAIN = Statement(f"""
WITH {_LINE}, next AS ({_NEXT} ORDER BY r.turn, r.id LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE andon.runs SET sent_at = NULL WHERE id = (SELECT id FROM next)
""")

# Results are read when they are called for, but for the first ones that are small: a run can remember a great deal.
_MEMOS = """
SELECT id, position, status, attempt, CASE WHEN so_far <= %(at_hand)s THEN output END, error, due,
    so_far <= %(at_hand)s, branch, sum(bytes) OVER ()
FROM (
    SELECT s.*, coalesce(wake_at <= clock_timestamp(), status <> 'waiting') AS due,
        sum(bytes) OVER (ORDER BY position, id) AS so_far
    FROM (SELECT *, coalesce(octet_length(output::text), 0) AS bytes FROM andon.steps WHERE run_id = %(run)s) s
) s
"""
AT_HAND_BYTES = 256 * 1024

_HEARTBEAT = f"""
WITH mine AS (
    SELECT m.* FROM unnest(%(runs)s::uuid[], %(fences)s::bigint[], %(steps)s::text[], %(seconds)s::float8[],
        %(fractions)s::float8[], %(notes)s::text[], %(left)s::float8[])
        AS m (run_id, fence, step, seconds, fraction, note, remaining), LATERAL (
        SELECT FROM andon.runs r WHERE r.id = m.run_id AND r.fence = m.fence AND r.status IN {HELD}
        FOR NO KEY UPDATE SKIP LOCKED) r
)
UPDATE andon.runs r SET lease_until = clock_timestamp() + %(lease)s * interval '1 s',
    current_step = m.step, step_started_at = clock_timestamp() - m.seconds * interval '1 s',
    progress = coalesce(m.fraction, r.progress), progress_note = coalesce(m.note, r.progress_note),
    estimated_end_at = CASE WHEN m.fraction = r.progress THEN r.estimated_end_at
        ELSE clock_timestamp() + m.remaining * interval '1 s' END
FROM mine m WHERE r.id = m.run_id
RETURNING r.id, r.cancel_requested_at IS NOT NULL, r.subject_id, (
    SELECT p.kind FROM andon.pauses p WHERE p.running = 'hold' AND p.tenant = r.tenant AND r.kind = 'function'
        AND p.name = CASE p.kind WHEN 'queue' THEN r.queue ELSE r.function_id END LIMIT 1)
"""

# Of a run that is to go on; one that somebody else changes now is left alone.
_IF_HELD = f"""
WHERE id IN (
    SELECT id FROM andon.runs
    WHERE id = %(run)s AND fence = %(fence)s AND status IN {HELD} AND cancel_requested_at IS NULL
    FOR NO KEY UPDATE SKIP LOCKED)
"""
_TO_WAIT = f"""
WITH moved AS (
UPDATE andon.runs SET status = CASE WHEN %(seconds)s::float8 IS NULL AND %(wake_at)s::timestamptz IS NULL
        THEN 'queued' ELSE 'waiting' END,
    wake_at = coalesce(%(wake_at)s::timestamptz, clock_timestamp() + %(seconds)s::float8 * interval '1 s'),
    attempt = attempt + %(failed)s::int, error = coalesce(%(error)s::jsonb, error), lost = 0, lost_step = NULL,
    sent_at = NULL, turn = NULL, lease_until = NULL, current_step = NULL, step_started_at = NULL{{door}}
{_IF_HELD}
RETURNING id, fence, worker_id, gate_keys, NULL::uuid AS door
), attempt AS ({KEPT})
"""
_SUSPEND = Statement(_TO_WAIT.replace("{door}", "") + "SELECT id FROM moved")
# Back to its first door: whatever wakes it queues it there, and it has no slot until it is let in again.
_SUSPEND_AND_FREE = Statement(_TO_WAIT.replace("{door}", ", door = gate_keys[1]") + FREES + "SELECT id FROM moved")

# To the door of a pause, which is looked at: it may be over.
_SUSPEND_AT_DOOR = Statement(
    _TO_WAIT.replace("{door}", ", door = %(door)s, door_order = coalesce(door_order, queued_at)")
    + FREES
    + ", looked AS (INSERT INTO andon.gate_due (key) SELECT %(door)s::uuid FROM moved) SELECT id FROM moved"
)

_ENTER = f"""
UPDATE andon.runs SET current_step = %(step)s, step_started_at = clock_timestamp() {_IF_HELD} RETURNING id
"""

_EXTEND = f"""
UPDATE andon.runs SET finish_by = CASE WHEN finish_by IS NOT NULL
    THEN greatest(finish_by, clock_timestamp() + %(seconds)s::float8 * interval '1 s') END
{_IF_HELD} RETURNING id
"""

_ABANDON = f"""
UPDATE andon.runs SET lease_until = clock_timestamp() WHERE id IN (
    SELECT id FROM andon.runs
    WHERE id = %(run)s AND fence = %(fence)s AND status IN {HELD}
    FOR NO KEY UPDATE SKIP LOCKED)
RETURNING id
"""

_CANCELLED_IN = """
SELECT e.traceparent FROM andon.runs r JOIN andon.events e ON e.tenant = r.tenant AND e.id = r.cancel_event_id
WHERE r.id = %s
"""


@dataclass(frozen=True)
class Claimed:
    """A run that this worker holds until its fence moves."""

    id: uuid.UUID
    tenant: str
    function_id: str
    kind: str
    parent_run_id: uuid.UUID | None
    subject_id: uuid.UUID | None
    fence: int
    attempt: int
    lost: int
    event: Event
    memos: dict[str, Memo]
    stored: int
    """How many bytes its results take."""


class Beat(NamedTuple):
    """What a worker says of a run it holds: the step it is in, for how long (seconds), and its progress.

    `remaining` is how many seconds the run will probably still take, None while that can't be told.
    """

    run_id: uuid.UUID
    fence: int
    step: str | None
    seconds: float | None
    fraction: float | None
    note: str | None
    remaining: float | None = None


class Alive(NamedTuple):
    """A run that the worker still holds."""

    run_id: uuid.UUID
    cancelled: bool
    subject_id: uuid.UUID | None
    paused: str | None = None
    """What is paused so that it is to be held at its next step: its `function`, or its `queue`."""


class Hint(NamedTuple):
    """That there is something to claim where this run was queued; `alone`: among those that are tried alone."""

    run_id: uuid.UUID
    alone: bool = False


def claim(connection: Connection, hinted: uuid.UUID, *, alone: bool = False, **how: Any) -> Claimed | None:
    """As `claim_each`, for one hint."""
    return claim_each(connection, [Hint(hinted, alone)], **how)[0]


def claim_each(
    connection: Connection,
    hints: Sequence[Hint],
    *,
    worker: str,
    lease: float,
    functions: Sequence[str] | None = None,
    hosted: Sequence[uuid.UUID] = (),
    finish: Mapping[str, float] | None = None,
) -> list[Claimed | None]:
    """For each hint win the lease of the run whose turn it is in the line to which it was sent: mostly another run.

    Which of its queue's lines that is, its kind says, and whether the hint was to try it alone. None if none is ready
    there. Only a run of one of these `functions`, if they are named, and never one of those that are `hosted`. Memos
    are read under the run's fence. `finish` says how many seconds a function's runs may take, where that is bounded.
    All of it commits together, in one round trip.
    """
    statement = _CLAIM_IN_TIME if finish else _CLAIM
    same = {"worker": worker, "lease": lease, "hosted": list(hosted), "functions": functions}
    values = [{"run": each.run_id, "alone": each.alone, **same, "finish": json.dumps(finish)} for each in hints]
    with connection.pipeline() if len(hints) > 1 else nullcontext():
        cursors = [statement.execute(connection, each) for each in values]
    rows = [cursor.fetchone() for cursor in cursors]
    for hint, row in zip(hints, rows, strict=True):
        if row is None:  # while a wide cancel is being applied
            offer_again(connection, hint.run_id, functions=functions, alone=hint.alone)
    return [None if row is None else _claimed(connection, row) for row in rows]


def _claimed(connection: Connection, row: tuple[Any, ...]) -> Claimed:
    id, tenant, function_id, kind, parent, subject, fence, attempt, lost, seq, *said = row
    event_id, name, data, ts, user, traceparent = said
    # A statement of its own, after the fence moved: inside the claim it would see the memos as they were before
    # the former holder's last write.
    memos, stored = ({}, 0) if fence == 1 else read_memos(connection, id)
    event = Event(name, data, event_id, ts, user, tenant, seq, traceparent)
    return Claimed(id, tenant, function_id, kind, parent, subject, fence, attempt, lost, event, memos, stored)


def offer_again(
    connection: Connection, hinted: uuid.UUID, *, functions: Sequence[str] | None = None, alone: bool = False
) -> None:
    """A hint of this run was taken and can't be followed: let the dispatcher send another to the same line."""
    _OFFER_AGAIN.execute(connection, {"run": hinted, "functions": functions, "alone": alone})


def read_memos(connection: Connection, run_id: uuid.UUID) -> tuple[dict[str, Memo], int]:
    """What the run remembers, by step id, and the bytes that its results take together; those that aren't at hand are
    read by `journal.recall`.
    """
    rows = connection.execute(_MEMOS, {"run": run_id, "at_hand": AT_HAND_BYTES}).fetchall()
    return {row[0]: Memo(*row[:-1]) for row in rows}, int(rows[0][-1]) if rows else 0


def heartbeat(connection: Connection, beats: Sequence[Beat], *, lease: float) -> list[Alive]:
    """Extend the leases of all these runs in one statement.

    A run that is missing in the answer is lost, or its row is locked by somebody now: `journal.standings` tells which.
    """
    if not beats:
        return []
    columns = list(zip(*beats, strict=True))
    values = dict(
        zip(("runs", "fences", "steps", "seconds", "fractions", "notes", "left"), map(list, columns), strict=True)
    )
    return [Alive(*row) for row in connection.execute(_HEARTBEAT, {**values, "lease": lease}).fetchall()]


def suspend(
    connection: Connection,
    run_id: uuid.UUID,
    fence: int,
    *,
    seconds: float | None = None,
    wake_at: dt.datetime | None = None,
    failed: dict[str, Any] | None = None,
    attempted: Attempted | None = None,
    frees: bool = False,
    door: uuid.UUID | None = None,
) -> bool:
    """Let the run wait, or with no time give it back to the queue; False if it was cancelled or lost meanwhile.

    `failed` is the handler's error that caused it, and counts as an attempt; `attempted` is what was cut short by it.
    One that `frees` gives back its slots, and is let in again when it has waited; so does one that goes to a `door`.
    """
    values = {
        "run": run_id,
        "fence": fence,
        "seconds": seconds,
        "wake_at": wake_at,
        "failed": int(failed is not None),
        "door": door,
        "error": json_text(failed),
        **(NOTHING if attempted is None else attempted.values()),
    }
    statement = _SUSPEND_AT_DOOR if door else _SUSPEND_AND_FREE if frees else _SUSPEND
    return statement.execute(connection, values).fetchone() is not None


def enter(connection: Connection, run_id: uuid.UUID, fence: int, step: str) -> bool:
    """Say which step begins before it does: for a run that may take its worker with it. False as with `suspend`."""
    return connection.execute(_ENTER, {"run": run_id, "fence": fence, "step": step}).fetchone() is not None


def extend(connection: Connection, run_id: uuid.UUID, fence: int, seconds: float) -> bool:
    """Let the run take so many seconds from now, if it may not take longer already. False as with `suspend`."""
    return connection.execute(_EXTEND, {"run": run_id, "fence": fence, "seconds": seconds}).fetchone() is not None


def abandon(connection: Connection, run_id: uuid.UUID, fence: int) -> bool:
    """Let the run's lease run out now: it counts as lost, as if this worker were. False if it is locked, or lost."""
    return connection.execute(_ABANDON, {"run": run_id, "fence": fence}).fetchone() is not None


def cancelled_in(connection: Connection, run_id: uuid.UUID) -> str | None:
    """The traceparent of the event that cancelled a run."""
    row = connection.execute(_CANCELLED_IN, [run_id]).fetchone()
    return row[0] if row else None
