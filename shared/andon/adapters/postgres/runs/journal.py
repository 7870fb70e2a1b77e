"""What runs remember, as statements for many runs at once. Each write holds its run's row lock and carries its fence.

`INSERT ... WHERE fence = n` alone would let a former holder commit after the new one has read the memos: so the row
is locked in the same statement, and the new holder's claim waits for it. No statement here waits for a row that
somebody else changes now: what can't be written yet is left out, `standings` says whether to try again, and nobody
waits for his neighbour's lock.
"""

import datetime as dt
import json
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import psycopg

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events.inbox import event_of_row
from andon.adapters.postgres.runs.attempts import KEPT, Attempted
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD
from andon.engine.artifacts import Stored
from andon.engine.errors import AndonError
from andon.engine.events import Event
from andon.engine.ports import Attempt

_HOLD = f"""
SELECT id, worker_id, cancel_requested_at IS NOT NULL AS cancelled FROM andon.runs
WHERE id = %(run)s AND fence = %(fence)s AND status IN {HELD} FOR SHARE
"""
_HELD = f"""
    SELECT r.worker_id FROM andon.runs r WHERE r.id = k.run AND r.fence = k.fence AND r.status IN {HELD}
        AND r.cancel_requested_at IS NULL FOR SHARE SKIP LOCKED
"""
OR_REPLACE = """
ON CONFLICT (run_id, id) DO UPDATE SET status = 'completed', attempt = excluded.attempt, fence = excluded.fence,
    started_at = CASE WHEN s.status = 'sleeping' THEN s.started_at ELSE excluded.started_at END,
    ended_at = excluded.ended_at, output = excluded.output, error = NULL, wake_at = NULL,
    worker_id = excluded.worker_id, input = excluded.input
WHERE s.status <> 'completed' OR s.fence = excluded.fence
"""
COMPLETE = Statement(f"""
WITH held AS ({_HOLD})
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, output, worker_id,
    input)
SELECT held.id, %(name)s, %(position)s, 'completed', %(attempt)s, %(fence)s,
    clock_timestamp() - %(seconds)s * interval '1 s', clock_timestamp(), %(output)s::json, held.worker_id,
    %(input)s
FROM held WHERE NOT held.cancelled {OR_REPLACE}
RETURNING 1
""")
HOLD = Statement(_HOLD)

# One, where a statement takes many.
_THIS = "kept AS (SELECT %(run)s::uuid AS run, %(fence)s::bigint AS fence)"
_RESULTS = """
SELECT k.* FROM json_to_recordset(%(kept)s::json) AS k
    (run uuid, fence bigint, name text, position int, attempt int, seconds float8, output text, files json, input text,
     branch smallint)
"""
_COMPLETED = f"""
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, output, worker_id,
    input, branch)
SELECT k.run, k.name, k.position, 'completed', k.attempt, k.fence,
    clock_timestamp() - k.seconds * interval '1 s', clock_timestamp(), k.output::json, held.worker_id,
    k.input, k.branch
FROM kept k, LATERAL ({_HELD}) held {OR_REPLACE}
"""
_KEEP = Statement(f"WITH kept AS ({_RESULTS}) {_COMPLETED} RETURNING run_id")

# A name that another step of the run has used is refused: by the column that can't be null.
_KEEP_WITH_FILES = Statement(f"""
WITH kept AS ({_RESULTS}), memos AS ({_COMPLETED} RETURNING run_id, id), stored AS (
    INSERT INTO andon.run_artifacts AS a (run_id, name, step, key, bytes, media_type)
    SELECT k.run, f.name, k.name, f.key, f.bytes, f.media_type
    FROM kept k JOIN memos m ON m.run_id = k.run AND m.id = k.name,
        LATERAL json_to_recordset(k.files) AS f (name text, key text, bytes bigint, media_type text)
    ON CONFLICT (run_id, name) DO UPDATE SET key = excluded.key, bytes = excluded.bytes,
        media_type = excluded.media_type, step = CASE a.step WHEN excluded.step THEN a.step END
)
SELECT run_id FROM memos
""")

