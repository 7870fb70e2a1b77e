"""A dataset file: whether it can be read, and what is in it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from andon.reports import wide
from andon.reports.columns import Column
from andon.reports.control import Control, NoControl, PartOf
from andon.reports.duck import connect, identifier, literal, telling
from andon.reports.errors import DatasetTooLarge, UnreadableDataset
from andon.reports.files.formats import Format, format_of
from andon.reports.files.unpack import READING, Plain, unpack
from andon.reports.meaning import column_types, describing, judging, running
from andon.reports.meaning.described import metadata
from andon.reports.options import ColumnChoice
from andon.reports.tables import delimited
from andon.reports.tables.dialects import Dialect
from andon.reports.tables.json import lines
from andon.reports.tables.plan import Plan, Planned
from andon.reports.tables.sources import Opener, Source
from andon.reports.values.spelling import INTEGER, LONG_INTEGER, TEXT
from andon.reports.values.spellings import native

DEFAULT_LIMIT_BYTES = 20 << 30
_UNPACKED, _OPENED = 0.05, 0.1  # of the time that reading takes: then every value is looked at
_SHOWN_ROWS, _SHOWN_CHARACTERS = 5, 60
_NO_CHOICES: Mapping[str, ColumnChoice] = {}


@dataclass(frozen=True)
class DatasetInfo:
    """What `inspect_dataset` found; by `plan` the file is read again without judging it anew."""

    format: str
    media_type: str
    gzipped: bool
    bytes: int
    plan: Plan

    @property
    def encoding(self) -> str:
        return self.plan.encoding

    @property
    def rows(self) -> int:
        return self.plan.rows

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(each.column for each in self.plan.columns)

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "mediaType": self.media_type,
            "gzipped": self.gzipped,
            "encoding": self.encoding,
            "bytes": self.bytes,
            "rows": self.rows,
            "columns": [column.to_json() for column in self.columns],
            "reading": self.plan.shown(),
        }


def inspect_dataset(
    path: Path,
    filename: str,
    *,
    given: Mapping[str, Any] | None = None,
    unpacked_limit_bytes: int = DEFAULT_LIMIT_BYTES,
    control: Control | None = None,
) -> DatasetInfo:
    """Read every row of the file at `path`, which its user calls `filename`, and say what it holds.

    `given` is what the user says of how it is written (`parse_overrides`). Raises `UnsupportedMediaType`,
    `UnreadableDataset` (naming the line where it can) or `DatasetTooLarge`.
    """
    claimed = format_of(filename)
    with tempfile.TemporaryDirectory(prefix="andon-dataset-") as scratch:
        reader = _Reader(path, claimed, Path(scratch), unpacked_limit_bytes, control or NoControl(), given or {})
        with reader.read(None, _NO_CHOICES) as (connection, table):
            return DatasetInfo(
                format=claimed.name,
                media_type=claimed.media_type,
                gzipped=table.plain.gzipped,
                bytes=path.stat().st_size,
                plan=table.plan.with_first(table.first(connection)),
            )


def ensure_parquet(
    source: Path,
    filename: str,
    scratch: Path,
    *,
    plan: Plan | None = None,
    choices: Mapping[str, ColumnChoice] = _NO_CHOICES,
    unpacked_limit_bytes: int = DEFAULT_LIMIT_BYTES,
    control: Control | None = None,
) -> Path:
    """The dataset as a Parquet file of typed columns in `scratch`, made now unless it is there already.

    `plan` is how `inspect_dataset` found it to be read: without it, and for columns whose type or missing values are
    chosen by hand, that is judged now. What is there is complete: the file appears under its name only when all of it
    is written.
    """
    target = scratch / "dataset.parquet"
    if target.exists():
        return target
    control = control or NoControl()
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="load-", ignore_cleanup_errors=True) as own:
        share = 0.3 if plan else 0.5
        part = PartOf(control, 0.0, share)
        reader = _Reader(source, format_of(filename), Path(own), unpacked_limit_bytes, part, {})
        with reader.read(plan, choices) as (connection, table):
            control.progress(share, "converting to Parquet")
            draft = Path(own) / "draft.parquet"
            described = metadata([each.column for each in table.plan.columns], table.plan.shown())
            if table.wide:
                wide.write_parquet(connection, table.scan, table.made, draft, described, PartOf(control, share, 1.0))
            else:
                select = ", ".join(f"{sql} AS {identifier(name)}" for sql, name in table.made)
                copied = f"COPY (SELECT {select} FROM {table.scan}) TO {literal(draft)}"
                rest = PartOf(control, share, 1.0)
                with telling(connection, lambda done: rest.progress(done, "converting to Parquet")):
                    connection.execute(f"{copied} (FORMAT parquet, COMPRESSION zstd, {described})")
            os.replace(draft, target)
    return target


@dataclass(frozen=True)
class _Table:
    plain: Plain
    source: Source
    plan: Plan
    known: bool
    """Whether the plan is an earlier one, to which the whole file was held."""

    @property
    def made(self) -> list[tuple[str, str]]:
        """The SQL of each column over `scan`, and its name."""
        columns = enumerate(self.plan.columns)
        return [(each.sql(f"c{place}", fits=self.known), each.column.name) for place, each in columns]

    @property
    def scan(self) -> str:
        """The columns as the file holds them, under names of ours: theirs may be any that the SQL uses."""
        values = (f"{self.source.value(each.source)} AS c{place}" for place, each in enumerate(self.plan.columns))
        return f"(SELECT {', '.join(values)} FROM {self.source.scan})"

    def first(self, connection: duckdb.DuckDBPyConnection) -> list[tuple[str | None, ...]]:
        """What stands in the first rows of each column."""
        names = [each.source for each in self.plan.columns]
        cut = ", ".join(f"left({self.source.value(name)}, {_SHOWN_CHARACTERS})" for name in names)
        rows = connection.execute(f"SELECT {cut} FROM {self.source.scan} LIMIT {_SHOWN_ROWS}").fetchall()
        return list(zip(*rows, strict=True))

    @property
    def wide(self) -> bool:
        return len(self.plan.columns) > wide.STRETCH


@dataclass(frozen=True)
class _Reader:
    """Reads a file once, as planned or judging it."""

    path: Path
    claimed: Format
    scratch: Path
    limit_bytes: int
    control: Control
    given: Mapping[str, Any]

    @contextmanager
    def read(
        self, plan: Plan | None, choices: Mapping[str, ColumnChoice]
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, _Table]]:
        self.control.progress(0.0, READING)
        encoding, mixed = (plan.encoding, plan.mixed) if plan else (self.given.get("encoding"), None)
        plain = unpack(
            self.path,
            self.claimed,
            self.scratch,
            self.limit_bytes,
            PartOf(self.control, 0.0, _UNPACKED),
            encoding=None if encoding in (None, "binary") else encoding,
            mixed=mixed,
        )
        with connect(self.scratch, self.control) as connection:
            part = PartOf(self.control, _UNPACKED, _OPENED)
            opener = Opener(connection, plain, self.claimed, self.scratch, part, self.limit_bytes)
            table = self._table(opener, plan, choices)
            if not table.plan.rows:
                raise UnreadableDataset("the dataset has columns but no rows")
            try:
                yield connection, table
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise  # says nothing about the file
            except duckdb.Error as error:
                raise self._fault(plain, table.source.dialect, error) from error

    def _table(self, opener: Opener, plan: Plan | None, choices: Mapping[str, ColumnChoice]) -> _Table:
        """The table in the first dialect that every row of the file keeps to."""
        first: UnreadableDataset | None = None
        dialect: Dialect | None = None
        sources = opener.sources(self.given, plan)
        while True:
            try:
                source = next(sources, None)
                if source is None:
                    raise first or UnreadableDataset("the file is empty")
                dialect = source.dialect
                if self.claimed.name == "parquet":
                    self._refuse_large(opener)
                found = self._plan(opener, source, plan, choices)
                return _Table(opener.plain, source, found, known=found is plan)
            except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                raise  # says nothing about the file
            except duckdb.Error as error:
                first = first or self._fault(opener.plain, dialect, error)
                if self.claimed.name not in {"csv", "tsv"}:
                    raise first from error

    def _plan(self, opener: Opener, source: Source, plan: Plan | None, choices: Mapping[str, ColumnChoice]) -> Plan:
        chosen = {name: each for name, each in choices.items() if each.types or each.missing is not None}
        if plan and not chosen:
            return plan
        known = {each.source: each for each in plan.columns if each.column.name not in chosen} if plan else {}
        rows = plan.rows if plan else 0
        if source.types is not None:
            typed = {
                name: Planned(name, native(of), Column(name, "text"))
                for name, of in zip(source.names, source.types, strict=True)
                if name not in known
                and name not in chosen
                and native(of).type != "text"
                and not (native(of).type == "integer" and judging.is_time(name))
            }
            rows, typed = describing.natives(opener.connection, source, typed)
            known |= typed
        if names := [name for name in source.names if name not in known]:
            rows, found = column_types.detect(
                opener.connection,
                source.scan,
                names,
                [source.value(name) for name in names],
                self.control,
                choices=chosen,
                delimiter=source.dialect.delimiter if source.dialect else None,
            )
            if source.types is not None:
                words = {name for name, of in zip(source.names, source.types, strict=True) if of == "VARCHAR"}
                found = [_as_written(each, chosen) if each.name in words else each for each in found]
            planned = describing.columns(opener.connection, source, found)
            known |= {each.source: each for each in planned}
        columns = [known[name] for name in source.names if not plan or name in {each.source for each in plan.columns}]
        if source.dialect and not plan:
            columns = [each for place, each in enumerate(columns, 1) if not _vacant(each, place, known)]
        columns = running.marked(opener.connection, source, columns)
        return Plan(rows, tuple(columns), opener.plain.encoding, opener.plain.mixed, source.dialect, source.sheet)

    def _refuse_large(self, opener: Opener) -> None:
        size = opener.connection.execute(
            f"SELECT sum(total_uncompressed_size) FROM parquet_metadata({literal(opener.plain.path)})"
        ).fetchone()
        if size and size[0] and size[0] > self.limit_bytes:
            raise DatasetTooLarge(self.limit_bytes)

    def _fault(self, plain: Plain, dialect: Dialect | None, error: duckdb.Error) -> UnreadableDataset:
        """The clearest account of why DuckDB gave up on the file."""
        found = None
        if self.claimed.is_json:
            found = lines.locate_fault(plain.path, self.control)
        elif self.claimed.is_text and dialect is not None:
            found = delimited.locate_fault(plain.path, dialect, self.control)
        elif self.claimed.name == "parquet":
            return UnreadableDataset(f"the Parquet file is cut off or damaged: {_said(error)}")
        return found or UnreadableDataset(f"not readable as {self.claimed.title}: {_said(error)}", _line(error))


def _as_written(found: column_types.Found, chosen: Mapping[str, ColumnChoice]) -> column_types.Found:
    """Whole numbers that a Parquet file holds as text were meant as text."""
    whole = found.spelling in (INTEGER, LONG_INTEGER) and found.name not in chosen
    return replace(found, spelling=TEXT, tokens={}) if whole else found


def _vacant(planned: Planned, place: int, known: Mapping[str, Planned]) -> bool:
    """Whether a column has neither a name nor a value: what a delimiter at the end of every line makes."""
    return planned.source == f"column{place}" and "holds no value" in planned.column.reason and len(known) > 1


def _said(error: duckdb.Error) -> str:
    """DuckDB's first sentence, without its name for the kind of error and without our paths."""
    first = str(error).splitlines()[0]
    return re.sub(r"""(in )?(file )?["'](/[^"']*)["'],? ?""", "", re.sub(r"^[\w ]*Error: ", "", first)).strip()


def _line(error: duckdb.Error) -> int | None:
    found = re.search(r"\b[Ll]ine:? (\d+)", str(error))
    return int(found[1]) if found else None
