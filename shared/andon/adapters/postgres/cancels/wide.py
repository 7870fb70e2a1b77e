"""Wide cancellations: one row that stops many runs, checked when a run is made or claimed, applied in chunks.

A rule without a field (`CancelOn.every_run`, CEL without `match`) and the bulk cancel of the API are wide. The row
obeys the rule by seq like any cancel: it stops runs whose event has a smaller seq.
"""

import datetime as dt
import math
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from andon.adapters.cel import Evaluations, TooLong
from andon.adapters.postgres.cancels import cascades
from andon.adapters.postgres.cancels.judging import AT_A_TIME, Judged, judge, pair_of
from andon.adapters.postgres.cancels.keyed import KeyedCancel
from andon.adapters.postgres.cancels.marks import Mark, Marked, mark, reason_of
from andon.adapters.postgres.connect import Connection, json_text
from andon.adapters.postgres.events.own_events import WideCancel
from andon.adapters.postgres.runs.settle import RETURNED, Settled, settling_untold
from andon.adapters.postgres.statuses import CANCELLABLE, UNHELD
from andon.adapters.postgres.subjects import subjects
from andon.engine.events import Event
from andon.engine.ids import new_id

CHUNK = 2_000
SECONDS = 0.1  # for the expressions of one chunk: what comes in goes on between two chunks
SHARED_WORK = 20_000_000  # some seconds, beside what each evaluation has of its own
SHARED_BY_A_COUNT = 2_000_000
NOBODY = uuid.UUID(int=0)

_STORE = """
INSERT INTO andon.wide_cancellations
    (id, event_seq, tenant, function_id, started_after, started_before, expression, rules, keys, remember_until)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp() + %s::float8 * interval '1 s')
ON CONFLICT (event_seq, function_id, expression) DO NOTHING RETURNING id
"""

_APPLIES = """
    r.tenant = w.tenant AND w.function_id IN (r.function_id, '') AND r.kind = 'function'
    AND (r.event_seq < w.event_seq OR w.remember_until >= clock_timestamp())
    AND (w.started_after IS NULL OR r.queued_at >= w.started_after)
    AND (w.started_before IS NULL OR r.queued_at < w.started_before)
    AND (w.rules IS NULL OR r.rules IS NULL OR r.rules && w.rules)
    AND (w.keys IS NULL OR EXISTS (SELECT FROM andon.cancel_keys k WHERE k.run_id = r.id AND k.key = ANY(w.keys)))
"""

_FOR_NEW_RUNS = f"""
SELECT r.id, r.function_id, r.event_seq, w.expression, e.seq, e.id, e."user",
    CASE WHEN jsonb_typeof(e.data->'reason') = 'string' THEN e.data->>'reason' END
FROM andon.runs r JOIN andon.wide_cancellations w ON {_APPLIES}
JOIN andon.events e ON e.seq = w.event_seq
WHERE r.id = ANY(%s) ORDER BY r.id, w.event_seq
"""

_COUNT_BORN = """
UPDATE andon.wide_cancellations w SET matched = w.matched + (
    SELECT count(*) FROM andon.runs r
    WHERE r.id = ANY(%(runs)s) AND r.cancel_event_seq = w.event_seq AND w.function_id IN (r.function_id, ''))
WHERE w.event_seq IN (SELECT cancel_event_seq FROM andon.runs WHERE id = ANY(%(runs)s))
"""

_NEXT = """
SELECT w.id, w.event_seq, w.tenant, w.function_id, w.started_after, w.started_before, w.expression, w.cursor,
    w.rules, w.keys, w.remember_until, w.shared_work, e.id, e.name, e.data, e."user"
FROM (SELECT DISTINCT ON (tenant) * FROM andon.wide_cancellations WHERE status <> 'done' ORDER BY tenant, event_seq) w
JOIN andon.events e ON e.seq = w.event_seq
ORDER BY w.tenant <= %s, w.tenant LIMIT 1
"""

_NEXT_TENANT = """
SELECT tenant FROM andon.wide_cancellations WHERE status <> 'done' ORDER BY tenant <= %s, tenant LIMIT 1
"""

