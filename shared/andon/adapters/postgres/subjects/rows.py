"""Whether the rows of a team's own table can follow subjects.

It is found out once, when a function is registered, from the catalogue and by a trial on a temporary table that has the
table's CHECK constraints and none of its triggers.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.subjects.row_sql import Column, RowSql, raw
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.subjects import STATES, Row
from andon.engine.errors import RegistrationError

_TABLE = """
SELECT c.oid, c.relkind, ARRAY(SELECT role FROM unnest(%(roles)s::text[]) role
        WHERE NOT has_schema_privilege(role::name, n.oid, 'USAGE')),
    ARRAY(SELECT rolname::text FROM pg_roles WHERE rolname = ANY(%(roles)s::text[]) AND c.relrowsecurity
        AND NOT (rolsuper OR rolbypassrls) AND (c.relforcerowsecurity OR NOT pg_has_role(oid, c.relowner, 'USAGE'))
        ORDER BY 1),
    EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tginitdeferred)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s
"""
# Every process writes rows: where each has a role of its own, all of these may have to be granted something.
_ROLES = """
WITH processes AS (
    SELECT rolname::text AS role FROM pg_roles WHERE rolname IN ('andon_api', 'andon_dispatcher', 'andon_worker')
        AND has_schema_privilege(oid, 'andon', 'USAGE')
)
SELECT role FROM processes
UNION SELECT current_user::text WHERE NOT (%(looks)s AND EXISTS (SELECT FROM processes)) ORDER BY 1
"""
_MAY_TRY = "SELECT has_database_privilege(current_database(), 'TEMPORARY'), current_user::text"
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, -1), t.typcategory,
    coalesce(nullif(t.typbasetype, 0), t.oid)::regtype::text,
    CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END, a.attnotnull, a.attgenerated <> '',
    ARRAY(SELECT role FROM unnest(%(roles)s::text[]) role
        WHERE NOT has_column_privilege(role::name, a.attrelid, a.attnum, 'SELECT')),
    ARRAY(SELECT role FROM unnest(%(roles)s::text[]) role
        WHERE NOT has_column_privilege(role::name, a.attrelid, a.attnum, 'UPDATE'))
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %(table)s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_UNIQUE = """
SELECT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = %(table)s AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL AND ARRAY(
            SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k (n)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n) <@ %(columns)s::text[]
        AND %(key)s = ANY(ARRAY(
            SELECT a.attname::text FROM unnest(i.indkey[0:i.indnkeyatts - 1]) k (n)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n)))
"""
_PARTED_BY = """
SELECT a.attname FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid
    AND a.attnum = ANY(p.partattrs) WHERE p.partrelid = %s ORDER BY a.attnum
"""
# The tables in which each value of a column has to be, where the role may read them.
_REFERENCES = """
SELECT n.nspname, c.relname, f.attname FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE k.conrelid = %s AND k.contype = 'f' AND cardinality(k.conkey) = 1 AND a.attname = %s
    AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, f.attnum, 'SELECT')
