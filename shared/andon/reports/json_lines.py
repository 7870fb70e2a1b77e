"""JSON Lines: one object per line, its keys the columns, and the line where a file leaves that."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb

from andon.reports.control import Control
from andon.reports.duck import literal
from andon.reports.errors import UnreadableDataset

_LONGEST_LINE = 16 << 20


def scan(path: Path) -> str:
    """The table expression that reads the file strictly: a column per key of any line, each value as JSON."""
    return (
        f"read_json({literal(path)}, format='newline_delimited', records=true, sample_size=-1, maximum_depth=1, "
        "map_inference_threshold=-1, field_appearance_threshold=0, ignore_errors=false, "
        f"maximum_object_size={_LONGEST_LINE})"
    )


def columns(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    """The keys, in the order in which they first appear."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {scan(path)}").fetchall()
    return tuple(row[0] for row in rows)


def locate_fault(path: Path, control: Control) -> UnreadableDataset | None:
    """The first line that isn't a JSON object, found by reading the file again; None if none is found."""
    empty = True
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number % 10_000 == 1:
                control.check()
            if not line.strip():
                continue
            empty = False
            if len(line) > _LONGEST_LINE:
                return UnreadableDataset(f"expected at most {_LONGEST_LINE:,} bytes in a line", number)
            try:
                value = json.loads(line)
            except json.JSONDecodeError as error:  # its own message counts the lines of what it was given, which is one
                reason = f"{error.msg} at character {error.pos + 1}"
                return UnreadableDataset(f"expected one JSON object per line: {reason}", number)
            except ValueError as error:
                return UnreadableDataset(f"expected one JSON object per line: {error}", number)
            if not isinstance(value, dict):
                return UnreadableDataset(f"expected one JSON object per line, found {_kind(value)}", number)
    return UnreadableDataset("the file is empty: there is nothing but white space in it") if empty else None


def _kind(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
