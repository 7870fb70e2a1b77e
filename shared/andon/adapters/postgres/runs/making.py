"""Rows of new runs, hinted at once, at doors or pending; what they can be found and cancelled by, what they repeat."""

import uuid
from collections.abc import Sequence
from typing import Any

from andon.adapters.postgres.connect import Connection, columns
from andon.adapters.postgres.events.inbox import written
from andon.engine.events import Again

_HINTED = """
INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, queue, line, rules, turn, sent_at)
SELECT r.id, r.tenant, r.function_id, r.seq, r.subject_id, r.queue, r.queue, r.rules::uuid[], r.turn,
    clock_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::uuid[], %s::text[], %s::text[],
    %s::bigint[]) r (id, tenant, function_id, seq, subject_id, queue, rules, turn)
"""
_AT_DOORS = """
INSERT INTO andon.runs
    (id, tenant, function_id, event_seq, subject_id, queue, line, rules, door, door_order, gate_keys)
SELECT r.id, r.tenant, r.function_id, r.seq, r.subject_id, r.queue, r.queue, r.rules::uuid[], r.door,
    coalesce(r.door_order, clock_timestamp()), nullif(r.gate_keys, '{}')::uuid[]
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::uuid[], %s::text[], %s::text[],
    %s::uuid[], %s::text[], %s::timestamptz[])
    r (id, tenant, function_id, seq, subject_id, queue, rules, door, gate_keys, door_order)
"""
# Of one that is pending, from when it is quiet.
_START_BY = """
UPDATE andon.runs r SET start_by = coalesce(r.wake_at, r.queued_at) + w.seconds * interval '1 s'
FROM unnest(%s::uuid[], %s::float8[]) w (id, seconds) WHERE r.id = w.id
"""
_PENDING = """
INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id, queue, line, rules, door, door_order,
    gate_keys, status, debounce_key, wake_at)
SELECT r.id, r.tenant, r.function_id, r.seq, r.subject_id, r.queue, r.queue, r.rules::uuid[], r.door,
    CASE WHEN r.door IS NOT NULL THEN clock_timestamp() END, nullif(r.gate_keys, '{}')::uuid[], 'waiting',
    r.debounce_key, clock_timestamp() + least(r.period, r.longest) * interval '1 s'
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::uuid[], %s::text[], %s::text[],
        %s::uuid[], %s::text[], %s::uuid[], %s::float8[], %s::float8[])
    r (id, tenant, function_id, seq, subject_id, queue, rules, door, gate_keys, debounce_key,
        period, longest)
"""
_TAGS = """
INSERT INTO andon.run_tags (tenant, tag, run_id) SELECT * FROM unnest(%s::text[], %s::text[], %s::uuid[])
ON CONFLICT DO NOTHING
"""
_KEYS = (
    "INSERT INTO andon.cancel_keys (run_id, key, event_seq) SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[])"
)
_ASK = "UPDATE andon.outbox SET again = %s::jsonb WHERE event_seq = %s"
# With a fence above that of a run that nobody has held, so that who claims it reads its memos.
_REPEATS = """
UPDATE andon.runs r SET origin_run_id = w.origin, origin_step = w.step, fence = 1
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) w (id, origin, step) WHERE r.id = w.id
"""
_BEFORE = """
SELECT w.id AS run, s.* FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) w (id, origin, step)
JOIN andon.steps s ON s.run_id = w.origin AND s.position < (
    SELECT min(f.position) FROM andon.steps f
    WHERE f.run_id = w.origin AND (f.id = w.step OR f.branch IS NOT NULL AND starts_with(f.id, w.step || '/')))
WHERE s.status IN ('completed', 'failed') OR s.status = 'sleeping' AND s.wake_at <= clock_timestamp()
"""
_RECALLED = f"""
WITH memos AS ({_BEFORE}), copied AS (
    INSERT INTO andon.steps (run_id, id, position, branch, status, attempt, fence, started_at, ended_at, wake_at,
        output, error, worker_id, input)
    SELECT run, id, position, branch, status, attempt, 1, started_at, ended_at, wake_at, output, error, worker_id, input
    FROM memos
)
INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)
SELECT m.run, a.name, a.step, a.key, a.bytes, a.media_type
FROM memos m JOIN andon.run_artifacts a ON a.run_id = m.run_id AND a.step = m.id
"""

Rows = Sequence[tuple[Any, ...]]
"""Values in the order of the statement's columns."""


def make(
    connection: Connection,
    *,
    hinted: Rows = (),
    at_doors: Rows = (),
    pending: Rows = (),
    start_by: Rows = (),
    keys: Rows = (),
    tags: Rows = (),
) -> None:
    """Make these runs, each of one kind: `hinted` ones have their turn. `start_by` are seconds, by run; `keys` and
    `tags` are what they can be cancelled and found by.
    """
    of_runs = ((_HINTED, hinted), (_AT_DOORS, at_doors), (_PENDING, pending), (_START_BY, start_by))
    for statement, rows in (*of_runs, (_KEYS, keys), (_TAGS, tags)):
        if rows:
            connection.execute(statement, columns(rows))


def ask_again(connection: Connection, seq: int, again: Again) -> None:
    """Let the event, which is accepted in this transaction, repeat a run and start nothing else."""
    connection.execute(_ASK, [written(again), seq])


def repeat(connection: Connection, runs: Sequence[tuple[uuid.UUID, Again]]) -> None:
    """Note what these new runs repeat, and give them what was done before their steps, with its files."""
    if not runs:
        return
    rows = [(id, again.run_id, again.step) for id, again in runs]
    connection.execute(_REPEATS, columns(rows))
    if some := [row for row in rows if row[2] is not None]:
        connection.execute(_RECALLED, columns(some))
