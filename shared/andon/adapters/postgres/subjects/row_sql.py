"""The SQL that finds a followed row, writes a state into it, and writes back what it was.

Names are quoted, values are parameters: nothing of an event is ever put into SQL as text. `$1` is an id, `$2` a tenant;
`andon.row_of` and `andon.follow` (migration 0041) give the rest.
"""

from collections.abc import Mapping
from typing import LiteralString, NamedTuple

from psycopg import sql

from andon.engine.declared.subjects import STATES, Row
from andon.engine.events import DEFAULT_TENANT

_NOTHING = sql.SQL("")


class Column(NamedTuple):
    """A column as the catalogue has it: its type whole and without its modifier, and who may not read or write it."""

    name: str
    type: str
    plain: str
    category: str
    base: str
    length: int | None
    filled: bool
    generated: bool
    unreadable_to: list[str]
    unwritable_to: list[str]


class RowSql:
    """Of one kind's rows, whose columns are these."""

    def __init__(self, row: Row, columns: Mapping[str, Column]) -> None:
        self._row = row
        self._table = sql.Identifier(*row.place)
        self._columns = columns

    def assignments(
        self, *, state: sql.Composable, moment: sql.Composable, error: sql.Composable
    ) -> list[tuple[str, sql.Composable]]:
        """Each written column with its value, of the alias `r`."""
        row = self._row
        made: list[tuple[str, sql.Composable]] = []
        status = self._columns[row.status]
        cases = [
            sql.SQL("WHEN {} THEN {}::{}").format(sql.Literal(each), sql.Literal(row.value(each)), raw(status.plain))
            for each in STATES
        ]
        made.append((row.status, sql.SQL("CASE {}::text {} END").format(state, sql.SQL(" ").join(cases))))
        if row.error is not None:
            column = self._columns[row.error]
            message = sql.SQL("coalesce({}::text, 'failed')").format(error)
            if column.length is not None:
                message = sql.SQL("left({}, {})").format(message, sql.Literal(column.length))
            empty = sql.SQL("''") if column.filled else sql.SQL("NULL")
            case = sql.SQL("CASE {}::text WHEN 'failed' THEN {} ELSE {} END")
            made.append((row.error, case.format(state, message, empty)))
        made += [(name, self._time(name, state, moment)) for name in dict.fromkeys(row.at.values())]
        if row.version is not None:
            column_ = sql.Identifier("r", row.version)
            made.append((row.version, sql.SQL("coalesce({}, 0) + 1").format(column_)))
        return made

    def _time(self, name: str, state: sql.Composable, moment: sql.Composable) -> sql.Composable:
        """The moment in states that the column tells of; a request clears it, and other ends leave it."""
        column = self._columns[name]
        at = sql.SQL("{}::timestamptz").format(moment)
        if column.base != "timestamp with time zone":
            at = sql.SQL("({} AT TIME ZONE 'UTC')::{}").format(at, raw(column.plain))
        states = [each for each in STATES if self._row.at.get(each) == name]
        when = sql.SQL(", ").join(map(sql.Literal, states))
        if states == ["active"]:
            cleared: sql.Composable = sql.SQL("")
        else:
            cleared = sql.SQL("WHEN {}::text = 'active' THEN NULL ").format(state)
        return sql.SQL("CASE WHEN {}::text IN ({}) THEN {} {}ELSE {} END").format(
            state, when, at, cleared, sql.Identifier("r", name)
        )

    def _this_row(self, alias: LiteralString) -> sql.Composable:
        """Which row is meant by `$1`, for the tenant `$2`."""
        row = self._row
        said = [
            sql.SQL("{} = $1::{}").format(sql.Identifier(alias, row.key), raw(self._columns[row.key].plain)),
        ]
        if row.tenant is None:
            said.append(sql.SQL("$2::text = {}").format(sql.Literal(DEFAULT_TENANT)))
        else:
            tenant = self._columns[row.tenant]
            said.append(sql.SQL("{} = $2::text::{}").format(sql.Identifier(alias, row.tenant), raw(tenant.plain)))
        if row.deleted is not None:
            column = sql.Identifier(alias, row.deleted)
            there = "{} IS NOT TRUE" if self._columns[row.deleted].category == "B" else "{} IS NULL"
            said.append(sql.SQL(there).format(column))
        return sql.SQL(" AND ").join(said)

    def find(self) -> sql.Composable:
        kept = [name for name in self._row.written() if name != self._row.version]
        pairs = [sql.SQL("{}, {}").format(sql.Literal(name), sql.Identifier("r", name)) for name in kept]
        return sql.SQL("SELECT {}::text, jsonb_build_object({}) FROM {} r WHERE {}").format(
            sql.Identifier("r", self._row.key), sql.SQL(", ").join(pairs), self._table, self._this_row("r")
        )

    def write(self) -> sql.Composable:
        values = {"state": sql.SQL("$3"), "moment": sql.SQL("$4"), "error": sql.SQL("$5")}
        assigned = [
            sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in self.assignments(**values)
        ]
        return self._update(assigned)

    def restore(self) -> sql.Composable:
        kept = [self._columns[name] for name in self._row.written() if name != self._row.version]
        assigned = [
            sql.SQL("({}) = ROW({})").format(
                sql.SQL(", ").join(sql.Identifier(each.name) for each in kept),
                sql.SQL(", ").join(sql.Identifier("b", each.name) for each in kept),
            )
        ]
        if self._row.version is not None:
            assigned.append(
                sql.SQL("{0} = coalesce(r.{0}, 0) + 1").format(sql.Identifier(self._row.version)),
            )
        types = [sql.SQL("{} {}").format(sql.Identifier(each.name), raw(each.type)) for each in kept]
        former = sql.SQL(" FROM jsonb_to_record($3::jsonb) AS b ({})").format(sql.SQL(", ").join(types))
        return self._update(assigned, former)

    def _update(self, assigned: list[sql.Composed], of: sql.Composable = _NOTHING) -> sql.Composable:
        """The row is locked without waiting for it, and only then written."""
        key = self._row.key
        return sql.SQL(
            "UPDATE {table} r SET {assigned}{of} WHERE {key} = (SELECT {locked} FROM {table} q WHERE {this} "
            "FOR NO KEY UPDATE SKIP LOCKED) AND {here} RETURNING {status}::text"
        ).format(
            table=self._table,
            assigned=sql.SQL(", ").join(assigned),
            of=of,
            key=sql.Identifier("r", key),
            locked=sql.Identifier("q", key),
            this=self._this_row("q"),
            here=self._this_row("r"),
            status=sql.Identifier("r", self._row.status),
        )


def raw(catalogue: str) -> sql.Composable:
    """What the catalogue has written, as it is: the name of a type, a constraint."""
    return sql.SQL(catalogue)
