"""What runs wait for has come: the dispatcher finds the waits of an event, or of a run's end, and wakes who waits.

No event is lost between the check and the wait: the dispatcher alone delivers, in one thread. A wait that it hasn't
looked for yet is `looked` for between two batches, among all that is recorded; from then on each batch finds it. So
either the batch that records an event sees the wait, or the look that follows sees the event.
"""

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from andon.adapters.cel import Evaluations
from andon.adapters.postgres.connect import Connection, columns
from andon.adapters.postgres.statuses import OPEN, TERMINAL
from andon.engine.events import Event
from andon.engine.steps.waiting import CHILD_ENDED, told, wait_key

AT_ONCE = 100
MOST_WOKEN = 200
"""Of a tenant, by one batch; who else waits for the same events is looked for afterwards, the tenants in turn."""
LOOK_BACK = 10_000
CANDIDATES = 100


@dataclass(frozen=True)
class Hit:
    """What came of a step that waits: JSON for its memo, or the error with which it fails."""

    run_id: uuid.UUID
    step: str
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


_TAKEN = f"""
, locked AS (
    SELECT r.id, r.status FROM andon.runs r
    WHERE r.id IN (SELECT run_id FROM hit) AND r.status IN {OPEN} AND r.cancel_requested_at IS NULL
    ORDER BY r.id FOR NO KEY UPDATE
), taken AS (
    DELETE FROM andon.waits w USING hit, locked
    WHERE w.run_id = hit.run_id AND w.step = hit.step AND locked.id = hit.run_id
    RETURNING w.run_id, w.step
), memo AS (
    UPDATE andon.steps s SET status = hit.status, output = hit.output, error = hit.error,
        ended_at = clock_timestamp(), wake_at = NULL
    FROM hit WHERE s.run_id = hit.run_id AND s.id = hit.step AND s.status = 'waiting'
        AND EXISTS (SELECT FROM taken t WHERE t.run_id = hit.run_id AND t.step = hit.step)
)
UPDATE andon.runs r SET wake_at = clock_timestamp() FROM locked l
WHERE r.id = l.id AND l.status = 'waiting' AND r.id IN (SELECT run_id FROM taken)
RETURNING r.id
"""
_DELIVER = f"""
WITH hit AS (
    SELECT h.run_id, h.step, CASE WHEN h.error IS NULL THEN 'completed' ELSE 'failed' END AS status, h.output, h.error
    FROM json_to_recordset(%s::json) AS h (run_id uuid, step text, output json, error jsonb)
){_TAKEN}"""

_ENDED = f"""
WITH hit AS (
    SELECT w.run_id, w.step, CASE c.status WHEN 'completed' THEN 'completed' ELSE 'failed' END AS status,
        CASE c.status WHEN 'completed' THEN c.output END AS output,
        CASE WHEN c.status <> 'completed' THEN jsonb_build_object(
            'type', CASE c.status WHEN 'failed' THEN 'ChildFailed' ELSE 'ChildCancelled' END,
            'code', CASE c.status WHEN 'failed' THEN 'CHILD_FAILED' ELSE 'CHILD_CANCELLED' END,
            'message', CASE c.status WHEN 'failed' THEN format('Run %%s of %%s failed: %%s', c.id, c.function_id,
                left(c.error->>'message', 2000)) ELSE format('Run %%s of %%s was cancelled', c.id, c.function_id) END,
            'step', w.step, 'runId', c.id, 'functionId', c.function_id) END AS error
    FROM andon.runs c JOIN andon.waits w ON w.tenant = c.tenant AND w.event = '{CHILD_ENDED}' AND w.path = ''
        AND w.key = c.id
    WHERE c.id = ANY(%s) AND c.status IN {TERMINAL}
){_TAKEN}"""

# The paths of a name are few, and its waits many: so each path is sought behind the one before.
_PATHS = """
WITH RECURSIVE names AS (
    SELECT * FROM unnest(%s::text[], %s::text[]) AS n (tenant, event)
), paths AS (
    SELECT n.tenant, n.event, p.path FROM names n, LATERAL (
        SELECT path FROM andon.waits w WHERE w.tenant = n.tenant AND w.event = n.event ORDER BY path LIMIT 1) p
    UNION ALL
    SELECT q.tenant, q.event, p.path FROM paths q, LATERAL (
        SELECT path FROM andon.waits w WHERE w.tenant = q.tenant AND w.event = q.event AND w.path > q.path
        ORDER BY path LIMIT 1) p
)
SELECT tenant, event, path FROM paths
"""
_MATCHING = """
SELECT w.run_id, w.step, w.n, k.seq, w.expression
FROM unnest(%s::text[], %s::text[], %s::text[], %s::uuid[], %s::bigint[]) AS k (tenant, event, path, key, seq)
JOIN andon.waits w ON w.tenant = k.tenant AND w.event = k.event AND w.path = k.path AND w.key = k.key
WHERE w.looked AND k.seq > w.after_seq AND k.seq <> ALL(w.consumed) ORDER BY k.seq
"""
_TRIGGERS = """
SELECT r.id, e.name, e.data, e."user" FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq WHERE r.id = ANY(%s)
"""
_LOOK_LATER = """
UPDATE andon.waits w SET looked = false FROM unnest(%s::uuid[], %s::text[]) AS l (run_id, step)
WHERE w.run_id = l.run_id AND w.step = l.step
"""