"""
_CHECKS = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s AND contype = 'c'"
_PLAIN_PATH = "SELECT set_config('search_path', 'pg_catalog', true)"  # so that the types are named with their schemas

_WHOLE = ("smallint", "integer", "bigint")
_KINDS = {
    "v": "is a view: name the table that it shows",
    "m": "is a materialized view: name the table that it shows",
    "f": "is a foreign table: the row has to be in this database",
}


@dataclass(frozen=True)
class Followed:
    """How the rows of one kind are found and written: SQL for `andon.row_of` and `andon.follow`."""

    find: str
    write: str
    restore: str
    states: Mapping[str, str]
    numeric: bool
    deferred: bool


def resolve(connection: Connection, declared: Declaration, row: Row, *, looks: bool = False) -> Followed:
    """How this row is followed. Raises `RegistrationError` naming function, table, column, and what to do.

    Changes nothing; in a transaction of its own, or a savepoint of the caller's. Who only `looks`, as `andon doctor`
    does, needs none of the rights of those who write where each process has a role of its own.
    """
    with connection.transaction(force_rollback=True):
        connection.execute(_PLAIN_PATH)
        return _Resolving(connection, declared, row, looks).followed()


class _Resolving:
    def __init__(self, connection: Connection, declared: Declaration, row: Row, looks: bool) -> None:
        self._connection = connection
        self._declared = declared
        self._row = row
        self._looks = looks
        self._table = sql.Identifier(*row.place)
        self._roles: list[str] = []
        self._columns: dict[str, Column] = {}

    def followed(self) -> Followed:
        try:
            return self._found_out()
        except psycopg.errors.InsufficientPrivilege as error:  # the schema of a type, a function of a CHECK
            raise self._refused(
                f"what it is made of may not be used ({first_line(error)}): grant it to {self._to}"
            ) from None

    def _found_out(self) -> Followed:
        oid, deferred = self._check_table()
        found = self._connection.execute(_COLUMNS, {"roles": self._roles, "table": oid}).fetchall()
        self._columns = {each[0]: Column(*each) for each in found}
        self._sql = RowSql(self._row, self._columns)
        self._check_columns()
        self._check_types()
        self._check_key(oid)
        self._try_values(oid)
        self._check_references(oid)
        row = self._row
        return Followed(
            find=self._text(self._sql.find()),
            write=self._text(self._sql.write()),
            restore=self._text(self._sql.restore()),
            states={**{each: str(row.value(each)) for each in STATES}, "column": row.status},
            numeric=self._columns[row.key].base in _WHOLE,
            deferred=deferred,
        )

    # --- checks --------------------------------------------------------------------------------------------------

    def _check_table(self) -> tuple[int, bool]:
        self._roles = [role for (role,) in self._connection.execute(_ROLES, {"looks": self._looks}).fetchall()]
        schema, table = self._row.place
        values = {"roles": self._roles, "schema": schema, "table": table}
        found = self._connection.execute(_TABLE, values).fetchone()
        if found is None:
            raise self._refused(
                f"there is no such table in this database ({schema}.{table}): make it, or name its schema"
            )
        oid, kind, shut_out, hidden, deferred = found
        if kind in _KINDS or kind not in ("r", "p"):
            raise self._refused(_KINDS.get(kind, "is no table"))
        if shut_out:
            grant = f"GRANT USAGE ON SCHEMA {self._text(sql.Identifier(schema))} TO {self._named(shut_out)}"
            raise self._refused(f"the schema isn't open to the role: {grant}")
        if hidden:
            mended = "; ".join(f"ALTER ROLE {self._named([role])} BYPASSRLS" for role in hidden)
            raise self._refused(
                f"row security applies to the role {self._named(hidden)}, and would let writes do nothing: "
                f"{mended}, or follow a table without it"
            )
        return oid, deferred

    def _check_columns(self) -> None:
        written, read = list(self._row.written()), list(self._row.read())
        for name in (*read, *written):
            if name not in self._columns:
                there = ", ".join(self._columns)
                raise self._refused(f"there is no column {name!r}; there are {there}")
        for name in written:
            if self._columns[name].generated:
                raise self._refused(f"column {name!r} is generated: nobody can write it; follow a plain column")
        for right, names in (("SELECT", [*read, *written]), ("UPDATE", written)):
            missing = [each for each in names if self._lacking(right, each)]
            if missing:
                roles = sorted({role for each in missing for role in self._lacking(right, each)})
                columns = self._text(sql.SQL(", ").join(map(sql.Identifier, missing)))
                raise self._refused(
                    f"the role may not {right.lower()} column {missing[0]!r}: "
                    f"GRANT {right} ({columns}) ON {self._text(self._table)} TO {self._named(roles)}"
                )

    def _lacking(self, right: str, name: str) -> list[str]:
        column = self._columns[name]
        return column.unreadable_to if right == "SELECT" else column.unwritable_to

    def _check_types(self) -> None:
        row = self._row
        status = self._columns[row.status]
        whole = status.base in _WHOLE
        if not whole and status.category not in ("S", "E"):
            raise self._mistyped(row.status, "a text, an enum or a whole number")
        labels = self._labels(status) if status.category == "E" else None
        for state in STATES:
            if labels is not None and row.value(state) not in labels:
                add = f"ALTER TYPE {status.plain} ADD VALUE {self._text(sql.Literal(row.value(state)))}"
                raise self._refused(f"column {row.status!r}: {status.plain} has no {state}={row.value(state)!r}: {add}")
            if isinstance(row.value(state), int) is not whole:
                raise self._refused(
                    f"{state}={row.value(state)!r} is no value of column {row.status!r}, which is {status.type}"
                )
        if row.error is not None and self._columns[row.error].category != "S":
            raise self._mistyped(row.error, "a text, for the error's message")
        for state, name in row.at.items():
            if self._columns[name].category != "D":
                raise self._mistyped(name, f"a time: at={{{state!r}: …}} names it")
        if row.version is not None and self._columns[row.version].base not in _WHOLE:
            raise self._mistyped(row.version, "a whole number that is counted up")
        if row.deleted is not None and self._columns[row.deleted].category not in ("D", "B"):
            raise self._mistyped(row.deleted, "a time or a boolean: deleted= names it")

    def _check_key(self, oid: int) -> None:
        row = self._row
        columns = [row.key] if row.tenant is None else [row.key, row.tenant]
        found = self._connection.execute(_UNIQUE, {"table": oid, "columns": columns, "key": row.key}).fetchone()
        if not (found and found[0]):
            parted = [name for (name,) in self._connection.execute(_PARTED_BY, [oid]).fetchall()]
            if not set(parted) <= set(columns):
                remedy = f"it can't be in a table that is partitioned by {', '.join(parted)}; follow another"
            else:
                named = self._text(sql.SQL(", ").join(map(sql.Identifier, columns)))
                remedy = f"ALTER TABLE {self._text(self._table)} ADD UNIQUE ({named})"
            raise self._refused(f"column {row.key!r} isn't unique, so an id could name many rows: {remedy}")

    def _check_references(self, oid: int) -> None:
        for *place, column in self._connection.execute(_REFERENCES, [oid, self._row.status]).fetchall():
            there = sql.SQL("SELECT {}::text FROM {}").format(sql.Identifier(column), sql.Identifier(*place))
            known = {value for (value,) in self._connection.execute(self._bytes(there)).fetchall()}
            for state in STATES:
                if str(self._row.value(state)) not in known:
                    raise self._refused(
                        f"column {self._row.status!r} refers to {'.'.join(place)}, which has no "
                        f"{state}={self._row.value(state)!r}: insert it, or name another"
                    )

    def _try_values(self, oid: int) -> None:
        """Write each state into a temporary table with the same columns and CHECK constraints."""
        may_try, user = self._connection.execute(_MAY_TRY).fetchone() or (False, "")
        if not may_try:
            if self._looks:
                return
            database = self._text(sql.Identifier(self._connection.info.dbname))
            grant = f"GRANT TEMPORARY ON DATABASE {database} TO {self._named([user])}"
            raise self._refused(f"no value can be tried: {grant}")
        trial = sql.Identifier("pg_temp", "andon_trial")
        written = set(self._row.written()) - {self._row.version}
        columns = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(each.name),
                raw(each.type),
                sql.SQL(" NOT NULL" if each.filled and each.name in written else ""),
            )
            for each in self._columns.values()
        ]
        values = {"state": sql.SQL("$1"), "moment": sql.SQL("$2"), "error": sql.SQL("$3")}
        assigned = [pair for pair in self._sql.assignments(**values) if pair[0] != self._row.version]
        names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in assigned)
        news = sql.SQL(", ").join(value for _, value in assigned)
        none = sql.SQL(", ").join(
            sql.SQL("NULL::{} AS {}").format(raw(self._columns[name].type), sql.Identifier(name))
            for name, _ in assigned
        )
        typed = sql.SQL("($1::text, $2::timestamptz, $3::text) IS NOT NULL")  # also where one isn't used
        insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM (SELECT {}) r WHERE {}").format(
            trial, names, news, none, typed
        )
        update = sql.SQL("UPDATE {} r SET ({}) = ROW({}) WHERE {}").format(trial, names, news, typed)
        state = ""
        try:
            self._run(sql.SQL("CREATE TEMPORARY TABLE andon_trial ({})").format(sql.SQL(", ").join(columns)))
            self._add_checks(oid)
            for state in ("active", "completed", "active", "failed", "active", "cancelled"):
                statement, insert = insert, update  # the first one makes the row
                said = [state, dt.datetime.now(dt.UTC), "an error"]
                psycopg.RawCursor(self._connection).execute(self._bytes(statement), said)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            value = self._row.value(state) if state else ""
            raise self._refused(
                f"the table forbids {state}={value!r} in column {self._row.status!r}, or what goes with it "
                f"({first_line(error)}): let it have these values, or name others"
            ) from None

    def _add_checks(self, oid: int) -> None:
        for name, definition in self._connection.execute(_CHECKS, [oid]).fetchall():
            check = sql.SQL("ALTER TABLE pg_temp.andon_trial ADD CONSTRAINT {} {}")
            self._run(check.format(sql.Identifier(name), raw(definition)))

    # --- words ---------------------------------------------------------------------------------------------------

    @property
    def _to(self) -> str:
        return self._named(self._roles)

    def _named(self, roles: Sequence[str]) -> str:
        return self._text(sql.SQL(", ").join(map(sql.Identifier, roles)))

    def _refused(self, fault: str) -> RegistrationError:
        return self._declared.refused(f"row of table {self._row.table}", fault)

    def _labels(self, column: Column) -> list[str]:
        enum = sql.SQL("SELECT unnest(enum_range(NULL::{}))::text").format(raw(column.plain))
        return [label for (label,) in self._connection.execute(self._bytes(enum)).fetchall()]

    def _mistyped(self, name: str, expected: str) -> RegistrationError:
        return self._refused(f"column {name!r} is {self._columns[name].type}; expected {expected}")

    def _text(self, composed: sql.Composable) -> str:
        return composed.as_string(self._connection)

    def _bytes(self, composed: sql.Composable) -> bytes:
        return composed.as_bytes(self._connection)

    def _run(self, composed: sql.Composable) -> None:
        self._connection.execute(self._bytes(composed))
