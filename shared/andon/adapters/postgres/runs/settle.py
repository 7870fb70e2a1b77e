"""Settling: the one terminal move of a run, and all that it means, in one statement.

Every settling statement starts with a CTE `moved` (a guarded UPDATE of runs) and ends with `_EFFECTS`: the subject
follows its current run, what it waited for is forgotten, `on_cancel` or `on_failure` becomes a run of its own, and the
engine's event goes to the inbox and the outbox. The caller has locked the subjects first: the lock order is subjects,
then runs. A run that didn't complete keeps its `current_step`: it is where it stopped.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors.gate import FREES
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD, UNHELD
from andon.engine.events import MAX_BYTES, Event

TOLD_AT_ONCE = 500
STEPS_TOLD = 50  # of the first, and of the last
PART_BYTES = 16 * 1024
RETURNED = "id, tenant, function_id, kind, event_seq, subject_id, status, error, queue, cancel_cause, " + (
    "cancel_requested_at, cancel_requested_by, cancel_reason, cancel_event_id, cancel_stopped_at, ended_at, "
    "lease_until, door, gate_keys, parent_run_id, parent_step"
)


def of_run(name: str) -> str:
    """What a settling statement returns, of the run that it calls so."""
    return ", ".join(f"{name}.{column}" for column in RETURNED.split(", "))


_SHORT_ERROR = """jsonb_build_object('type', left(m.error->>'type', 200),
                'message', left(m.error->>'message', 2000), 'shortened', true)"""

# The row that follows the subject is written by `andon.follow`, or owed: it delays nobody.
_ON_SUBJECT = """
, moved_subject AS (
    UPDATE andon.subjects s SET status = m.status,
        error = CASE m.status WHEN 'failed' THEN coalesce(m.error->>'message', 'failed') END,
        completed_at = CASE m.status WHEN 'completed' THEN m.ended_at END,
        failed_at = CASE m.status WHEN 'failed' THEN m.ended_at END,
        cancelled_at = CASE m.status WHEN 'cancelled' THEN m.ended_at END,
        cancel_requested_at = coalesce(s.cancel_requested_at, m.cancel_requested_at),
        updated_at = m.ended_at, version = s.version + 1
    FROM moved m WHERE s.id = m.subject_id AND s.current_run_id = m.id
    RETURNING andon.follow(s)
)
"""

# After a settling by force it waits: see `cleanups`.
_ON_CLEANUP = """
, unawaited AS (
    DELETE FROM andon.waits w USING moved m WHERE w.run_id = m.id
)
, cleanup AS (
    INSERT INTO andon.runs (id, tenant, function_id, kind, parent_run_id, event_seq, queue, status, wake_at)
    SELECT andon.uuid7(), m.tenant, m.function_id, hook.kind, m.id, m.event_seq, m.queue,
        CASE WHEN m.lease_until > clock_timestamp() THEN 'waiting' ELSE 'queued' END,
        CASE WHEN m.lease_until > clock_timestamp() THEN m.lease_until END
    FROM moved m JOIN andon.functions f ON f.id = m.function_id
    JOIN (VALUES ('cancelled', 'on_cancel'), ('failed', 'on_failure')) hook (status, kind) ON hook.status = m.status
    WHERE m.kind = 'function' AND f.settings->hook.kind = 'true'::jsonb
    RETURNING id
)
"""


def _size(value: str) -> str:
    """SQL for no less than the bytes of the JSON with other letters escaped, which is how events are measured."""
    return f"(5 * octet_length({value}::text) - 4 * char_length({value}::text))"


def _within(value: str, limit: int, otherwise: str) -> str:
    """SQL for the JSON if it is that small, or NULL."""
    return f"CASE WHEN {_size(value)} > {limit} THEN {otherwise} ELSE {value} END"


# An end's event must be one that the bus takes, whatever the run was: 7,000 steps, an event that is as large as one may
# be, a long error. So each part of it is bounded, and the data that the run was made of get what is left. Of an end
# that a run was made of, the data have no other event's: a chain of runs would nest them deeper each time.
_TOLD = f"""
, ended AS (
    SELECT m.id AS run_id, m.tenant, m.status, m.ended_at, e.traceparent, e.hops,
        CASE WHEN starts_with(e.name, 'andon/function.') THEN e.data #- '{{event,data}}' ELSE e.data END AS given,
        jsonb_build_object(
            'functionId', m.function_id, 'runId', m.id, 'reason', left(m.cancel_reason, 2000),
            'requestedBy', {_within("m.cancel_requested_by", PART_BYTES, "NULL")}, 'cancelEventId', m.cancel_event_id,
            'cause', m.cancel_cause,
            'error', {_within("m.error", PART_BYTES * 3, _SHORT_ERROR)},
            'completedSteps', {_within("s.ids", PART_BYTES * 3, "'[]'")}, 'completedStepCount', s.number)
            || CASE WHEN m.parent_step IS NULL THEN '{{}}' ELSE jsonb_build_object('parentRunId', m.parent_run_id) END
            AS rest,
        jsonb_build_object('id', e.id, 'name', e.name,
            'ts', to_char(e.ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            'user', {_within('e."user"', PART_BYTES, "NULL")}) AS event
    FROM moved m JOIN andon.events e ON e.seq = m.event_seq, LATERAL (
        SELECT count(*) AS number, coalesce(jsonb_agg(left(id, 200) ORDER BY place)
            FILTER (WHERE place <= {STEPS_TOLD} OR place > number - {STEPS_TOLD}), '[]') AS ids
        FROM (SELECT id, row_number() OVER (ORDER BY position) AS place, count(*) OVER () AS number
              FROM andon.steps WHERE run_id = m.id AND status = 'completed') completed) s
    WHERE m.kind = 'function'
), event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, traceparent, hops)
    SELECT tenant, gen_random_uuid()::text, 'andon/function.' || status, rest || jsonb_build_object('event', event ||
            CASE WHEN {_size("rest")} + {_size("event")} + {_size("given")} < {MAX_BYTES - 100}
                THEN jsonb_build_object('data', given) ELSE '{{"data": null, "dataLeftOut": true}}' END),
        ended_at, traceparent, hops + 1
    FROM ended
    RETURNING seq, tenant, id, name, data, ts
), outgoing AS (
    INSERT INTO andon.outbox (event_seq) SELECT seq FROM event
)
"""

_ENDED = """
SELECT id, status, subject_id, %s, extract(epoch FROM cancel_stopped_at - cancel_requested_at)::float8,
    extract(epoch FROM ended_at - cancel_requested_at)::float8,
    NULL::bigint, NULL, NULL, NULL, NULL::jsonb, NULL::timestamptz FROM moved
