"""A run that waits for what somebody else does, on the worker's side: suspend it until then, or stop waiting.

What it waits for stands in `waits`, a row for each of the events that would do. Whoever deletes the rows of a step says
what came of it: the dispatcher when one comes (`arrivals`), or the run's holder when the time is over. Both hold the
run's row, so that they meet one after the other.
"""

import json
from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection, json_text
from andon.adapters.postgres.doors.gate import FREES
from andon.adapters.postgres.events.inbox import event_of_row
from andon.adapters.postgres.runs.journal import SENT, Holding, sender
from andon.adapters.postgres.statements import Statement
from andon.engine.events import Event
from andon.engine.memos import Memo

# Of a step that was kept before, the first answer stays; one whose event has come has the run queued again at once.
_TO_WAIT = f"""
WITH {sender("NO KEY UPDATE")}, memo AS (
    INSERT INTO andon.steps AS s (run_id, id, position, status, attempt, fence, started_at, wake_at, output)
    SELECT run, %(name)s, %(position)s, 'waiting', 1, fence, clock_timestamp(),
        clock_timestamp() + %(seconds)s::float8 * interval '1 s', %(about)s::json
    FROM held
    ON CONFLICT (run_id, id) DO UPDATE SET fence = excluded.fence WHERE s.status = 'waiting'
    RETURNING run_id, wake_at
), waiting AS (
    INSERT INTO andon.waits (run_id, step, n, tenant, event, path, key, expression, after_seq, consumed, wake_at)
    SELECT held.run, %(name)s, w.n, held.tenant, w.event, w.path, w.key, w.expression,
        coalesce(w.after_seq, (SELECT last_value FROM andon.event_seq)), w.consumed, memo.wake_at
    FROM held JOIN memo ON memo.run_id = held.run, json_to_recordset(%(waits)s::json)
        AS w (n smallint, event text, path text, key uuid, expression text, after_seq bigint, consumed bigint[])
    ON CONFLICT DO NOTHING
){SENT}, moved AS (
    UPDATE andon.runs r SET status = CASE WHEN memo.run_id IS NULL THEN 'queued' ELSE 'waiting' END,
        wake_at = memo.wake_at, lost = 0, lost_step = NULL, sent_at = NULL, turn = NULL, lease_until = NULL,
        current_step = NULL, step_started_at = NULL{{door}}
    FROM held LEFT JOIN memo ON memo.run_id = held.run WHERE r.id = held.run
    RETURNING r.id, r.gate_keys, NULL::uuid AS door
)
"""
_SENT = "SELECT recorded.* FROM moved LEFT JOIN recorded ON true"
_SUSPEND = Statement(_TO_WAIT.replace("{door}", "") + _SENT)
# Back to its first door, as `leases.suspend` does it.
_SUSPEND_AND_FREE = Statement(_TO_WAIT.replace("{door}", ", door = r.gate_keys[1]") + FREES + _SENT)

_EXPIRE = Statement(f"""
WITH {sender("SHARE")}, gone AS (
    DELETE FROM andon.waits w USING held WHERE w.run_id = held.run AND w.step = %(name)s
), memo AS (
    UPDATE andon.steps s SET status = CASE WHEN %(error)s::jsonb IS NULL THEN 'completed' ELSE 'failed' END,
        output = %(output)s::json, error = %(error)s::jsonb, ended_at = clock_timestamp(), wake_at = NULL,
        fence = held.fence
    FROM held WHERE s.run_id = held.run AND s.id = %(name)s AND s.status = 'waiting'
    RETURNING s.run_id
){SENT}
SELECT recorded.* FROM held LEFT JOIN recorded ON true
""")

_KEPT = Statement("""
SELECT id, position, status, attempt, output, error FROM andon.steps WHERE run_id = %(run)s AND id = %(name)s
""")


def suspend(
    connection: Connection, holding: Holding, waiting: dict[str, Any], traceparent: str | None, *, frees: bool = False
) -> list[Event] | None:
    """Let the run wait, as `Waiting.as_json` says it, and record what is sent with it, in one statement.

    One that `frees` gives back its slots meanwhile. Returns the events to be published; None as with `journal.keep`.
    """
    values = {**holding._asdict(), **waiting, "waits": json.dumps(waiting["waits"]), "traceparent": traceparent}
    values["about"] = None if waiting["about"] is None else json.dumps(waiting["about"])
    return _sent(_SUSPEND_AND_FREE if frees else _SUSPEND, connection, values)


class Expired(NamedTuple):
    """What is kept of a step whose time is over, and the events to be published."""

    memo: Memo
    events: list[Event]


def expire(
    connection: Connection,
    holding: Holding,
    name: str,
    *,
    output: str | None,
    error: dict[str, Any] | None,
    events: str,
    traceparent: str | None,
) -> Expired | None:
    """Keep this as what came of a step that waits, unless what it waits for has come. None as with `journal.keep`."""
    values = {**holding._asdict(), "name": name, "output": output, "events": events, "traceparent": traceparent}
    sent = _sent(_EXPIRE, connection, {**values, "error": json_text(error)})
    if sent is None:
        return None
    row = _KEPT.execute(connection, {"run": holding.run, "name": name}).fetchone()
    return Expired(Memo(*row), sent) if row else None


def _sent(statement: Statement, connection: Connection, values: dict[str, Any]) -> list[Event] | None:
    rows = statement.execute(connection, values).fetchall()
    return [event_of_row(row) for row in rows if row[0] is not None] if rows else None
