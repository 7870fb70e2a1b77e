"""Ended runs by the million, as they would be kept: request, run, two memos, and the event that tells of its end."""

from __future__ import annotations

from typing import Any

import psycopg

CHUNK = 50_000
_FILL = """
WITH asked AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, stream_id)
    SELECT 'default', 'kept-' || n, 'capacity/asked', jsonb_build_object('key', 'kept-' || n, 'steps', 2),
        clock_timestamp(), '1700000000000-' || n
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) n RETURNING seq, id, data, ts
), run AS (
    INSERT INTO andon.runs (id, tenant, function_id, event_seq, queue, status, fence, attempt, worker_id, sent_at,
        started_at, ended_at, progress, output)
    SELECT andon.uuid7(), 'default', 'capacity', seq, 'default', 'completed', 1, 1, 'host:1:aaaaaa', ts, ts,
        clock_timestamp(), 1, 'null' FROM asked RETURNING id, event_seq
), key AS (
    INSERT INTO andon.cancel_keys (run_id, key, event_seq) SELECT id, gen_random_uuid(), event_seq FROM run
), told AS (
    INSERT INTO andon.events (tenant, id, name, data, ts)
    SELECT 'default', gen_random_uuid()::text, 'andon/function.completed', jsonb_build_object(
        'functionId', 'capacity', 'runId', r.id, 'reason', NULL, 'requestedBy', NULL, 'cancelEventId', NULL,
        'error', NULL, 'completedSteps', '["step-0", "step-1"]'::jsonb, 'event', jsonb_build_object('id', a.id,
        'name', 'capacity/asked', 'data', a.data, 'ts', a.ts, 'user', NULL)), clock_timestamp()
    FROM run r JOIN asked a ON a.seq = r.event_seq
)
INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at, output)
SELECT run.id, 'step-' || p, p, 'completed', 1, 1, clock_timestamp(), clock_timestamp(), '0'
FROM run, generate_series(0, 1) p
"""


def fill(connection: psycopg.Connection[Any], runs: int) -> None:
    """Make `runs` the number of runs kept; the planner knows of them."""
    row = connection.execute("SELECT count(*) FROM andon.runs").fetchone()
    for first in range((row[0] if row else 0) + 1, runs + 1, CHUNK):
        connection.execute(_FILL, {"first": first, "last": min(first + CHUNK - 1, runs)})
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")