# Where no function is named: by the index of the key that a tag has.
_TAGGED = f"""
SELECT r.id, r.subject_id, r.status, e.name, e.data, e.user
FROM andon.cancel_keys k JOIN andon.runs r ON r.id = k.run_id
LEFT JOIN andon.events e ON %(expression)s::text IS NOT NULL AND e.seq = r.event_seq
WHERE k.key = ANY(%(keys)s::uuid[]) AND k.event_seq < %(seq)s AND r.tenant = %(tenant)s AND r.status IN {CANCELLABLE}
    AND r.kind = 'function' AND r.id > %(cursor)s AND r.cancel_requested_at IS NULL
    AND (%(after)s::timestamptz IS NULL OR r.queued_at >= %(after)s)
    AND (%(before)s::timestamptz IS NULL OR r.queued_at < %(before)s)
ORDER BY r.id LIMIT {CHUNK}
"""

_CANDIDATES = f"""
SELECT r.id, r.subject_id, r.status, e.name, e.data, e.user
FROM andon.runs r LEFT JOIN andon.events e ON %(expression)s::text IS NOT NULL AND e.seq = r.event_seq
WHERE r.tenant = %(tenant)s AND r.function_id = %(function)s AND r.status IN {CANCELLABLE}
    AND r.kind = 'function' AND r.id > %(cursor)s AND r.cancel_requested_at IS NULL
    AND (r.event_seq < %(seq)s OR %(remember)s::timestamptz >=
        (SELECT t.received_at FROM andon.events t WHERE t.seq = r.event_seq))
    AND (%(after)s::timestamptz IS NULL OR r.queued_at >= %(after)s)
    AND (%(before)s::timestamptz IS NULL OR r.queued_at < %(before)s)
    AND (%(rules)s::uuid[] IS NULL OR r.rules IS NULL OR r.rules && %(rules)s)
    AND (%(keys)s::uuid[] IS NULL
        OR EXISTS (SELECT FROM andon.cancel_keys k WHERE k.run_id = r.id AND k.key = ANY(%(keys)s)))
ORDER BY r.id LIMIT {CHUNK}
"""

_AS_CANCELLED = """status = 'cancelled', cancel_requested_at = clock_timestamp(),
        cancel_stopped_at = clock_timestamp(), ended_at = clock_timestamp(), wake_at = NULL,
        cancel_requested_by = %(user)s::jsonb, cancel_reason = %(reason)s, cancel_event_id = %(event)s,
        cancel_event_seq = %(seq)s"""
_ENDS = f"r.status IN {UNHELD} AND r.cancel_requested_at IS NULL AND NOT r.awaits_children"
_CANCEL = settling_untold(f"""
WITH moved AS (
    UPDATE andon.runs r SET {_AS_CANCELLED} WHERE r.id = ANY(%(ids)s) AND {_ENDS} RETURNING {RETURNED}
)""")

# Ended as they are found, unless one of them is about a subject: that has to be locked before any run is. They are
# looked for by an array of their ids: of a join, the planner would read all runs.
_CANCEL_FOUND = f"""
WITH found AS ({{candidates}}
), moved AS (
    UPDATE andon.runs r SET {_AS_CANCELLED}
    WHERE r.id = ANY(ARRAY(SELECT id FROM found)) AND {_ENDS}
        AND NOT EXISTS (SELECT FROM found WHERE subject_id IS NOT NULL)
    RETURNING {RETURNED}
)"""
_LEFT = f"""{cascades.NOTED}
SELECT a.count, a.last, f.id, f.subject_id, f.status
FROM (SELECT count(*), (SELECT id FROM found ORDER BY id DESC LIMIT 1) AS last FROM found) a
LEFT JOIN (SELECT id, subject_id, status FROM found WHERE id NOT IN (SELECT id FROM moved)) f ON true
"""
_END_CANDIDATES, _END_TAGGED = (
    settling_untold(_CANCEL_FOUND.format(candidates=each), _LEFT) for each in (_CANDIDATES, _TAGGED)
)

