"""A run in a worker's hands: claim it, keep its lease, let it wait, give it back. One guarded statement per verb."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD
from andon.engine.events import Event
from andon.engine.lines import ALONE, URGENT
from andon.engine.memos import Memo

# What a hint leads to: the run whose turn it is in the line that it was sent to. The run that it names may be in
# another line by now. Or it has a hint and no turn: then the release before has sent it. While wide cancels are open,
# the runs that they may concern are stepped over, not more than so many at a time: a sweeper takes them away meanwhile.
_STEPPED_OVER = 10_000
_DOOMED = """
EXISTS (SELECT FROM andon.wide_cancellations w
        WHERE w.status <> 'done' AND w.tenant = {run}.tenant AND w.function_id = {run}.function_id
            AND {run}.kind = 'function' AND {run}.event_seq < w.event_seq)
"""
_LINE = f"""
line AS MATERIALIZED (
    SELECT l.line, l.floor, CASE WHEN EXISTS (SELECT FROM andon.wide_cancellations WHERE status <> 'done')
        THEN l.floor + {_STEPPED_OVER} ELSE 9223372036854775807 END AS ceiling
    FROM andon.runs h JOIN andon.lines l ON l.line = h.queue || CASE WHEN %(alone)s THEN '{ALONE}'
        WHEN h.kind <> 'function' THEN '{URGENT}' ELSE '' END WHERE h.id = %(run)s)
"""
_NEXT = """
SELECT r.id FROM andon.runs r
WHERE r.status = 'queued' AND r.turn IS NOT NULL AND r.line = (SELECT line FROM line)
    AND r.turn >= (SELECT floor FROM line) AND r.turn <= (SELECT ceiling FROM line)
    AND r.sent_at IS NOT NULL AND r.cancel_requested_at IS NULL
"""
_NAMED = """
(SELECT id FROM andon.runs WHERE id = %(run)s AND status = 'queued' AND turn IS NULL AND sent_at IS NOT NULL)
"""
_CLAIM = Statement(f"""
WITH {_LINE}, next AS (
    {_NEXT} AND r.id <> ALL(%(hosted)s) AND NOT {_DOOMED.format(run="r")}
    ORDER BY r.turn, r.id LIMIT 1 FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE andon.runs SET status = 'running', fence = fence + 1, worker_id = %(worker)s,
        attempt = greatest(attempt, 1), started_at = coalesce(started_at, clock_timestamp()), wake_at = NULL,
        estimated_end_at = NULL, lease_until = clock_timestamp() + %(lease)s * interval '1 s'
    WHERE id = coalesce({_NAMED}, (SELECT id FROM next)) AND status = 'queued' AND cancel_requested_at IS NULL
        AND id <> ALL(%(hosted)s) AND NOT {_DOOMED.format(run="runs")}
    RETURNING id, tenant, function_id, kind, parent_run_id, report_id, fence, attempt, event_seq, lost, lost_step
)
SELECT c.id, c.tenant, c.function_id, c.kind, c.parent_run_id, c.report_id, c.fence, c.attempt, c.lost, c.lost_step,
    e.seq, e.id, e.name, e.data, e.ts, e."user", e.traceparent,
    ARRAY(SELECT k.key FROM andon.cancel_keys k WHERE k.run_id = c.id)
FROM claimed c JOIN andon.events e ON e.seq = c.event_seq
""")

_OFFER_AGAIN = Statement(f"""
WITH {_LINE}, next AS ({_NEXT} ORDER BY r.turn, r.id LIMIT 1 FOR UPDATE SKIP LOCKED)
UPDATE andon.runs SET sent_at = NULL
WHERE id = coalesce({_NAMED}, (SELECT id FROM next)) AND status = 'queued' AND cancel_requested_at IS NULL
""")

_MEMOS = """
SELECT id, position, status, attempt, output, error, wake_at IS NULL OR wake_at <= clock_timestamp()
FROM andon.steps WHERE run_id = %s
"""

_HEARTBEAT = f"""
WITH mine AS (
    SELECT * FROM unnest(%(runs)s::uuid[], %(fences)s::bigint[], %(steps)s::text[], %(seconds)s::float8[],
        %(fractions)s::float8[], %(notes)s::text[], %(left)s::float8[])
        AS m (run_id, fence, step, seconds, fraction, note, remaining)
)
UPDATE andon.runs r SET lease_until = clock_timestamp() + %(lease)s * interval '1 s',
    current_step = m.step, step_started_at = clock_timestamp() - m.seconds * interval '1 s',
    progress = coalesce(m.fraction, r.progress), progress_note = coalesce(m.note, r.progress_note),
    estimated_end_at = CASE WHEN m.fraction = r.progress THEN r.estimated_end_at
        ELSE clock_timestamp() + m.remaining * interval '1 s' END
