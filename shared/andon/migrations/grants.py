"""What each process's role may do with the tables. Granted after each migration: new tables are never forgotten.

A role that doesn't exist is left out: where one user does everything, there is nothing to grant.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

SCHEMA = "andon"
PROCESSES = ("api", "dispatcher", "worker", "maintenance")
ROWS = "SELECT, INSERT, UPDATE, DELETE"
WRITTEN_ONLY = "SELECT (id, webhook_id), INSERT, DELETE"
BACKED_UP = "SELECT, INSERT, DELETE"  # a dump has every row of every table, or there is none
# Tables that aren't everybody's; all others are.
NARROW: dict[str, dict[str, str]] = {
    "alembic_version": dict.fromkeys(PROCESSES, "SELECT"),
    "api_keys": {
        "api": "SELECT, UPDATE (last_used_at)",
        "dispatcher": "SELECT (tenant, revoked_at)",
        "maintenance": ROWS,
    },
    "audit": {"api": "SELECT, INSERT", "maintenance": "SELECT, INSERT, DELETE"},
    "idempotency_keys": {"api": "SELECT, INSERT", "maintenance": "SELECT, DELETE"},
    "keeping": {"api": ROWS, "maintenance": ROWS},
    "maintenance": {"api": "SELECT", "dispatcher": "SELECT", "maintenance": ROWS},
    "subject_kinds": {"api": "SELECT", "dispatcher": ROWS, "worker": "SELECT", "maintenance": "SELECT"},
    "tokens": {"api": ROWS, "maintenance": ROWS},
    "webhooks": {"api": ROWS, "dispatcher": "SELECT", "maintenance": ROWS},
    "webhook_secrets": {"api": WRITTEN_ONLY, "dispatcher": "SELECT", "maintenance": BACKED_UP},
    "webhook_deliveries": {
        "api": "SELECT, UPDATE (next_at, delivered_at)",
        "dispatcher": ROWS,
        "maintenance": ROWS,
    },
    "storage_usage": {"api": "SELECT", "dispatcher": "SELECT", "maintenance": ROWS},
}

_ROLES = "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolname <> current_user"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1"


def grant(connection: psycopg.Connection[Any]) -> None:
    """Give each role what its process needs and nothing else, for all at once. Takes the schema's owner."""
    known = {role: process for process in PROCESSES for role in [f"andon_{process}"]}
    roles = [name for (name,) in connection.execute(_ROLES, [list(known)]).fetchall()]
    tables = [name for (name,) in connection.execute(_TABLES, [SCHEMA]).fetchall()]
    with connection.transaction():
        for role in roles:
            for statement in _statements(role, known[role], tables):
                connection.execute(statement)


def _statements(role: str, process: str, tables: list[str]) -> Iterator[sql.Composed]:
    to, schema = sql.Identifier(role), sql.Identifier(SCHEMA)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(schema, to)
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, to)
    yield sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {} TO {}").format(schema, to)
    for table in tables:
        may = NARROW.get(table, {process: ROWS}).get(process)
        if may is not None:
            on = sql.Identifier(SCHEMA, table)
            yield sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(may), on, to)
