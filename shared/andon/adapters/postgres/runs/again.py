"""Runs that repeat another from a step: what was done before it is recalled, not repeated."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

import psycopg

from andon.engine.events import Again

_ASK = "UPDATE andon.outbox SET again = %s::jsonb WHERE event_seq = %s"
# With a fence above that of a run that nobody has held, so that who claims it reads its memos.
_MARK = """
UPDATE andon.runs r SET origin_run_id = w.origin, origin_step = w.step, fence = 1
FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) w (id, origin, step) WHERE r.id = w.id
"""
_BEFORE = """
SELECT w.id AS run, s.* FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) w (id, origin, step)
JOIN andon.steps f ON f.run_id = w.origin AND f.id = w.step
JOIN andon.steps s ON s.run_id = w.origin AND s.position < f.position
WHERE s.status IN ('completed', 'failed') OR s.status = 'sleeping' AND s.wake_at <= clock_timestamp()
"""
_COPY = f"""
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


def ask(connection: psycopg.Connection[Any], seq: int, again: Again) -> None:
    """Let the event, which is accepted in this transaction, repeat a run and start nothing else."""
    said = {"functionId": again.function_id, "runId": str(again.run_id), "step": again.step}
    connection.execute(_ASK, [json.dumps(said), seq])


def begin(connection: psycopg.Connection[Any], runs: Sequence[tuple[uuid.UUID, Again]]) -> None:
    """Note what these new runs repeat, and give them what was done before their steps, with its files."""
    if not runs:
        return
    rows = [(id, again.run_id, again.step) for id, again in runs]
    connection.execute(_MARK, [list(column) for column in zip(*rows, strict=True)])
    if some := [row for row in rows if row[2] is not None]:
        connection.execute(_COPY, [list(column) for column in zip(*some, strict=True)])