FROM mine m WHERE r.id = m.run_id AND r.fence = m.fence AND r.status IN {HELD}
RETURNING r.id, r.cancel_requested_at IS NOT NULL, r.report_id
"""

_SUSPEND = """
UPDATE andon.runs SET status = CASE WHEN %(seconds)s::float8 IS NULL AND %(wake_at)s::timestamptz IS NULL
        THEN 'queued' ELSE 'waiting' END,
    wake_at = coalesce(%(wake_at)s::timestamptz, clock_timestamp() + %(seconds)s::float8 * interval '1 s'),
    attempt = attempt + %(failed)s::int, error = coalesce(%(error)s::jsonb, error), lost = 0, lost_step = NULL,
    sent_at = NULL, turn = NULL, lease_until = NULL, current_step = NULL, step_started_at = NULL
WHERE id = %(run)s AND fence = %(fence)s AND status = 'running' AND cancel_requested_at IS NULL
RETURNING id
"""


@dataclass(frozen=True)
class Claimed:
    """A run that this worker holds until its fence moves."""

    id: uuid.UUID
    tenant: str
    function_id: str
    kind: str
    parent_run_id: uuid.UUID | None
    report_id: uuid.UUID | None
    fence: int
    attempt: int
    lost: int
    lost_step: str | None
    event: Event
    cancel_keys: tuple[uuid.UUID, ...]
    memos: dict[str, Memo]


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
    report_id: uuid.UUID | None


def claim(
    connection: psycopg.Connection[Any],
    hinted: uuid.UUID,
    *,
    worker: str,
    lease: float,
    alone: bool = False,
    hosted: Sequence[uuid.UUID] = (),
) -> Claimed | None:
    """Win the lease of the run whose turn it is in the line to which `hinted` was sent: mostly another.

    Which of its queue's lines that is, its kind says, and whether the hint was to try it `alone`. None if none is ready
    there. Never one of those that are `hosted`. Memos are read under the run's fence.
    """
    values = {"run": hinted, "worker": worker, "lease": lease, "alone": alone, "hosted": list(hosted)}
    row = _CLAIM.execute(connection, values).fetchone()
    if row is None:
        offer_again(connection, hinted, alone=alone)  # if a wide cancel is being applied, until that is done
        return None
    id, tenant, function_id, kind, parent, report, fence, attempt, lost, lost_step, seq, *event, keys = row
    event_id, name, data, ts, user, traceparent = event
    # A statement of its own, after the fence moved: inside the claim it would see the memos as they were before
    # the former holder's last write.
    memos = {} if fence == 1 else read_memos(connection, id)
    return Claimed(
        id=id,
        tenant=tenant,
        function_id=function_id,
        kind=kind,
        parent_run_id=parent,
        report_id=report,
        fence=fence,
        attempt=attempt,
        lost=lost,
        lost_step=lost_step,
        event=Event(name, data, event_id, ts, user, tenant, seq, traceparent),
        cancel_keys=tuple(keys),
        memos=memos,
    )


def offer_again(connection: psycopg.Connection[Any], hinted: uuid.UUID, *, alone: bool = False) -> None:
    """A hint of this run was taken and can't be followed: let the dispatcher send another to the same line."""
    _OFFER_AGAIN.execute(connection, {"run": hinted, "alone": alone})


def read_memos(connection: psycopg.Connection[Any], run_id: uuid.UUID) -> dict[str, Memo]:
    """What the run remembers, by step id."""
    return {row[0]: Memo(*row) for row in connection.execute(_MEMOS, [run_id]).fetchall()}


def heartbeat(connection: psycopg.Connection[Any], beats: Sequence[Beat], *, lease: float) -> list[Alive]:
    """Extend the leases of all these runs in one statement; a run that is missing in the answer is lost."""
    if not beats:
        return []
    columns = list(zip(*beats, strict=True))
    values = dict(
        zip(("runs", "fences", "steps", "seconds", "fractions", "notes", "left"), map(list, columns), strict=True)
    )
    return [Alive(*row) for row in connection.execute(_HEARTBEAT, {**values, "lease": lease}).fetchall()]


def suspend(
    connection: psycopg.Connection[Any],
    run_id: uuid.UUID,
    fence: int,
    *,
    seconds: float | None = None,
    wake_at: dt.datetime | None = None,
    failed: dict[str, Any] | None = None,
) -> bool:
    """Let the run wait, or with no time give it back to the queue; False if it was cancelled or lost meanwhile.

    `failed` is the handler's error that caused it, and counts as an attempt.
    """
    values = {
        "run": run_id,
        "fence": fence,
        "seconds": seconds,
        "wake_at": wake_at,
        "failed": int(failed is not None),
        "error": None if failed is None else json.dumps(failed),
    }
    return connection.execute(_SUSPEND, values).fetchone() is not None
