"""Queued runs on their way to workers: those whose time has come, and those of which nobody was told."""

import uuid
from collections.abc import Iterator, Sequence

from andon.adapters.postgres.connect import Connection, columns
from andon.adapters.postgres.doors import gate, turns
from andon.engine.dispatch.lines import ALONE, URGENT

CHUNK = 500
ALONE_FROM = 2  # one lost worker is mostly the worker's own end: such a run is resumed at once, by any other
_QUEUE = f"queue || CASE WHEN lost >= {ALONE_FROM} THEN '{ALONE}' WHEN kind <> 'function' THEN '{URGENT}' ELSE '' END"
MOST_DUE = 10_000
"""Among so many whose time came first the tenants take turns."""
_SLEEPERS = f"""
SELECT id, {_QUEUE}, tenant, door FROM andon.runs
WHERE status = 'waiting' AND wake_at <= clock_timestamp() AND id = ANY(ARRAY(
    SELECT id FROM (
        SELECT id, wake_at, row_number() OVER (PARTITION BY tenant ORDER BY wake_at) AS place FROM (
            SELECT id, tenant, wake_at FROM andon.runs
            WHERE status = 'waiting' AND wake_at <= (SELECT clock_timestamp()) ORDER BY wake_at LIMIT {MOST_DUE}) due
    ) placed ORDER BY place, wake_at LIMIT {CHUNK}))
ORDER BY wake_at FOR UPDATE SKIP LOCKED
"""
# One whose hint couldn't be followed keeps its place. The release before leaves turns of long ago.
_UNTOLD = f"""
SELECT id, {_QUEUE}, tenant, CASE WHEN line = {_QUEUE} AND turn >= (
    SELECT floor FROM andon.lines l WHERE l.line = runs.line) THEN turn END
FROM andon.runs WHERE status = 'queued' AND door IS NULL AND sent_at IS NULL
ORDER BY id LIMIT {CHUNK} FOR UPDATE OF runs SKIP LOCKED
"""
_TO_ITS_DOOR = """
UPDATE andon.runs SET status = 'queued', wake_at = NULL, debounce_key = NULL WHERE id = ANY(%s)
"""
_ENTER = """
UPDATE andon.runs r SET status = 'queued', wake_at = NULL, sent_at = clock_timestamp(), line = w.line, turn = w.turn,
    debounce_key = NULL
FROM unnest(%s::uuid[], %s::text[], %s::bigint[]) w (id, line, turn) WHERE r.id = w.id
"""
_LOST = f"""
UPDATE andon.runs SET sent_at = clock_timestamp()
WHERE id IN (SELECT id FROM andon.runs
             WHERE status = 'queued' AND door IS NULL AND sent_at <= clock_timestamp() - %s::float8 * interval '1 s'
                AND {_QUEUE} = ANY(%s)
             ORDER BY sent_at LIMIT {CHUNK} FOR UPDATE SKIP LOCKED)
RETURNING id, {_QUEUE}
"""
_ALL_QUEUED = f"""
SELECT id, {_QUEUE} FROM andon.runs WHERE status = 'queued' AND door IS NULL AND id > %s ORDER BY id LIMIT {CHUNK * 10}
"""

Hint = tuple[uuid.UUID, str]


def wake(connection: Connection) -> list[Hint]:
    """Queue the waiting runs whose time has come; returns what to hint. In a transaction that holds the leadership.

    Those that gave back their slots while they waited are queued at a door, where they keep their place.
    """
    rows = connection.execute(_SLEEPERS).fetchall()
    if doors := {id: door for id, _, _, door in rows if door is not None}:
        connection.execute(_TO_ITS_DOOR, [list(doors)])
        gate.look_at(connection, set(doors.values()))
    return _enter(connection, [(id, line, tenant, None) for id, line, tenant, _ in rows if id not in doors])


def unsent(connection: Connection) -> list[Hint]:
    """Queued runs of which nobody was told yet. In a transaction that holds the leadership."""
    return _enter(connection, connection.execute(_UNTOLD).fetchall())


def _enter(connection: Connection, runs: Sequence[tuple[uuid.UUID, str, str, int | None]]) -> list[Hint]:
    """Let these runs (id, line, tenant, the turn that it has kept) stand in their lines."""
    if not runs:
        return []
    given = iter(turns.give(connection, [(line, tenant) for _, line, tenant, kept in runs if kept is None]))
    rows = [(id, line, next(given) if kept is None else kept) for id, line, _, kept in runs]
    connection.execute(_ENTER, columns(rows))
    return [(id, line) for id, line, _ in rows]


def lost(connection: Connection, seconds: float, idle: Sequence[str]) -> list[Hint]:
    """Queued runs that were hinted over `seconds` ago to `idle` queues, in which no hint waits: lost hints."""
    return connection.execute(_LOST, [seconds, list(idle)]).fetchall()


def all_queued(connection: Connection) -> Iterator[list[Hint]]:
    """Every queued run, some thousands at a time: what to hint when Redis has lost everything."""
    after = uuid.UUID(int=0)
    while hints := connection.execute(_ALL_QUEUED, [after]).fetchall():
        yield hints
        after = hints[-1][0]