UNION ALL  -- the caller pairs them by run: a join of two CTEs would compare every row with every other
SELECT (data->>'runId')::uuid, NULL, NULL, NULL, NULL, NULL, seq, id, name, tenant, data, ts FROM event
"""

_EFFECTS = _ON_CLEANUP + _TOLD + _ENDED % "EXISTS (SELECT FROM cleanup)"


def settling(moved: str) -> Statement:
    """Settles runs by a CTE `moved` that returns `RETURNED`. Who executes it has locked their subjects."""
    return Statement(moved + FREES + _ON_SUBJECT + _EFFECTS)


# Waits for nobody: an end whose run or subject somebody else changes now is left out. Subjects are locked before runs.
# Each is looked for by its id: of a join, the planner would read all runs that any worker holds, or that there are.
_BY_HOLDER = f"""
WITH ends AS (
    SELECT * FROM json_to_recordset(%(ends)s::json)
        AS e (id uuid, fence bigint, status text, output text, error text, stopped float8, step text, seconds float8)
), subject AS (
    SELECT s.id FROM ends e, LATERAL (
        SELECT s.id FROM andon.subjects s WHERE s.id = (SELECT r.subject_id FROM andon.runs r WHERE r.id = e.id)
        FOR NO KEY UPDATE SKIP LOCKED) s
), held AS (
    SELECT r.id FROM ends e, LATERAL (
        SELECT r.id FROM andon.runs r
        WHERE r.id = e.id AND r.fence = e.fence AND r.status IN {HELD}
            AND (r.subject_id IS NULL OR r.subject_id IN (SELECT id FROM subject)
                OR NOT EXISTS (SELECT FROM andon.subjects s WHERE s.id = r.subject_id))
        FOR NO KEY UPDATE OF r SKIP LOCKED) r
), moved AS (
    UPDATE andon.runs r SET
        status = CASE WHEN r.cancel_requested_at IS NULL THEN e.status ELSE 'cancelled' END,
        output = CASE WHEN r.cancel_requested_at IS NULL THEN e.output::json END,
        error = CASE WHEN r.cancel_requested_at IS NULL THEN e.error::jsonb END,
        cancel_requested_at = CASE WHEN e.status = 'cancelled'
            THEN coalesce(r.cancel_requested_at, clock_timestamp()) ELSE r.cancel_requested_at END,
        cancel_stopped_at = CASE WHEN r.cancel_requested_at IS NOT NULL OR e.status = 'cancelled'
            THEN greatest(coalesce(r.cancel_requested_at, clock_timestamp()),
                clock_timestamp() - e.stopped * interval '1 s') END,
        progress = CASE WHEN e.status = 'completed' AND r.cancel_requested_at IS NULL THEN 1 ELSE r.progress END,
        progress_note = NULL, ended_at = clock_timestamp(), lease_until = NULL,
        current_step = CASE WHEN e.status <> 'completed' OR r.cancel_requested_at IS NOT NULL
            THEN coalesce(e.step, r.current_step) END,
        step_started_at = CASE WHEN e.status <> 'completed' OR r.cancel_requested_at IS NOT NULL
            THEN coalesce(clock_timestamp() - e.seconds * interval '1 s', r.step_started_at) END
    FROM ends e WHERE r.id = e.id AND r.id = ANY(ARRAY(SELECT id FROM held))
        AND NOT (r.awaits_children AND (r.cancel_requested_at IS NOT NULL OR e.status = 'cancelled'))
    RETURNING {of_run("r")}
)"""

_SETTLE_HELD = Statement(_BY_HOLDER + _ON_SUBJECT + _EFFECTS)
_SETTLE_HELD_AND_FREE = settling(_BY_HOLDER)

_CANCEL_UNHELD = settling(f"""
WITH moved AS (
    UPDATE andon.runs SET status = 'cancelled', ended_at = clock_timestamp(), wake_at = NULL,
        cancel_stopped_at = cancel_requested_at
    WHERE id = ANY(%(ids)s) AND status IN {UNHELD} AND cancel_requested_at IS NOT NULL
    RETURNING {RETURNED}
)""")

_VOID = settling(f"""
WITH moved AS (
    UPDATE andon.runs SET status = CASE WHEN cancel_requested_at IS NULL THEN 'failed' ELSE 'cancelled' END,
        forced = %(forced)s, fence = fence + 1, ended_at = clock_timestamp(),
        lease_until = CASE WHEN %(forced)s THEN lease_until END,  -- its code may go on as long as it has that
        error = CASE WHEN cancel_requested_at IS NULL THEN %(error)s::jsonb END
    WHERE id = ANY(%(ids)s) AND status IN {HELD}
        AND CASE WHEN %(forced)s THEN status = 'cancelling' AND cancel_deadline_at <= clock_timestamp()
            ELSE lease_until <= clock_timestamp() AND NOT (awaits_children AND cancel_requested_at IS NOT NULL) END
    RETURNING {RETURNED}
)""")

# Runs that were made in this transaction and can't be let in, so nobody else knows of them yet.
_FAIL_QUEUED = Statement(f"""
WITH moved AS (
    UPDATE andon.runs r SET status = 'failed', ended_at = clock_timestamp(), error = e.error::jsonb
    FROM unnest(%(ids)s::uuid[], %(errors)s::text[]) AS e (id, error) WHERE r.id = e.id AND r.status = 'queued'
    RETURNING {of_run("r")}
){_ON_SUBJECT}{_EFFECTS}""")

# For a great many runs at once: what tells of their ends is made later, some hundreds at a time.
_EFFECTS_UNTOLD = f"""{FREES}{_ON_SUBJECT}{_ON_CLEANUP}
, untold AS (
    INSERT INTO andon.untold_ends (id, run_ids)
    SELECT andon.uuid7(), array_agg(id) FROM (SELECT id, row_number() OVER () / {TOLD_AT_ONCE} AS part FROM moved) m
    GROUP BY part
)
"""


def settling_untold(moved: str, then: str = "SELECT id FROM moved") -> Statement:
    """As `settling`, for many runs; what it `then` reads is the caller's. `make_ends` makes their events."""
    return Statement(moved + _EFFECTS_UNTOLD + then)