_FAIL = Statement(f"""
WITH {_THIS}, found AS MATERIALIZED (
    SELECT k.run AS id, k.fence, held.worker_id, EXISTS (
        SELECT FROM andon.steps s WHERE s.run_id = k.run AND s.id = %(name)s AND s.status = 'completed') AS completed
    FROM kept k, LATERAL ({_HELD}) held
), moved AS MATERIALIZED (
    SELECT * FROM found WHERE NOT completed
), attempt AS ({KEPT}), failed AS (
    INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, error, worker_id,
        input, branch)
    SELECT m.id, %(name)s, %(position)s, %(status)s, %(attempt)s, m.fence,
        clock_timestamp() - %(seconds)s * interval '1 s', clock_timestamp(), %(error)s::jsonb, m.worker_id, %(input)s,
        %(branch)s
    FROM moved m
    ON CONFLICT (run_id, id) DO UPDATE SET status = excluded.status, attempt = excluded.attempt, fence = excluded.fence,
        started_at = excluded.started_at, ended_at = excluded.ended_at, error = excluded.error,
        worker_id = excluded.worker_id, input = excluded.input
)
SELECT completed FROM found
""")

_SLEEP = Statement(f"""
WITH {_THIS}
INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, wake_at)
SELECT k.run, %(name)s, %(position)s, 'sleeping', 1, k.fence, clock_timestamp(),
    coalesce(%(until)s::timestamptz, clock_timestamp() + %(seconds)s::float8 * interval '1 s')
FROM kept k, LATERAL ({_HELD}) held
ON CONFLICT (run_id, id) DO UPDATE SET fence = excluded.fence
RETURNING wake_at
""")


def sender(lock: str) -> str:
    """The CTE `held`: a run that its worker holds and that is to go on, with its tenant and its event's hops."""
    return f"""held AS (
    SELECT r.id AS run, r.fence, r.tenant, e.hops FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq
    WHERE r.id = %(run)s AND r.fence = %(fence)s AND r.status IN {HELD} AND r.cancel_requested_at IS NULL
    FOR {lock} OF r SKIP LOCKED
)"""


# Follows the CTEs `held` and `memo`, which is empty where nothing is to be sent. The runs that lead to what a run sends
# are those that lead to its own event, and itself.
SENT = """
, recorded AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent, hops)
    SELECT held.tenant, e.id, e.name, e.data, coalesce(e.ts, clock_timestamp()), e."user",
        coalesce(e.traceparent, %(traceparent)s), held.hops + 1
    FROM held JOIN memo ON memo.run_id = held.run,
        ROWS FROM (json_to_recordset(%(events)s::json) AS (id text, name text, data jsonb, ts timestamptz,
            "user" jsonb, traceparent text))
        WITH ORDINALITY AS e (id, name, data, ts, "user", traceparent, place)
    ORDER BY e.place
    ON CONFLICT (tenant, id) DO NOTHING
    RETURNING seq, tenant, id, name, data, ts, "user", traceparent, hops
), opened AS (
    INSERT INTO andon.outbox (event_seq) SELECT seq FROM recorded
)
"""
_SEND = Statement(f"""
WITH {sender("SHARE")}, memo AS (
    INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, ended_at, output)
    SELECT run, %(name)s, %(position)s, 'completed', %(attempt)s, fence, clock_timestamp(), clock_timestamp(),
        %(output)s::json
    FROM held {OR_REPLACE}
    RETURNING run_id
){SENT}
SELECT r.* FROM memo LEFT JOIN recorded r ON true ORDER BY seq
""")

_RECALL = Statement("""
SELECT output::text FROM andon.steps WHERE run_id = %(run)s AND id = %(name)s AND status = 'completed'
""")

_STANDINGS = Statement(f"""
SELECT k.run, k.fence, r.fence = k.fence AND r.status IN {HELD}, r.cancel_requested_at IS NOT NULL
FROM json_to_recordset(%(held)s::json) AS k (run uuid, fence bigint) LEFT JOIN andon.runs r ON r.id = k.run
""")

Standing = Literal["held", "cancelled", "lost", "completed"]


