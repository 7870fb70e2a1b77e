"""Cleanup runs, `on_cancel` and `on_failure`: when they may start, and how one that failed is run again.

One that follows a settling by force waits as long as the code that it cleans up after may still run: until its worker
says that this has ended, and as long as that worker says that it hasn't: such a run keeps its lease after its end. If
the worker is gone, the lease decides. The next run of a subject waits for the same. How it is made is in `settle`.
"""

import json
import uuid
from collections.abc import Iterable

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.statements import Statement

_HOLD_BACK = Statement("""
WITH code AS (
    UPDATE andon.runs r SET lease_until = clock_timestamp() + nullif(%(seconds)s::float8, 0) * interval '1 s'
    FROM json_to_recordset(%(held)s::json) AS h (run uuid, fence bigint)
    WHERE r.id = h.run AND r.forced AND r.fence = h.fence + 1
    RETURNING r.id
)
UPDATE andon.runs c SET wake_at = clock_timestamp() + %(seconds)s::float8 * interval '1 s'
FROM code WHERE c.parent_run_id = code.id AND c.kind <> 'function' AND c.status = 'waiting' AND c.started_at IS NULL
""")
# Its steps up to the one that failed are recalled. The fence is that of the former run: a first claim reads no memos.
_RERUN = Statement("""
WITH former AS (
    SELECT r.*, coalesce((SELECT min(position) FROM andon.steps WHERE run_id = r.id AND status <> 'completed'),
        2147483647) AS stopped
    FROM andon.runs r WHERE r.id = %(run)s AND r.kind <> 'function' AND r.status IN ('failed', 'cancelled')
    FOR NO KEY UPDATE
), made AS (
    INSERT INTO andon.runs (id, tenant, function_id, kind, parent_run_id, event_seq, queue, fence, origin_run_id,
        origin_step)
    SELECT andon.uuid7(), tenant, function_id, kind, parent_run_id, event_seq, queue, fence, id,
        (SELECT s.id FROM andon.steps s WHERE s.run_id = former.id AND s.position = stopped LIMIT 1)
    FROM former
    ON CONFLICT DO NOTHING
    RETURNING id, origin_run_id
), recalled AS (
    INSERT INTO andon.steps (run_id, id, position, branch, status, attempt, fence, started_at, ended_at, output)
    SELECT m.id, s.id, s.position, s.branch, s.status, s.attempt, s.fence, s.started_at, s.ended_at, s.output
    FROM made m JOIN former f ON f.id = m.origin_run_id JOIN andon.steps s ON s.run_id = f.id
    WHERE s.status = 'completed' AND s.position < f.stopped
    RETURNING run_id, id
), stored AS (
    INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)
    SELECT c.run_id, a.name, a.step, a.key, a.bytes, a.media_type
    FROM recalled c JOIN former f ON true JOIN andon.run_artifacts a ON a.run_id = f.id AND a.step = c.id
)
SELECT id FROM made
""")
FAILED = """
FROM andon.runs r WHERE r.kind <> 'function' AND r.status = 'failed' AND NOT EXISTS (
    SELECT FROM andon.runs n WHERE n.event_seq = r.event_seq AND n.function_id = r.function_id AND n.kind = r.kind
        AND n.parent_run_id = r.parent_run_id AND n.origin_run_id = r.id)
"""
"""Those that nobody has run again."""
_FAILED = Statement(f"SELECT count(*), (array_agg(r.id ORDER BY r.id DESC))[1] {FAILED}")


def hold_back(connection: Connection, holdings: Iterable[Holding], seconds: float) -> None:
    """The code of these runs, which may have been settled by force, still runs: let their cleanup wait so long."""
    held = json.dumps([{"run": str(each.run), "fence": each.fence} for each in holdings])
    _HOLD_BACK.execute(connection, {"held": held, "seconds": seconds})


def let_go(connection: Connection, holdings: Iterable[Holding]) -> None:
    """Their code has ended: their cleanup may start."""
    hold_back(connection, holdings, 0.0)


def rerun(connection: Connection, run_id: uuid.UUID) -> uuid.UUID | None:
    """Make another run of a cleanup that failed or was cancelled, which goes on where that stopped; returns its id.

    None if the run is no such cleanup, or was run again already: it is that one that can be run again.
    """
    row = _RERUN.execute(connection, {"run": run_id}).fetchone()
    return None if row is None else row[0]


def failed(connection: Connection) -> tuple[int, uuid.UUID | None]:
    """How many cleanups have failed and were not run again, and the newest of them."""
    count, newest = _FAILED.execute(connection, {}).fetchone() or (0, None)
    return count, newest