_UNLOOKED = f"""
SELECT w.run_id, w.step, w.n, w.event, w.key, w.expression, f.scanned,
    w.after_seq = r.event_seq AND t.received_at < (
        SELECT (facts->>'before')::timestamptz FROM andon.maintenance WHERE name = 'forgotten'),
    CASE WHEN f.scanned > {LOOK_BACK} THEN f.seqs ELSE coalesce(f.seqs, '{{}}') || coalesce(k.seqs, '{{}}') END
FROM (
    SELECT DISTINCT run_id, step FROM andon.waits
    WHERE NOT looked AND (%(tenant)s::text IS NULL OR tenant = %(tenant)s) LIMIT {AT_ONCE}) u
JOIN andon.waits w USING (run_id, step)
JOIN andon.runs r ON r.id = w.run_id JOIN andon.events t ON t.seq = r.event_seq
LEFT JOIN andon.wait_paths d ON d.event = w.event AND d.path = w.path
LEFT JOIN LATERAL (
    SELECT count(*) AS scanned, (array_agg(l.seq ORDER BY l.seq) FILTER (WHERE l.matches))[:%(candidates)s] AS seqs
    FROM (
        SELECT e.seq, e.seq <> ALL(w.consumed) AND (w.path = '' OR e.data #> string_to_array(substr(w.path, 6), '.')
            = t.data #> string_to_array(substr(w.path, 6), '.')) AS matches
        FROM andon.events e WHERE e.tenant = w.tenant AND e.name = w.event AND e.seq > w.after_seq
            AND e.seq <= coalesce(d.since_seq, e.seq)
        ORDER BY e.seq LIMIT {LOOK_BACK} + 1) l
) f ON w.event <> '{CHILD_ENDED}'
LEFT JOIN LATERAL (
    SELECT ARRAY(SELECT i.event_seq FROM andon.event_keys i
        WHERE i.key = w.key AND i.event_seq > greatest(w.after_seq, d.since_seq) AND i.event_seq <> ALL(w.consumed)
        ORDER BY 1 LIMIT %(candidates)s) AS seqs) k ON d.event IS NOT NULL
ORDER BY w.run_id, w.step, w.n
"""
_NEXT_TENANT = """
SELECT tenant FROM andon.waits WHERE NOT looked ORDER BY tenant <= %s, tenant LIMIT 1
"""
_LOOKED = """
UPDATE andon.waits w SET looked = true FROM unnest(%s::uuid[], %s::text[]) AS l (run_id, step)
WHERE w.run_id = l.run_id AND w.step = l.step
"""
_EVENTS = """
SELECT seq, id, name, data, ts, "user" FROM andon.events WHERE seq = ANY(%s)
"""


def deliver(connection: Connection, hits: Sequence[Hit]) -> list[uuid.UUID]:
    """Keep these, of steps that still wait, and wake their runs, which are returned; but none that is cancelled."""
    if not hits:
        return []
    text = json.dumps([{"run_id": str(h.run_id), "step": h.step, "output": h.output, "error": h.error} for h in hits])
    return [run_id for (run_id,) in connection.execute(_DELIVER, [text]).fetchall()]