_TELL = Statement(f"""
WITH taken AS (
    DELETE FROM andon.untold_ends WHERE id = (
        SELECT id FROM andon.untold_ends ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING run_ids
), moved AS (
    SELECT * FROM andon.runs WHERE id = ANY((SELECT run_ids FROM taken)::uuid[])
){_TOLD}{_ENDED % "false"}""")


class Settled(NamedTuple):
    """A run that has just ended, and the engine's event that tells so (None for a cleanup run)."""

    run_id: uuid.UUID
    status: str
    subject_id: uuid.UUID | None
    cleanup: bool
    event: Event | None
    stopped_after: float | None = None
    """Seconds from a cancel's acceptance until the run's code had stopped."""
    settled_after: float | None = None
    """Seconds from a cancel's acceptance until the run's end."""


def settle_by(connection: Connection, statement: Statement, values: dict[str, Any]) -> list[Settled]:
    """Settle runs by a statement that `settling` has made."""
    rows = statement.execute(connection, values).fetchall()
    events = {
        run_id: Event(name, data, event_id, ts, tenant=tenant, seq=seq)
        for run_id, _, _, _, _, _, seq, event_id, name, tenant, data, ts in rows
        if seq is not None
    }
    return [
        Settled(run_id, status, subject_id, cleanup, events.get(run_id), stopped_after, settled_after)
        for run_id, status, subject_id, cleanup, stopped_after, settled_after, seq, *_ in rows
        if seq is None
    ]


