"""Tables of very many columns, taken a stretch of columns at a time: all at once, they exceed the memory limit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from andon.reports.control import Control
from andon.reports.duck import identifier, literal

STRETCH = 200
_GROUP_ROWS = 2_048  # the least that Parquet's writer gathers before it writes


def stretches(count: int) -> list[slice]:
    """`count` columns as slices of at most `STRETCH`."""
    return [slice(start, min(start + STRETCH, count)) for start in range(0, count, STRETCH)]


def by_column(connection: duckdb.DuckDBPyConnection, scan: str, scratch: Path) -> str:
    """What `scan` reads, as a table expression of which a query reads only its columns."""
    path = scratch / "by-column.parquet"
    connection.execute(f"COPY (FROM {scan}) TO {literal(path)} (FORMAT parquet, ROW_GROUP_SIZE {_GROUP_ROWS})")
    return f"read_parquet({literal(path)})"


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    scan: str,
    columns: Sequence[tuple[str, str]],
    target: Path,
    metadata: str,
    control: Control,
) -> None:
    """Write the columns, each an SQL expression over `scan` and its name, as one Parquet file with `metadata`."""
    parts = []
    pieces = stretches(len(columns))
    for place, piece in enumerate(pieces):
        control.progress(0.5 + 0.5 * place / len(pieces), "converting to Parquet")
        part = target.with_suffix(f".{place}")
        select = ", ".join(f"{sql} AS {identifier(name)}" for sql, name in columns[piece])
        connection.execute(f"COPY (SELECT {select} FROM {scan}) TO {literal(part)} (FORMAT parquet)")
        parts.append(f"read_parquet({literal(part)})")
    connection.execute(
        f"COPY (FROM {' POSITIONAL JOIN '.join(parts)}) TO {literal(target)} "
        f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_GROUP_ROWS}, {metadata})"
    )