def deliver_ends(connection: Connection, runs: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Tell those who wait for these runs how they have ended, and wake those, which are returned."""
    return [run_id for (run_id,) in connection.execute(_ENDED, [list(runs)]).fetchall()] if runs else []


def deliver_events(connection: Connection, events: Sequence[Event]) -> list[uuid.UUID]:
    """Give these events, recorded in this transaction, to those who wait; returns the runs that are woken."""
    return deliver(connection, _hits(connection, events))


def _hits(connection: Connection, events: Sequence[Event]) -> list[Hit]:
    names = sorted({(each.tenant, each.name) for each in events})
    if not names:
        return []
    paths: dict[tuple[str, str], list[str]] = {}
    for tenant, name, path in connection.execute(_PATHS, [[t for t, _ in names], [n for _, n in names]]).fetchall():
        paths.setdefault((tenant, name), []).append(path)
    keys = [
        (each.tenant, each.name, path, key, each.seq)
        for each in events
        for path in paths.get((each.tenant, each.name), ())
        if (key := wait_key(each.tenant, each.name, path, each.data)) is not None
    ]
    if not keys:
        return []
    rows = connection.execute(_MATCHING, columns(keys)).fetchall()
    by_seq = {each.seq: each for each in events}
    tenants = {(run_id, step): by_seq[seq].tenant for run_id, step, _, seq, _ in rows}
    count: Counter[str] = Counter()
    later = []
    for wait, tenant in tenants.items():
        count[tenant] += 1
        if count[tenant] > MOST_WOKEN:
            later.append(wait)
    if later:
        connection.execute(_LOOK_LATER, [[run_id for run_id, _ in later], [step for _, step in later]])
    left = set(later)
    rows = [row for row in rows if row[:2] not in left]
    triggers = _triggers(connection, {run_id for run_id, _, _, _, expression in rows if expression})
    evaluations = Evaluations()
    found: dict[tuple[uuid.UUID, str], Hit] = {}
    for run_id, step, n, seq, expression in rows:
        event = by_seq[seq]
        if (run_id, step) not in found and (
            expression is None or evaluations.hold(expression, triggers[run_id], event)
        ):
            found[run_id, step] = Hit(run_id, step, told(n, event))
    return list(found.values())


def _triggers(connection: Connection, runs: Iterable[uuid.UUID]) -> dict[uuid.UUID, Event]:
    wanted = list(runs)
    rows = connection.execute(_TRIGGERS, [wanted]).fetchall() if wanted else []
    return {run_id: Event(name, data, user=user) for run_id, name, data, user in rows}


def next_tenant(connection: Connection, *, after: str = "") -> str | None:
    """Whose waits are looked for next: the tenants in turn, as long as any has some."""
    row = connection.execute(_NEXT_TENANT, [after]).fetchone()
    return str(row[0]) if row else None


def look(connection: Connection, tenant: str | None = None) -> tuple[bool, list[uuid.UUID]]:
    """Look once, among all that is recorded, for what some waits (of this tenant) want that nobody has looked for yet.

    Returns whether there were any, and the runs that are woken.
    """
    rows = connection.execute(_UNLOOKED, {"candidates": CANDIDATES, "tenant": tenant}).fetchall()
    if not rows:
        return False, []
    children = [key for _, _, _, event, key, *_ in rows if event == CHILD_ENDED]
    wanted = {seq for *_, seqs in rows for seq in seqs or ()}
    events = {
        seq: Event(name, data, id, ts, user, seq=seq)
        for seq, id, name, data, ts, user in (connection.execute(_EVENTS, [list(wanted)]).fetchall() if wanted else [])
    }
    triggers = _triggers(connection, {run_id for run_id, _, _, _, _, expression, *_ in rows if expression})
    evaluations = Evaluations()
    best: dict[tuple[uuid.UUID, str], tuple[int, Hit]] = {}
    for run_id, step, n, event, _, expression, scanned, forgotten, seqs in rows:
        if forgotten:
            best[run_id, step] = 0, _refused(run_id, step, _FORGOTTEN.format(event))
            continue
        fits = (
            seq
            for seq in seqs or ()
            if expression is None or evaluations.hold(expression, triggers[run_id], events[seq])
        )
        if (first := next(fits, None)) is not None:
            if (run_id, step) not in best or first < best[run_id, step][0]:
                best[run_id, step] = first, Hit(run_id, step, told(n, events[first]))
        elif (scanned or 0) > LOOK_BACK or len(seqs or ()) >= CANDIDATES:
            best.setdefault((run_id, step), (2**63, _refused(run_id, step, _TOO_MANY.format(event))))
    looked = sorted({(run_id, step) for run_id, step, *_ in rows})
    connection.execute(_LOOKED, [[run_id for run_id, _ in looked], [step for _, step in looked]])
    woken = deliver(connection, [hit for _, hit in best.values()])
    return True, woken + deliver_ends(connection, children)


_TOO_MANY = (
    f"More than {LOOK_BACK} events {{!r}} were recorded since the run's own; declare the field of the wait: "
    "function(waits=[Wait(event, match=...)])"
)
_FORGOTTEN = (
    "Events as old as the run's own are not kept any more, so an {!r} may have come and be forgotten; "
    "wait for what comes from now on: since='wait'"
)


def _refused(run_id: uuid.UUID, step: str, message: str) -> Hit:
    return Hit(run_id, step, error={"type": "StepError", "code": "LOOK_BACK", "message": message, "step": step})