_ADVANCE = """
UPDATE andon.wide_cancellations SET cursor = %(cursor)s, matched = matched + %(matched)s,
    failed_evaluations = failed_evaluations + %(failed)s, first_failure = coalesce(first_failure, %(failure)s),
    shared_work = %(shared)s,
    status = CASE WHEN %(done)s THEN 'done' ELSE status END,
    finished_at = CASE WHEN %(done)s THEN clock_timestamp() END
WHERE id = %(id)s
"""


Candidate = tuple[uuid.UUID, uuid.UUID | None, str]
"""A run, its subject, and its status."""


class Swept(NamedTuple):
    """What one chunk of a sweep did: the runs that their workers have to stop, and ends that must be told."""

    tenant: str
    cancelling: dict[uuid.UUID, int]
    settled: list[Settled]
    failed: Mapping[str, int]
    """How many expressions had no value, by function."""


def store(connection: Connection, event: Event, cancel: WideCancel) -> uuid.UUID | None:
    """Record a wide cancel for `event`, which has its seq; returns its id, or None if it is recorded already."""
    remember = cancel.remember.total_seconds() if cancel.remember else None
    values = [new_id(), event.seq, event.tenant, cancel.function_id, cancel.started_after, cancel.started_before]
    values += [cancel.expression, _listed(cancel.rules), _listed(cancel.keys), remember]
    row = connection.execute(_STORE, values).fetchone()
    return row[0] if row else None


def store_keyed(connection: Connection, cancels: Iterable[KeyedCancel]) -> None:
    """Record cancels by a field as wide ones: they stop a great many."""
    alike: dict[tuple[int, str, str | None], list[KeyedCancel]] = {}
    for each in cancels:
        alike.setdefault((each.event.seq, each.function_id, each.expression), []).append(each)
    for (_, function_id, expression), same in alike.items():
        keys = tuple(each.key for each in same)
        cancel = WideCancel(function_id, expression=expression, remember=same[0].remember, keys=keys)
        store(connection, same[0].event, cancel)


def marks_for(connection: Connection, runs: Sequence[uuid.UUID], *, until: float = math.inf) -> Judged:
    """The marks that wide cancels recorded earlier put on runs that are made now; `until` as `judge` has it."""
    if not runs:
        return Judged()
    return judge(connection, [pair_of(*row) for row in connection.execute(_FOR_NEW_RUNS, [list(runs)])], until=until)


def count_born(connection: Connection, runs: Sequence[uuid.UUID]) -> None:
    """Count those of the runs that were made as cancelled with what cancelled them: the sweeper won't see them."""
    connection.execute(_COUNT_BORN, {"runs": list(runs)})


class Count(NamedTuple):
    """How many runs a cancel would stop, and of how many its expression has no value, with the first one's reason."""

    matched: int
    failed: int
    failure: str | None


def count(
    connection: Connection, *, tenant: str, seq: int, cancel: WideCancel, event: Event, until: float = math.inf
) -> Count:
    """How many runs the cancel would stop now: a dry run. Raises `TooLong` where there are more at the time `until`."""
    evaluations = Evaluations(SHARED_BY_A_COUNT)
    cursor, matched, done = NOBODY, 0, False
    while not done:
        if time.monotonic() > until:
            raise TooLong("many runs meet an expression")
        runs, cursor, done = _matching(connection, _values(tenant, seq, cancel, cursor), event, evaluations)
        matched += len(runs)
    return Count(matched, evaluations.failed, evaluations.failure)


def sweep(connection: Connection, *, after: str = "") -> Swept | None:
    """Apply one chunk of an open wide cancel, in the caller's transaction; None when there is none.

    Tenants take turns: the next one is that whose name comes after `after`. Its own cancels are applied in order.
    """
    row = connection.execute(_NEXT, [after]).fetchone()
    if row is None:
        return None
    id, seq, tenant, function_id, start, end, expression, cursor, rules, keys, remember, shared, *rest = row
    event_id, name, data, user = rest
    event = Event(name, data, event_id, user=user, tenant=tenant, seq=seq)
    cancel = WideCancel(function_id, start, end, expression, rules=rules, keys=keys)
    values = _values(tenant, seq, cancel, cursor or NOBODY, remember)
    evaluations = Evaluations(SHARED_WORK if shared is None else shared)
    if expression is None:
        matched, left, cursor, done = _end_found(connection, values, event)
    else:
        left, cursor, done = _matching(connection, values, event, evaluations)
        matched = len(left)
    held = _end(connection, left, event)
    told = {"failed": evaluations.failed, "failure": evaluations.failure, "shared": evaluations.shared}
    connection.execute(_ADVANCE, {"id": id, "cursor": cursor, "matched": matched, "done": done, **told})
    return Swept(tenant, dict.fromkeys(held.cancelling, int(seq)), held.settled, {function_id: evaluations.failed})