def make_ends(connection: Connection) -> list[Settled]:
    """Make the events of some runs that were settled untold; empty when none are left."""
    return settle_by(connection, _TELL, {})


class End(NamedTuple):
    """How a run that a worker holds has ended. `output` and `error` are JSON texts, `stopped` is seconds ago.

    `step` is what it has stopped in, and `seconds` how long ago that was begun; None where the heartbeat knows it.
    """

    id: uuid.UUID
    fence: int
    status: str
    output: str | None = None
    error: str | None = None
    stopped: float = 0.0
    step: str | None = None
    seconds: float | None = None


def settle_held(connection: Connection, ends: Sequence[End], *, frees: bool = False) -> list[Settled]:
    """Settle runs that this worker holds, in one statement; those that it doesn't hold any more, or that are locked
    now, are missing in the answer.

    A cancel that was accepted before wins: the status returned is then `cancelled`, whatever was asked for. One that
    is cancelled and ends after its children is left out, too: see `awaiting`. Where one
    of them may hold a slot, they have to say that it `frees` it.
    """
    text = json.dumps([{**each._asdict(), "id": str(each.id)} for each in ends])
    return settle_by(connection, _SETTLE_HELD_AND_FREE if frees else _SETTLE_HELD, {"ends": text})


def cancel_unheld(connection: Connection, run_ids: Sequence[uuid.UUID]) -> list[Settled]:
    """Settle those of `run_ids` that are marked and that no worker holds. Subjects are locked by the caller."""
    return settle_by(connection, _CANCEL_UNHELD, {"ids": list(run_ids)}) if run_ids else []


def fail_queued(connection: Connection, faults: Mapping[uuid.UUID, str]) -> list[Settled]:
    """Settle runs that can never start as failed, each for its reason. Subjects are locked by the caller."""
    if not faults:
        return []
    errors = [json.dumps({"type": "RegistrationError", "message": why}) for why in faults.values()]
    return settle_by(connection, _FAIL_QUEUED, {"ids": list(faults), "errors": errors})


def settle_void(
    connection: Connection, run_ids: Sequence[uuid.UUID], *, forced: bool, error: str | None = None
) -> list[Settled]:
    """Settle runs over their holder's head, its fence void.

    With `forced`, those past their cancel deadline; else those whose lease ran out. Subjects are locked by the caller.
    """
    return settle_by(connection, _VOID, {"ids": list(run_ids), "forced": forced, "error": error}) if run_ids else []
