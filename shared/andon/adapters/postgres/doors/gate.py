"""The gate: runs that have to wait for a limit stand at a door, one at a time, and the dispatcher that leads opens it.

A run at a door has no turn and no hint, and no claim sees it. A slot is a row that says that a run was let in; it
counts while the run is open and at no door, so nothing has to give it back, and no end of a run waits for another's.
Whatever frees a slot says so in `gate_due`, and the gatekeeper looks at that door. All of it is called in a transaction
that holds the leadership: nobody else lets runs in meanwhile, so what is free stays free until it is taken.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.doors import turns
from andon.adapters.postgres.statements import Statement
from andon.adapters.postgres.statuses import OPEN
from andon.engine.dispatch.opening import Candidate, Decision

DOORS = 500
DUE_AT_ONCE = 5_000
DEPTHS = (4, 16, 64)
"""How many of a line are looked at. Written into the statement: of a limit that is a value, the planner knows nothing,
and sorts the whole line."""

_TAKE_DUE = Statement(f"""
WITH due AS MATERIALIZED (
    SELECT ctid, key FROM andon.gate_due WHERE at <= clock_timestamp() ORDER BY at LIMIT {DUE_AT_ONCE}
), doors AS (
    SELECT DISTINCT key FROM due LIMIT {DOORS}
), taken AS (
    DELETE FROM andon.gate_due g USING due WHERE g.ctid = due.ctid AND due.key IN (SELECT key FROM doors)
)
SELECT key FROM doors
""")

_HOLDS = f"(SELECT true FROM andon.runs r WHERE r.id = s.run_id AND r.door IS NULL AND r.status IN {OPEN})"
_COUNT = Statement(f"""
WITH gone AS (
    DELETE FROM andon.slots s WHERE s.key = ANY(%(keys)s) AND {_HOLDS} IS NULL
)
SELECT s.key, count(*) FROM andon.slots s
WHERE s.key = ANY(%(keys)s) AND (SELECT r.status <> 'waiting' OR s.key <> ALL(%(loose)s) FROM andon.runs r
    WHERE r.id = s.run_id AND r.door IS NULL AND r.status IN {OPEN})
GROUP BY s.key
""")

_LINES = """
SELECT k.key, r.id, r.gate_keys, r.queue, r.tenant, r.function_id, r.door_order,
    CASE WHEN EXISTS (SELECT FROM andon.wide_cancellations WHERE status <> 'done') THEN EXISTS (
        SELECT FROM andon.wide_cancellations w WHERE w.status <> 'done' AND w.tenant = r.tenant
            AND w.function_id IN (r.function_id, '') AND r.event_seq < w.event_seq) ELSE false END
FROM unnest(%(keys)s::uuid[]) k (key), LATERAL (
    SELECT * FROM andon.runs WHERE status = 'queued' AND door = k.key AND door IS DISTINCT FROM subject_id
    ORDER BY door_order, id LIMIT {depth}) r
