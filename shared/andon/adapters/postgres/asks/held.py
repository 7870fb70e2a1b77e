"""Cancel what a worker holds, in one statement: it commits by itself, and the flag can be raised right after it.

Each verb answers None, and has done nothing, where there is more to do than to mark a held run, or where it can't see
the run: then `requests` has the verb that takes several statements.

A statement sees rows as they were when it began, but a row that it locks as it is then. So what was made or attached
while it waited for a lock is not there for it, and counts as not held; what it has locked it can rely on.
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from andon.adapters.postgres.asks.requests import Ask, Asked, cancel_of_run, refuse_ended
from andon.adapters.postgres.asks.subject_requests import refuse_inactive
from andon.adapters.postgres.cancels.marks import MARKING
from andon.adapters.postgres.connect import LOCKING, Connection
from andon.adapters.postgres.events.inbox import recorded_as
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import HELD
from andon.adapters.postgres.subjects.subjects import Named
from andon.engine.events import Event

# The subject's lock comes first, and `run` can't be looked for without it: its id is what `subject` has told.
_RUN = """
WITH subject AS (
    SELECT FROM andon.subjects WHERE id = (
        SELECT subject_id FROM andon.runs WHERE id = %(id)s AND tenant = %(tenant)s) FOR UPDATE
), run AS (
    SELECT id, status FROM andon.runs
    WHERE id = (SELECT CASE WHEN (SELECT count(*) FROM subject) >= 0 THEN %(id)s END)
        AND tenant = %(tenant)s FOR UPDATE
)"""

# The lock of what was asked for by name comes first here, too.
_SUBJECT = """
WITH subject AS (
    SELECT status, current_run_id FROM andon.subjects WHERE id = %(id)s FOR UPDATE
), run AS (
    SELECT id, status FROM andon.runs
    WHERE id = (SELECT current_run_id FROM subject WHERE status = 'active') FOR UPDATE
)"""

_MARK = f"""
, event AS (
    INSERT INTO andon.events (tenant, id, name, data, ts, "user", traceparent)
    SELECT %(tenant)s, %(event)s, %(name)s, %(data)s::jsonb, clock_timestamp(), %(user)s::jsonb, %(traceparent)s
    FROM run WHERE status IN {HELD}
    RETURNING seq, ts
), opened AS (
    INSERT INTO andon.outbox (event_seq) SELECT seq FROM event
), asked AS (
    SELECT run.id AS run_id, event.seq, %(event)s AS event_id, %(user)s AS "user", %(reason)s AS reason,
        NULL::text AS cause
    FROM run, event
){MARKING}"""

_FAMILY = "EXISTS (SELECT FROM andon.runs c WHERE c.parent_run_id = run.id AND c.parent_step IS NOT NULL)"

_CANCEL_RUN = Statement(f"""{_RUN}{_MARK}
SELECT run.status, event.seq, event.ts, marked.id, run.id, {_FAMILY}, {LOCKING}
FROM run LEFT JOIN event ON true LEFT JOIN marked ON true
""")

_CANCEL_SUBJECT = Statement(f"""{_SUBJECT}{_MARK}
SELECT subject.status, event.seq, event.ts, marked.id, run.id, {_FAMILY}, {LOCKING}
FROM subject LEFT JOIN run ON true LEFT JOIN event ON true LEFT JOIN marked ON true
""")


def cancel_run(connection: Connection, run_id: uuid.UUID, ask: Ask) -> Asked | None:
    """As `requests.cancel_run`, if a worker holds the run. Raises `Conflict` when it has ended."""
    return _cancel(connection, _CANCEL_RUN, run_id, cancel_of_run(run_id, ask), refuse=refuse_ended)


def cancel_subject(
    connection: Connection, subject: Named, event: Event, *, refuse: Callable[[str], None] | None = None
) -> Asked | None:
    """As `subject_requests.cancel`, if a worker holds the subject's run. Raises `Conflict` when it isn't active, or
    whatever `refuse` raises of such a status.
    """
    refuse = refuse or partial(refuse_inactive, subject)
    return _cancel(connection, _CANCEL_SUBJECT, subject.id, event, refuse=refuse)


def _cancel(
    connection: Connection, statement: Statement, id: uuid.UUID, event: Event, *, refuse: Callable[[str], None]
) -> Asked | None:
    """The request that was accepted. Asked again it marks nothing, and there is no flag to raise."""
    values = {**recorded_as(event), "id": id, "data": json.dumps(event.data), "reason": event.data.get("reason")}
    row = statement.execute(connection, values).fetchone()
    if row is None:
        return None
    status, seq, ts, marked, run_id, family, _ = row
    refuse(status)
    if seq is None:
        return None
    event = replace(event, seq=seq, ts=ts)
    return Asked(event, [event], [] if marked is None else [marked], run_id, family)
