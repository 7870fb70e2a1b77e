"""A file as DuckDB sees it: a table expression whose every value is text, and the lines that its rows stand on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from andon.reports import wide
from andon.reports.control import Control
from andon.reports.duck import identifier, literal
from andon.reports.files.formats import Format
from andon.reports.files.unpack import Plain
from andon.reports.tables import delimited, ragged
from andon.reports.tables.dialects import Dialect, dialects_of
from andon.reports.tables.headers import unique
from andon.reports.tables.json import lines
from andon.reports.tables.plan import Plan
from andon.reports.tables.workbooks import sheets

_DEEPEST = 3  # structs in structs


@dataclass(frozen=True)
class Source:
    """`values` reads the column of each of `names` as text; `types` are DuckDB's, of a file that has types."""

    names: tuple[str, ...]
    values: tuple[str, ...]
    scan: str
    lines: Callable[[Sequence[int]], Mapping[int, int]]
    types: tuple[str, ...] | None = None
    dialect: Dialect | None = None
    sheet: str | None = None

    def value(self, name: str) -> str:
        return self.values[self.names.index(name)]


def _leaves(columns: Iterable[tuple[str, str, Any]], depth: int = 0) -> Iterator[tuple[str, str, Any]]:
    """Name, SQL and type of each column, the fields of a struct taken one by one."""
    for name, sql, type_ in columns:
        if type_.id == "struct" and depth < _DEEPEST:
            fields = ((f"{name}.{field}", f"{sql}.{identifier(field)}", of) for field, of in type_.children)
            yield from _leaves(fields, depth + 1)
        else:
            yield name, sql, type_


@dataclass(frozen=True)
class Opener:
    """What it takes to open a file."""

    connection: duckdb.DuckDBPyConnection
    plain: Plain
    claimed: Format
    scratch: Path
    control: Control
    limit_bytes: int

    def sources(self, given: Mapping[str, Any], plan: Plan | None) -> Iterator[Source]:
        """The ways to read the file, the likeliest first: as planned, or as judged now with what is `given` of it."""
        if self.claimed.name == "parquet":
            yield self._parquet()
        elif self.claimed.is_json:
            yield self._json()
        elif self.claimed.name == "excel":
            yield self._sheet(given, plan)
        else:
            path = self.plain.path
            if plan and plan.dialect:
                yield self._delimited(path, plan.dialect)
                return
            dialects = dialects_of(path, self.claimed, given)
            yield from (self._delimited(path, dialect) for dialect in dialects)
            if found := ragged.evened(path, dialects[0], self.control, given.get("ragged")):
                yield self._delimited(path, found)

    def _delimited(self, path: Path, dialect: Dialect, sheet: str | None = None) -> Source:
        table = delimited.table_of(path, dialect, self.scratch, self.control)
        names = dialect.columns
        return Source(
            names,
            tuple(map(identifier, names)),
            self._by_column(delimited.scan(table, dialect), len(names)),
            lambda rows: delimited.lines_of(path, dialect, rows, self.control),
            dialect=dialect,
            sheet=sheet,
        )

    def _sheet(self, given: Mapping[str, Any], plan: Plan | None) -> Source:
        path = self.scratch / "sheet.csv"
        sheet = plan.sheet if plan else given.get("sheet")
        sheet = sheets.write_sheet(self.plain.path, path, sheet, self.limit_bytes, self.control)
        if plan and plan.dialect:
            return self._delimited(path, plan.dialect, sheet)
        [dialect, *_] = dialects_of(path, self.claimed, {**given, "delimiter": ",", "quote": '"'})
        return self._delimited(path, dialect, sheet)

    def _json(self) -> Source:
        path = lines.table_of(self.plain.path, self.scratch, self.control)
        keys = lines.columns(self.connection, path)
        scan = self._by_column(lines.scan(path), len(keys))
        paths = lines.nested(self.connection, scan, keys)
        names = unique(list(paths))
        values = tuple(map(lines.value, paths.values()))
        return Source(names, values, scan, lambda rows: lines.lines_of(path, rows))

    def _parquet(self) -> Source:
        scan = f"read_parquet({literal(self.plain.path)})"
        relation = self.connection.sql(f"FROM {scan}")
        found = list(_leaves(zip(relation.columns, map(identifier, relation.columns), relation.types, strict=True)))
        names = unique([name for name, _, _ in found])
        values = tuple(f"nullif(CAST({sql} AS VARCHAR), '')" for _, sql, _ in found)
        types = tuple(str(type_) for _, _, type_ in found)
        return Source(names, values, scan, lambda _: {}, types)

    def _by_column(self, scan: str, columns: int) -> str:
        return wide.by_column(self.connection, scan, self.scratch) if columns > wide.STRETCH else scan