"""

# `there` has all that is needed of what is wanted: a join of the two would compare every row with every other.
_ADMIT = Statement("""
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(doors)s::uuid[], %(lines)s::text[], %(turns)s::bigint[], %(keys)s::text[])
        AS w (id, door, line, turn, keys)
), there AS (
    SELECT r.id, w.line, w.turn, w.keys FROM wanted w JOIN andon.runs r ON r.id = w.id
    WHERE r.door = w.door AND r.status = 'queued' AND r.cancel_requested_at IS NULL
    FOR NO KEY UPDATE OF r SKIP LOCKED
), admitted AS (
    UPDATE andon.runs r SET door = NULL, sent_at = clock_timestamp(), line = t.line, turn = t.turn
    FROM there t WHERE t.id = r.id
    RETURNING r.id, t.keys
), taken AS (
    INSERT INTO andon.slots (key, run_id) SELECT unnest(keys::uuid[]), id FROM admitted ON CONFLICT DO NOTHING
)
SELECT id FROM admitted
""")

_MOVE = Statement("""
WITH wanted AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(doors)s::uuid[], %(others)s::uuid[]) AS w (id, door, other)
), there AS (
    SELECT r.id, w.other FROM wanted w JOIN andon.runs r ON r.id = w.id
    WHERE r.door = w.door AND r.status = 'queued' FOR NO KEY UPDATE OF r SKIP LOCKED
)
UPDATE andon.runs r SET door = t.other FROM there t WHERE t.id = r.id
""")

_LOOK_AT = Statement("INSERT INTO andon.gate_due (key) SELECT unnest(%(keys)s::uuid[])")

# What frees slots follows a CTE `moved`, with the runs that have ended or begun to wait.
FREES = """
, freed AS (
    INSERT INTO andon.gate_due (key) SELECT DISTINCT unnest(gate_keys) FROM moved
    WHERE gate_keys IS NOT NULL AND (door IS NULL OR cardinality(gate_keys) > 1)
)
"""

_DROP_VOID = Statement(f"""
WITH gone AS (DELETE FROM andon.slots s WHERE {_HOLDS} IS NULL RETURNING key)
INSERT INTO andon.gate_due (key) SELECT DISTINCT key FROM gone
""")
# A loose scan of the index: from each door to the next one, however many runs stand at it.
_NEXT_DOORS = f"""
WITH RECURSIVE doors (door, n) AS (
    (SELECT door, 1 FROM andon.runs WHERE status = 'queued' AND door > %(after)s ORDER BY door LIMIT 1)
    UNION ALL
    SELECT (SELECT r.door FROM andon.runs r WHERE r.status = 'queued' AND r.door > d.door ORDER BY r.door LIMIT 1),
        d.n + 1
    FROM doors d WHERE d.door IS NOT NULL AND d.n < {DUE_AT_ONCE}
), due AS (
    INSERT INTO andon.gate_due (key)
    SELECT door FROM doors WHERE door IS NOT NULL
        AND (%(all)s OR NOT EXISTS (SELECT FROM andon.slots s WHERE s.key = doors.door))
)
SELECT max(door::text)::uuid, count(*) FROM doors WHERE door IS NOT NULL
"""


class Standing(NamedTuple):
    """A run at a door, and what its turn in a line depends on."""

    candidate: Candidate
    line: str
    tenant: str
    function_id: str


Line = list[Standing]


def take_due(connection: Connection) -> list[uuid.UUID]:
    """The doors that are to be looked at now; they are not due any more if the transaction commits."""
    return [key for (key,) in _TAKE_DUE.execute(connection, {})]


def look_at(connection: Connection, keys: Iterable[uuid.UUID]) -> None:
    """Have these doors looked at."""
    if wanted := list(keys):
        _LOOK_AT.execute(connection, {"keys": wanted})


def held(connection: Connection, keys: Iterable[uuid.UUID], loose: Collection[uuid.UUID] = ()) -> dict[uuid.UUID, int]:
    """How many slots are held under each key that has any; rows of those that aren't any more are taken away.

    Under `loose` keys a run that sleeps or waits isn't counted.
    """
    wanted = list(keys)
    return dict(_COUNT.execute(connection, {"keys": wanted, "loose": list(loose)}).fetchall()) if wanted else {}


def lines(connection: Connection, free: dict[uuid.UUID, int]) -> tuple[dict[uuid.UUID, Line], set[uuid.UUID]]:
    """Those who stand first at these doors, rather more than are free; the lines in the order of their heads.

    And the doors at which there are more.
    """
    found: dict[uuid.UUID, list[tuple[Any, Standing]]] = {}
    cut: set[uuid.UUID] = set()
    by_depth: dict[int, list[uuid.UUID]] = {}
    for key, number in free.items():
        by_depth.setdefault(next((d for d in DEPTHS if d > number), DEPTHS[-1]), []).append(key)
    for depth, keys in by_depth.items():
        for door, id, gate_keys, line, tenant, function_id, order, doomed in _lines(depth).execute(
            connection, {"keys": keys}
        ):
            standing = Standing(Candidate(id, tuple(gate_keys or ()), doomed), line, tenant, function_id)
            found.setdefault(door, []).append(((order, id), standing))
        cut.update(key for key in keys if len(found.get(key, ())) == depth)
    in_order = sorted(found.items(), key=lambda each: min(order for order, _ in each[1]))
    return {door: [each for _, each in sorted(line, key=itemgetter(0))] for door, line in in_order}, cut


@cache
def _lines(depth: int) -> Statement:
    return Statement(_LINES.format(depth=depth))


def apply(
    connection: Connection, decision: Decision, standing: dict[uuid.UUID, Standing], counted: set[uuid.UUID]
) -> list[tuple[uuid.UUID, str]]:
    """Do what was decided; returns those that were let in, each with its line. `standing` are the runs by id, and
    `counted` the keys under which they hold slots.

    A run that somebody changes at this moment is left where it stands, and its door is looked at again.
    """
    if decision.moved:
        ids, doors, others = zip(*[(c.run_id, door, other) for c, door, other in decision.moved], strict=True)
        _MOVE.execute(connection, {"ids": list(ids), "doors": list(doors), "others": list(others)})
    let_in: set[uuid.UUID] = set()
    if decision.admitted:
        let_in = _admit(connection, decision.admitted, standing, counted)
    left = {door for candidate, door in decision.admitted if candidate.run_id not in let_in}
    look_at(connection, left | decision.again)
    return [(c.run_id, standing[c.run_id].line) for c, _ in decision.admitted if c.run_id in let_in]


def _admit(
    connection: Connection,
    admitted: Sequence[tuple[Candidate, uuid.UUID]],
    standing: dict[uuid.UUID, Standing],
    counted: set[uuid.UUID],
) -> set[uuid.UUID]:
    places = [(standing[c.run_id].line, standing[c.run_id].tenant) for c, _ in admitted]
    values = {
        "ids": [candidate.run_id for candidate, _ in admitted],
        "doors": [door for _, door in admitted],
        "lines": [line for line, _ in places],
        "turns": turns.give(connection, places),
        "keys": [
            "{" + ",".join(str(key) for key in candidate.keys if key in counted) + "}" for candidate, _ in admitted
        ],
    }
    return {id for (id,) in _ADMIT.execute(connection, values)}


def reconcile(connection: Connection, after: uuid.UUID, *, all: bool = False) -> uuid.UUID | None:
    """Have doors looked at that nobody holds a slot of, or `all`, some thousands at a time from the one `after`.

    Returns up to which, or None at the end. It cures whatever was lost: nothing else has to be free of gaps for a run
    to get in at last.
    """
    if after == FIRST:
        _DROP_VOID.execute(connection, {})
    row = connection.execute(_NEXT_DOORS, {"after": after, "all": all}).fetchone()
    last, number = row if row is not None else (None, 0)
    return last if number >= DUE_AT_ONCE else None


FIRST = uuid.UUID(int=0)
