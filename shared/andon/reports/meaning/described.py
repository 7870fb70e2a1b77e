"""The Parquet file that a report is computed from, with what is known of its columns inside it.

The description travels in the file's own metadata, so that the two can't come apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from andon.reports.columns import Column
from andon.reports.duck import literal
from andon.reports.meaning.roles import described

_KEY = "andon"
_TYPES = {"BIGINT": "integer", "DOUBLE": "number", "BOOLEAN": "boolean", "DATE": "date", "TIMESTAMP": "timestamp"}


def metadata(columns: Sequence[Column], reading: Mapping[str, Any]) -> str:
    """The option of DuckDB's `COPY ... (FORMAT parquet, ...)` that writes the description."""
    text = json.dumps({"columns": [column.to_json() for column in columns], "reading": dict(reading)})
    return f"KV_METADATA {{{_KEY}: {literal(text)}}}"


def description(connection: duckdb.DuckDBPyConnection, parquet: Path) -> tuple[tuple[Column, ...], dict[str, Any]]:
    """The columns of the file, and how its source was read; of a file without a description, what its schema says."""
    found = connection.execute(
        f"SELECT value FROM parquet_kv_metadata({literal(parquet)}) WHERE decode(key) = {literal(_KEY)}"
    ).fetchone()
    if found:
        told = json.loads(found[0])
        return tuple(Column.from_json(each) for each in told["columns"]), told["reading"]
    schema = connection.execute(f"DESCRIBE FROM read_parquet({literal(parquet)})").fetchall()
    return tuple(described(row[0], _TYPES.get(row[1], "text")) for row in schema), {}
