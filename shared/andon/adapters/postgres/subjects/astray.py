"""Rows that don't say what their subject says, because somebody else has written them, or from before Andon knew them.

Andon writes a row on a move of its own alone. An ORM that saves an old object, or a hand, can make it say anything.
"""

import json
from typing import NamedTuple

from psycopg import sql

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.subjects import subjects
from andon.adapters.postgres.subjects.subjects import Named
from andon.engine.declared.subjects import from_json
from andon.engine.errors import AndonError
from andon.engine.events import DEFAULT_TENANT

MOST = 1_000
UNKNOWN = "there is no run of it"

_KIND = "SELECT row, states, write FROM andon.subject_kinds WHERE kind = %s"
_FIND = """
SELECT r.{key}::text, {tenant}, r.{status}::text, coalesce(s.status, 'idle'), w.status
FROM {table} r LEFT JOIN andon.subjects s ON s.kind = {kind} AND s.key = r.{key}::text AND s.tenant = {tenant},
    LATERAL (SELECT CASE WHEN s.status IS NULL OR s.status = 'idle' THEN
        CASE WHEN r.{status}::text = {active} THEN {failed} END
        ELSE {states}::jsonb->>s.status END) w (status)
WHERE {there} AND r.{status}::text IS DISTINCT FROM w.status AND w.status IS NOT NULL
    AND NOT EXISTS (SELECT FROM andon.rows_owed o WHERE o.subject_id = s.id)
ORDER BY 1 LIMIT {most}
"""
_FAIL = """
UPDATE andon.subjects s SET status = 'failed', error = %s, failed_at = clock_timestamp(),
    updated_at = clock_timestamp(), version = s.version + 1
WHERE id = %s AND status = 'idle' RETURNING andon.follow(s)
"""
_FOLLOW = "SELECT andon.follow(s) FROM andon.subjects s WHERE id = %s"


class NotFollowed(AndonError):
    """No row follows subjects of this kind."""


class Astray(NamedTuple):
    """A row, what it says, what its subject is, and what it should say."""

    id: str
    tenant: str
    row: str | None
    subject: str
    wanted: str


def find(connection: Connection, kind: str) -> list[Astray]:
    """The first thousand of them: rows that aren't owed and say something else, or that say active and have no run.

    Reads the whole table. Raises `NotFollowed`.
    """
    stored = connection.execute(_KIND, [kind]).fetchone()
    if stored is None or stored[0] is None:
        raise NotFollowed(f"No row follows subjects of kind {kind!r}.")
    said, states, _ = stored
    row = from_json({"kind": kind, "id": "data.id", "row": said}).row
    assert row is not None  # it was there
    tenant: sql.Composable = sql.Literal(DEFAULT_TENANT)
    if row.tenant is not None:
        tenant = sql.SQL("r.{}::text").format(sql.Identifier(row.tenant))
    there: sql.Composable = sql.SQL("true")
    if row.deleted is not None:  # a time or a boolean: null and false say that it is there
        there = sql.SQL("coalesce(r.{}::text, 'false') = 'false'").format(sql.Identifier(row.deleted))
    query = sql.SQL(_FIND).format(
        key=sql.Identifier(row.key),
        status=sql.Identifier(row.status),
        table=sql.Identifier(*row.place),
        tenant=tenant,
        there=there,
        kind=sql.Literal(kind),
        active=sql.Literal(str(row.value("active"))),
        failed=sql.Literal(str(row.value("failed"))),
        states=sql.Literal(json.dumps(states)),
        most=sql.Literal(MOST),
    )
    return [Astray(*each) for each in connection.execute(query).fetchall()]


def mend(connection: Connection, kind: str, astray: Astray) -> bool:
    """Let the row say what its subject says now; whether it does. One that says active and has no run has failed."""
    named = Named(astray.tenant, kind, astray.id)
    with connection.transaction():
        subjects.make(connection, [named])
        subjects.lock(connection, [named.id])
        failed = connection.execute(_FAIL, [UNKNOWN, named.id]).fetchone()
        row = failed or connection.execute(_FOLLOW, [named.id]).fetchone()
        return row is not None and row[0] == "written"
