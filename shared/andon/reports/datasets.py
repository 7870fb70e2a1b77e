"""A dataset file: whether it can be read, and what is in it."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from andon.reports import column_types, delimited, json_lines, wide
from andon.reports.column_types import Typed
from andon.reports.columns import Column
from andon.reports.control import Control, NoControl
from andon.reports.described import metadata
from andon.reports.duck import connect, identifier, literal
from andon.reports.errors import DatasetTooLarge, UnreadableDataset
from andon.reports.formats import Format, format_of
from andon.reports.roles import described
from andon.reports.unpack import Plain, unpack

DEFAULT_LIMIT_BYTES = 20 << 30


@dataclass(frozen=True)
class DatasetInfo:
    """What `inspect_dataset` found: types are integer, number, boolean, date, timestamp and text."""

    format: str
    media_type: str
    gzipped: bool
    encoding: str
    bytes: int
    rows: int
    columns: tuple[Column, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": self.format,
            "mediaType": self.media_type,
            "gzipped": self.gzipped,
            "encoding": self.encoding,
            "bytes": self.bytes,
            "rows": self.rows,
            "columns": [column.to_json() for column in self.columns],
        }


def inspect_dataset(
    path: Path, filename: str, *, unpacked_limit_bytes: int = DEFAULT_LIMIT_BYTES, control: Control | None = None
) -> DatasetInfo:
    """Read every row of the file at `path`, which its user calls `filename`, and say what it holds.

    Raises `UnsupportedMediaType`, `UnreadableDataset` (naming the line where it can) or `DatasetTooLarge`.
    """
    control = control or NoControl()
    claimed = format_of(filename)
    with (
        tempfile.TemporaryDirectory(prefix="andon-dataset-") as scratch,
        _table(path, claimed, Path(scratch), unpacked_limit_bytes, control) as (_, table),
    ):
        return DatasetInfo(
            format=claimed.name,
            media_type=claimed.media_type,
            gzipped=table.plain.gzipped,
            encoding=table.plain.encoding,
            bytes=path.stat().st_size,
            rows=table.rows,
            columns=table.columns,
        )


def ensure_parquet(
    source: Path,
    filename: str,
    scratch: Path,
    *,
    unpacked_limit_bytes: int = DEFAULT_LIMIT_BYTES,
    control: Control | None = None,
) -> Path:
    """The dataset as a Parquet file of typed columns in `scratch`, made now unless it is there already.

    What is there is complete: the file appears under its name only when all of it is written.
    """
    target = scratch / "dataset.parquet"
    if target.exists():
        return target
    control = control or NoControl()
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix="load-", ignore_cleanup_errors=True) as own,
        _table(source, format_of(filename), Path(own), unpacked_limit_bytes, control) as (connection, table),
    ):
        control.progress(0.5, "converting to Parquet")
        draft = Path(own) / "draft.parquet"
        if table.wide:
            wide.write_parquet(connection, table.scan, table.made, draft, table.metadata, control)
        else:
            select = ", ".join(f"{sql} AS {identifier(name)}" for sql, name in table.made)
            copied = f"COPY (SELECT {select} FROM {table.scan}) TO {literal(draft)}"
            connection.execute(f"{copied} (FORMAT parquet, COMPRESSION zstd, {table.metadata})")
        os.replace(draft, target)
    return target


@dataclass(frozen=True)
class _Table:
    plain: Plain
    rows: int
    columns: tuple[Column, ...]
    scan: str
    made: list[tuple[str, str]]

    @property
    def metadata(self) -> str:
        return metadata(self.columns, {"encoding": self.plain.encoding})

    @property
    def wide(self) -> bool:
        return len(self.columns) > wide.STRETCH


@contextmanager
def _table(
    path: Path, claimed: Format, scratch: Path, limit_bytes: int, control: Control
) -> Iterator[tuple[duckdb.DuckDBPyConnection, _Table]]:
    """The file as a table of typed columns, every row of it read once."""
    control.progress(0.0, "reading the dataset")
    plain = unpack(path, claimed, scratch, limit_bytes, control)
    with connect(scratch, control) as connection:
        try:
            table = _read(connection, plain, claimed, limit_bytes, scratch)
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise  # says nothing about the file
        except duckdb.Error as error:
            raise _fault(plain, claimed, error, control) from error
        if not table.rows:
            raise UnreadableDataset("the dataset has columns but no rows")
        yield connection, table


def _read(
    connection: duckdb.DuckDBPyConnection, plain: Plain, claimed: Format, limit_bytes: int, scratch: Path
) -> _Table:
    if claimed.name == "parquet":
        return _read_parquet(connection, plain, limit_bytes)
    if claimed.name == "jsonl":
        names = json_lines.columns(connection, plain.path)
        scan = json_lines.scan(plain.path)
        # JSON null is NULL as text already; `NA` and the empty string are missing in every text format.
        values = [f"nullif(nullif({identifier(name)} ->> '$', ''), 'NA')" for name in names]
    else:
        dialect = delimited.dialect_of(plain.path, claimed)
        names, scan = dialect.columns, dialect.scan(plain.path)
        values = [identifier(name) for name in names]
    if len(names) > wide.STRETCH:
        scan = wide.by_column(connection, scan, scratch)
    rows, typed = column_types.detect(connection, scan, values)
    return _assemble(plain, rows, names, typed, scan)


def _read_parquet(connection: duckdb.DuckDBPyConnection, plain: Plain, limit_bytes: int) -> _Table:
    scan = f"read_parquet({literal(plain.path)})"
    size = connection.execute(
        f"SELECT sum(total_uncompressed_size) FROM parquet_metadata({literal(plain.path)})"
    ).fetchone()
    if size and size[0] and size[0] > limit_bytes:
        raise DatasetTooLarge(limit_bytes)
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()
    names = tuple(row[0] for row in described)
    typed = [column_types.from_parquet(identifier(row[0]), row[1]) for row in described]
    rows = 0
    for piece in wide.stretches(len(typed)):
        # Counting what the expressions make reads every page: a file that is damaged in the middle is refused.
        counts = ", ".join(f"count({each.sql})" for each in typed[piece])
        [(rows, *_)] = connection.execute(f"SELECT count(*), {counts} FROM {scan}").fetchall()
    return _assemble(plain, rows, names, typed, scan)


def _assemble(plain: Plain, rows: int, names: tuple[str, ...], typed: list[Typed], scan: str) -> _Table:
    columns = tuple(described(name, each.type) for name, each in zip(names, typed, strict=True))
    return _Table(plain, rows, columns, scan, [(each.sql, name) for name, each in zip(names, typed, strict=True)])


def _fault(plain: Plain, claimed: Format, error: duckdb.Error, control: Control) -> UnreadableDataset:
    """The clearest account of why DuckDB gave up on the file."""
    if claimed.name == "jsonl":
        found = json_lines.locate_fault(plain.path, control)
    elif claimed.is_text:
        found = delimited.locate_fault(plain.path, delimited.dialect_of(plain.path, claimed), control)
    else:
        return UnreadableDataset(f"the Parquet file is cut off or damaged: {_said(error)}")
    return found or UnreadableDataset(f"not readable as {claimed.title}: {_said(error)}", _line(error))


def _said(error: duckdb.Error) -> str:
    """DuckDB's first sentence, without its name for the kind of error and without our paths."""
    first = str(error).splitlines()[0]
    return re.sub(r"""(in )?(file )?["'](/[^"']*)["'],? ?""", "", re.sub(r"^[\w ]*Error: ", "", first)).strip()


def _line(error: duckdb.Error) -> int | None:
    found = re.search(r"\b[Ll]ine:? (\d+)", str(error))
    return int(found[1]) if found else None