class Holding(NamedTuple):
    """A run and the fence under which a worker holds it."""

    run: uuid.UUID
    fence: int


class Result(NamedTuple):
    """A step's result. `output` is a JSON text, `seconds` how long the attempt took."""

    run: uuid.UUID
    fence: int
    attempt: Attempt
    seconds: float
    output: str
    files: Sequence[Stored] = ()


class NameTaken(AndonError):
    """Another step of the run has stored an artifact of this name."""


def keep(connection: Connection, results: Sequence[Result]) -> set[Holding]:
    """Keep the results with their files, in one statement; returns whose were kept: the others are cancelled, lost or
    locked. Raises `NameTaken` where a file has the name of another step's: then nothing is kept.
    """
    statement = _KEEP_WITH_FILES if any(each.files for each in results) else _KEEP
    text = json.dumps([_as_json(each) for each in results])
    try:
        rows = statement.execute(connection, {"kept": text}).fetchall()
    except psycopg.errors.NotNullViolation:
        raise NameTaken("another step of the run has stored an artifact of this name") from None
    kept = {run_id for (run_id,) in rows}
    return {Holding(each.run, each.fence) for each in results if each.run in kept}


def _as_json(result: Result) -> dict[str, Any]:
    files = [each._asdict() for each in result.files] or None
    return {**result._asdict(), "run": str(result.run), **_at(result.attempt), "files": files}


def _at(attempt: Attempt) -> dict[str, Any]:
    """What the statements know of an attempt."""
    said = {"name": attempt.name, "position": attempt.position, "attempt": attempt.number, "branch": attempt.branch}
    return {**said, "input": attempt.given or None}


def keep_failure(
    connection: Connection, holding: Holding, attempt: Attempt, seconds: float, error: dict[str, Any], *, final: bool
) -> bool | Standing:
    """Keep a step's failed attempt; False as with `keep`.

    "completed" where the step has a result: its transaction was committed, and the answer to that was lost. Then the
    result counts.
    """
    values = {
        **holding._asdict(),
        **_at(attempt),
        "seconds": seconds,
        "status": "failed" if final else "retrying",
        "error": json.dumps(error),
        **Attempted(attempt.name, attempt.number, "failed", seconds).values(),
    }
    row = _FAIL.execute(connection, values).fetchone()
    return False if row is None else "completed" if row[0] else True


def keep_sleep(
    connection: Connection,
    holding: Holding,
    name: str,
    position: int,
    *,
    seconds: float | None,
    until: dt.datetime | None,
) -> dt.datetime | None:
    """Keep when a sleeping step wakes, and return it; called again it keeps the first answer. None as with `keep`."""
    values = {**holding._asdict(), "name": name, "position": position, "seconds": seconds, "until": until}
    row = _SLEEP.execute(connection, values).fetchone()
    return None if row is None else row[0]


def send(
    connection: Connection,
    holding: Holding,
    attempt: Attempt,
    *,
    events: str,
    output: str,
    traceparent: str | None = None,
) -> list[Event] | None:
    """Keep a step's result and record the events that it sends (a JSON list), with their outbox rows.

    Returns the new ones, to be published; None as with `keep`.
    """
    values = {**holding._asdict(), **_at(attempt)}
    sent = {"events": events, "output": output, "traceparent": traceparent}
    rows = _SEND.execute(connection, {**values, **sent}).fetchall()
    return [event_of_row(row) for row in rows if row[0] is not None] if rows else None


def recall(connection: Connection, run_id: uuid.UUID, name: str) -> str | None:
    """A completed step's result as JSON text."""
    row = _RECALL.execute(connection, {"run": run_id, "name": name}).fetchone()
    return None if row is None else row[0]


def standings(connection: Connection, holdings: Iterable[Holding]) -> dict[Holding, Standing]:
    """Whether each of these runs is still held under its fence, and whether a cancel was accepted. Waits for none."""
    text = json.dumps([{"run": str(each.run), "fence": each.fence} for each in holdings])
    return {
        Holding(run, fence): "lost" if not held else "cancelled" if cancelled else "held"
        for run, fence, held, cancelled in _STANDINGS.execute(connection, {"held": text}).fetchall()
    }
