"""Parents and children: who asks for a child, and whose child a run is."""

import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.statuses import OPEN

_HOLD = """
SELECT id, tenant, status, cancel_requested_at IS NOT NULL FROM andon.runs WHERE id = ANY(%s) ORDER BY id FOR SHARE
"""
# Written into the parent's own row: whoever has its lock sees it, whatever he saw of its children before.
_ADOPT = """
WITH awaiting AS (
    UPDATE andon.runs r SET awaits_children = true
    WHERE id IN (SELECT parent FROM unnest(%(parents)s::uuid[], %(waits)s::bool[]) AS p (parent, wait) WHERE wait)
        AND NOT awaits_children
)
UPDATE andon.runs r SET parent_run_id = a.parent, parent_step = a.step
FROM unnest(%(ids)s::uuid[], %(parents)s::uuid[], %(steps)s::text[]) AS a (id, parent, step) WHERE r.id = a.id
"""
# Those that a cancel of the run will reach: not what was abandoned, and not what an ended one has left.
_BELOW = f"""
WITH RECURSIVE below AS (
    SELECT %s::uuid AS id, 0 AS depth
    UNION ALL
    SELECT c.id, b.depth + 1 FROM below b JOIN andon.runs c ON c.parent_run_id = b.id
    JOIN andon.events e ON e.seq = c.event_seq
    WHERE c.parent_step IS NOT NULL AND c.status IN {OPEN} AND e.data->'_andon'->>'onCancel' <> 'abandon'
)
SELECT count(*) - 1 FROM below
"""

_HELD_ABOVE = """
WITH RECURSIVE up AS (
    SELECT id AS below, id, function_id, parent_run_id, gate_keys, door, 1 AS depth FROM andon.runs WHERE id = ANY(%s)
    UNION ALL
    SELECT u.below, r.id, r.function_id, r.parent_run_id, r.gate_keys, r.door, u.depth + 1
    FROM up u JOIN andon.runs r ON r.id = u.parent_run_id WHERE u.depth < 20
)
SELECT DISTINCT below, function_id, key FROM up, unnest(gate_keys) key WHERE door IS NULL
"""


class Parent(NamedTuple):
    """A run that asks for a child."""

    tenant: str
    status: str
    cancelled: bool
    """Whether it is asked to stop."""


def hold_parents(connection: Connection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Parent]:
    """These runs, none of which can be cancelled or end until the caller's transaction does."""
    rows = connection.execute(_HOLD, [list(ids)]).fetchall() if ids else []
    return {id: Parent(*rest) for id, *rest in rows}


def below(connection: Connection, run_id: uuid.UUID) -> int:
    """How many open runs below this one are cancelled with it."""
    row = connection.execute(_BELOW, [run_id]).fetchone()
    return int(row[0]) if row else 0


def held_above(connection: Connection, ids: Collection[uuid.UUID]) -> list[tuple[uuid.UUID, str, uuid.UUID]]:
    """The gate keys under which these runs and those above them are let in: of which, whose function, key."""
    return connection.execute(_HELD_ABOVE, [list(ids)]).fetchall() if ids else []


class Adopted(NamedTuple):
    """A run that was just made, and whose child it is."""

    id: uuid.UUID
    parent: uuid.UUID
    step: str
    awaited: bool
    """Whether a cancel of its parent is over only when it has ended."""


def adopt(connection: Connection, children: Sequence[Adopted]) -> None:
    """Say of these runs whose children they are. Their parents' rows are held."""
    if children:
        ids, parents, steps, waits = map(list, zip(*children, strict=True))
        connection.execute(_ADOPT, {"ids": ids, "parents": parents, "steps": steps, "waits": waits})
