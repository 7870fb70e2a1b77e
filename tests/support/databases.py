"""Databases with the current schema, and no rows but those that come with it.

One that a test leaves as it was is emptied for another test. To make a database and drop it takes a tenth of a second
of processor time, and waits for the disk several times; to empty one takes a hundredth. A database is dropped all the
same when its catalogue is not what it was (a table was made, or renamed and renamed back), when it has grown, or when
somebody is still connected.
"""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg import sql

from andon.embedded import PostgresServer
from tests.support.polling import wait_until

TEMPLATE = "andon_template"
BARE = "andon_bare"
MOST_BYTES = 4 << 20  # that a database grows by: its tables would be slow to read, though empty
FIRST_OURS = 16384  # of an object's number: those below are Postgres' own

# Which version of each row of the catalogue there is: whatever is changed, even to what it was, makes another.
_CATALOGUE = """
SELECT md5(string_agg(version, ' ' ORDER BY version)) FROM (
    SELECT 'class ' || oid || ' ' || xmin AS version FROM pg_class WHERE oid >= %(first)s
    UNION ALL SELECT 'column ' || attrelid || ' ' || attnum || ' ' || xmin FROM pg_attribute WHERE attrelid >= %(first)s
    UNION ALL SELECT 'default ' || oid || ' ' || xmin FROM pg_attrdef
    UNION ALL SELECT 'index ' || indexrelid || ' ' || xmin FROM pg_index WHERE indexrelid >= %(first)s
    UNION ALL SELECT 'constraint ' || oid || ' ' || xmin FROM pg_constraint WHERE oid >= %(first)s
    UNION ALL SELECT 'trigger ' || oid || ' ' || xmin FROM pg_trigger
    UNION ALL SELECT 'function ' || oid || ' ' || xmin FROM pg_proc WHERE oid >= %(first)s
    UNION ALL SELECT 'type ' || oid || ' ' || xmin FROM pg_type WHERE oid >= %(first)s
    UNION ALL SELECT 'schema ' || oid || ' ' || xmin FROM pg_namespace
    UNION ALL SELECT 'policy ' || oid || ' ' || xmin FROM pg_policy
    UNION ALL SELECT 'extension ' || oid || ' ' || xmin FROM pg_extension
    UNION ALL SELECT 'setting ' || setconfig::text FROM pg_db_role_setting s
        JOIN pg_database d ON d.oid = s.setdatabase AND d.datname = current_database()
    UNION ALL SELECT 'grant ' || datacl::text FROM pg_database WHERE datname = current_database()
) AS versions
"""
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'andon'"
# To ask each table whether it has rows, a new session would read all that there is to know of it and of its indexes.
_GROWN = sql.SQL("""
SELECT relname::text FROM pg_class
WHERE relnamespace = 'andon'::regnamespace AND relkind = 'r' AND relname <> ALL ({}::text[])
    AND pg_relation_size(oid) > 0
""")
_ROWS = "(SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY to_jsonb(t)::text), '[]') FROM andon.{table} t)"
_FILL = "INSERT INTO andon.{table} SELECT * FROM jsonb_populate_recordset(NULL::andon.{table}, {rows})"
_REWIND = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""


class UnsyncedPostgres(PostgresServer):
    """PostgreSQL that waits for no disk: what it has written outlives its own end, but not the machine's."""

    def command(self) -> list[str]:
        return [*super().command(), "-c", "fsync=off", "-c", "full_page_writes=off"]


class Databases:
    """The databases of a server whose own has the current schema."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._admin = server.url_of("postgres")
        self._free: list[str] = []
        self._catalogues: dict[str, str] = {}
        create(self._admin, TEMPLATE, _name(server.url))
        with psycopg.connect(server.url_of(TEMPLATE)) as template:
            self._catalogue = _catalogue(template)
            self._bytes = _one(template, "SELECT pg_database_size(current_database())")
            self._rows = {table: _rows(template, table) for (table,) in template.execute(_TABLES).fetchall()}
        filled = {table: rows for table, rows in self._rows.items() if rows}
        looks = [_look(table, rows) for table, rows in filled.items()]
        self._changed = sql.SQL(" UNION ALL ").join([_GROWN.format(sql.Literal(list(filled))), *looks])

    def take(self) -> str:
        """The URL of one that nobody uses."""
        if self._free:
            return self._server.url_of(self._free.pop())
        name = f"andon_{len(self._catalogues) + 1}"
        create(self._admin, name, TEMPLATE)
        self._catalogues[name] = self._catalogue
        return self._server.url_of(name)

    def give_back(self, url: str) -> None:
        """Empty it for another test, or drop it, with whatever sessions there are."""
        if self._empty(url):
            self._free.append(_name(url))
        else:
            self.drop(url)

    def drop(self, url: str) -> None:
        """`DROP DATABASE`."""
        drop(self._admin, _name(url))

    def _empty(self, url: str) -> bool:
        try:
            with psycopg.connect(url, autocommit=True) as database:
                wait_until(lambda: _one(database, _OTHERS) == 0, 0.2)  # a session ends a moment after its client
                if _catalogue(database) != self._catalogues[_name(url)]:
                    return False
                if _one(database, "SELECT pg_database_size(current_database())") > self._bytes + MOST_BYTES:
                    return False
                tables = [table for (table,) in database.execute(self._changed).fetchall()]
                if tables:  # deleted, their rows would leave places in the middle, which others would take
                    names = sql.SQL(", ").join(sql.Identifier("andon", each) for each in tables)
                    database.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
                for table in [table for (table,) in database.execute(self._changed).fetchall()]:
                    database.execute(_about(_FILL, table, rows=sql.Literal(json.dumps(self._rows[table]))))
                database.execute(_REWIND)
                self._catalogues[_name(url)] = _catalogue(database)
                return True
        except (AssertionError, psycopg.Error):
            return False


def create(admin_url: str, name: str, template: str) -> None:
    """`CREATE DATABASE`; the template must have no sessions."""
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


def drop(admin_url: str, name: str) -> None:
    """`DROP DATABASE`, with whatever sessions a test has left open."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def _catalogue(database: psycopg.Connection[Any]) -> str:
    return str(_one(database, _CATALOGUE, {"first": FIRST_OURS}))


def _about(query: str, table: str, **more: sql.Composable) -> sql.Composed:
    return sql.SQL(query).format(table=sql.Identifier(table), **more)


def _rows(database: psycopg.Connection[Any], table: str) -> list[Any]:
    row = database.execute(_about(f"SELECT {_ROWS}", table)).fetchone()
    return list(row[0]) if row else []


def _look(table: str, rows: list[Any]) -> sql.Composed:
    """A query for the table's name, if there are other rows in it than these."""
    others = _about(f"{_ROWS} <> {{rows}}::jsonb", table, rows=sql.Literal(json.dumps(rows)))
    return sql.SQL("SELECT {} WHERE {}").format(sql.Literal(table), others)


def _one(connection: psycopg.Connection[Any], query: str, values: dict[str, int] | None = None) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None