def _end_found(
    connection: Connection, values: Mapping[str, Any], event: Event
) -> tuple[int, list[Candidate], uuid.UUID, bool]:
    """End the next candidates in one statement, and note their children.

    How many they are, those that it leaves as they were, the id of the last one, and whether there are no more.
    """
    statement = _END_CANDIDATES if values["function"] else _END_TAGGED
    rows = statement.execute(connection, {**values, **_asker(event)}).fetchall()
    count, last = rows[0][:2]
    return count, [row[2:] for row in rows if row[2]], last or values["cursor"], count < CHUNK


def _end(connection: Connection, runs: Sequence[Candidate], event: Event) -> Marked:
    """End these, or mark those that a worker holds or that end after their children; note the children of all."""
    if not runs:
        return Marked([], [])
    subjects.lock(connection, [subject for _, subject, _ in runs])
    values = {"ids": [run_id for run_id, _, status in runs if status != "running"], **_asker(event)}
    ended = {run_id for (run_id,) in _CANCEL.execute(connection, values)} if values["ids"] else set()
    # Those that a worker holds, or one claimed since they were read, or that end after their children.
    held = mark(connection, [Mark(run_id, event) for run_id, _, _ in runs if run_id not in ended])
    cascades.note(connection, [*ended, *held.cancelling, *(each.run_id for each in held.settled)])
    return held


def next_tenant(connection: Connection, *, after: str = "") -> str:
    """Whose cancel `sweep` applies next."""
    row = connection.execute(_NEXT_TENANT, [after]).fetchone()
    return str(row[0]) if row else after


def _asker(event: Event) -> dict[str, Any]:
    return {
        "user": json_text(event.user),
        "reason": reason_of(event),
        "event": event.id,
        "seq": event.seq,
    }


def _values(
    tenant: str, seq: int, cancel: WideCancel, cursor: uuid.UUID, remember_until: dt.datetime | None = None
) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "function": cancel.function_id,
        "seq": seq,
        "after": cancel.started_after,
        "before": cancel.started_before,
        "expression": cancel.expression,
        "rules": _listed(cancel.rules),
        "keys": _listed(cancel.keys),
        "cursor": cursor,
        "remember": remember_until,
    }


def _listed(rules: Sequence[uuid.UUID] | None) -> list[uuid.UUID] | None:
    return None if rules is None else list(rules)


def _matching(
    connection: Connection, values: Mapping[str, Any], event: Event, evaluations: Evaluations
) -> tuple[list[Candidate], uuid.UUID, bool]:
    """Those that match among the next candidates, the id of the last one, and whether there are no more."""
    expression = values["expression"]
    candidates = _CANDIDATES if values["function"] else _TAGGED
    if expression is None:
        rows = connection.execute(candidates, values).fetchall()
        return [row[:3] for row in rows], rows[-1][0] if rows else values["cursor"], len(rows) < CHUNK
    found, last, read = [], values["cursor"], 0
    until = time.monotonic() + SECONDS
    with connection.cursor(name="candidates") as cursor:
        cursor.execute(candidates, values)
        while time.monotonic() < until:
            rows = cursor.fetchmany(AT_A_TIME)
            for run_id, subject, status, name, data, user in rows:
                if evaluations.hold(expression, Event(name, data, user=user), event):
                    found.append((run_id, subject, status))
                last = run_id
            read += len(rows)
            if len(rows) < AT_A_TIME:
                return found, last, read < CHUNK
    return found, last, False
