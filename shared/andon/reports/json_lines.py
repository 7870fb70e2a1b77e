"""JSON Lines: one object per line, its keys the columns, and the line where a file leaves that; arrays of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import duckdb

from andon.reports.control import Control
from andon.reports.duck import literal
from andon.reports.errors import UnreadableDataset
from andon.reports.limits import LONGEST_OBJECT

_LARGEST_WHOLE = 64 << 20  # that is read at once
# Inside a string the quotes would be escaped.
_NAMELESS = re.compile(rb'([{,]\s*)""(\s*:)')


def scan(path: Path) -> str:
    """The table expression that reads the file strictly: a column per key of any object, each value as JSON."""
    return (
        f"read_json({literal(path)}, format='{'array' if is_array(path) else 'newline_delimited'}', records=true, "
        "sample_size=-1, maximum_depth=1, map_inference_threshold=-1, field_appearance_threshold=0, "
        f"ignore_errors=false, maximum_object_size={LONGEST_OBJECT})"
    )


def columns(connection: duckdb.DuckDBPyConnection, path: Path) -> tuple[str, ...]:
    """The keys, in the order in which they first appear."""
    rows = connection.execute(f"DESCRIBE SELECT * FROM {scan(path)}").fetchall()
    return tuple(row[0] for row in rows)


def is_array(path: Path) -> bool:
    """Whether the file is one array rather than an object per line."""
    with path.open("rb") as file:
        return file.read(4096).lstrip().startswith(b"[")


def table_of(path: Path, scratch: Path, control: Control) -> Path:
    """The file as DuckDB takes it: itself, or a copy in `scratch`.

    A copy has a name for every key, none being empty, and is of the rows alone where they stand in one object.
    """
    if rows := _rows_in_object(path):
        target = scratch / "rows"
        with target.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path = target
    with path.open("rb") as file:
        if not any(_NAMELESS.search(line) for line in file):
            return path
    target = scratch / "named"
    with path.open("rb") as file, target.open("wb") as out:
        for number, line in enumerate(file):
            if number % 10_000 == 0:
                control.check()
            out.write(_NAMELESS.sub(rb'\1"column1"\2', line))
    return target


def lines_of(path: Path, rows: Sequence[int]) -> dict[int, int]:
    """The lines of some rows, both counted from 1; of an array none is known."""
    if is_array(path):
        return {}
    wanted, found, row = set(rows), {}, 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            row += bool(line.strip())
            if row in wanted and row not in found:
                found[row] = number
            if len(found) == len(wanted):
                break
    return found


def locate_fault(path: Path, control: Control) -> UnreadableDataset | None:
    """The first line that isn't a JSON object, found by reading the file again; None if none is found."""
    if is_array(path):
        return _locate_in_array(path)
    empty = True
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if number % 10_000 == 1:
                control.check()
            if not line.strip():
                continue
            empty = False
            if len(line) > LONGEST_OBJECT:
                return UnreadableDataset(f"expected at most {LONGEST_OBJECT:,} bytes in a line", number)
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


def _rows_in_object(path: Path) -> list[dict[str, object]] | None:
    """The longest list of objects in a file that is one object, as `{"data": [...]}`; None of any other file."""
    if path.stat().st_size > _LARGEST_WHOLE:
        return None
    with path.open("rb") as file:
        first = file.readline(LONGEST_OBJECT)
        if not first.lstrip().startswith(b"{") or (_is_json(first) and file.readline().strip()):
            return None
    try:
        whole = json.loads(path.read_bytes())
    except ValueError:
        return None
    lists = [each for each in whole.values() if isinstance(each, list) and each]
    return max((each for each in lists if all(isinstance(row, dict) for row in each)), key=len, default=None)


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _locate_in_array(path: Path) -> UnreadableDataset | None:
    if path.stat().st_size > _LARGEST_WHOLE:
        return None
    try:
        values = json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        return UnreadableDataset(f"expected an array of JSON objects: {error.msg}", error.lineno)
    odd = next(((place, each) for place, each in enumerate(values, 1) if not isinstance(each, dict)), None)
    if odd is None:
        return UnreadableDataset("the array is empty: there is no object in it") if not values else None
    return UnreadableDataset(f"expected an array of JSON objects, found {_kind(odd[1])} as value {odd[0]:,}")


def _kind(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
