"""JSON Lines: one object per line, its keys the columns, and the line where a file leaves that; arrays of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from andon.reports.control import Control
from andon.reports.duck import identifier, literal
from andon.reports.errors import UnreadableDataset
from andon.reports.files.limits import LONGEST_OBJECT
from andon.reports.tables.json import shapes
from andon.reports.wide import stretches

_SOME = 1_000
_MOST_KEYS = 60  # of an object that becomes columns
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

    A copy has a name for every key, none being empty, and is of the rows alone where they stand in another shape.
    """
    if rows := shapes.rows_of(path):
        target = scratch / "rows"
        with target.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path = target
    with path.open("rb") as file:
        if not any(_NAMELESS.search(line) for line in file):
            return path
    name = next(each for each in (b"column1", b"column_1", b"nameless") if not _holds(path, b'"%s"' % each))
    target = scratch / "named"
    with path.open("rb") as file, target.open("wb") as out:
        for number, line in enumerate(file):
            if number % 10_000 == 0:
                control.check()
            out.write(_NAMELESS.sub(rb'\1"%s"\2' % name, line))
    return target


def _holds(path: Path, text: bytes) -> bool:
    with path.open("rb") as file:
        return any(text in line for line in file)


def nested(
    connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], depth: int = 3
) -> dict[str, tuple[str, ...]]:
    """The paths of keys to the columns: one for each key of a column that holds objects alone, down to `depth`."""
    paths: dict[str, tuple[str, ...]] = {name: (name,) for name in names}
    for _ in range(depth):
        asked = {name: _path(path) for name, path in paths.items()}
        some = _objects(connection, f"(FROM {table} LIMIT {_SOME})", asked)
        opened = _objects(connection, table, some) if some else {}
        if not opened:
            return paths
        deeper: dict[str, tuple[str, ...]] = {}
        for name, path in paths.items():
            keys: list[str] = []
            if name in opened:
                found = connection.execute(
                    f"SELECT key, min({_MOST_KEYS} * row + place) FROM (SELECT unnest(keys) AS key, row, "
                    "generate_subscripts(keys, 1) AS place FROM (SELECT row_number() OVER () AS row, "
                    f"json_keys({asked[name]}) AS keys FROM {table})) GROUP BY key ORDER BY 2 LIMIT {_MOST_KEYS + 1}"
                ).fetchall()
                keys = [key for key, _ in found]
            if 0 < len(keys) <= _MOST_KEYS:
                deeper |= {_free(f"{name}.{key}", {*paths, *deeper}): (*path, key) for key in keys}
            else:
                deeper[name] = path
        if deeper == paths:
            return paths
        paths = deeper
    return paths


def _objects(connection: duckdb.DuckDBPyConnection, table: str, asked: Mapping[str, str]) -> dict[str, str]:
    """Those of the SQL expressions that are an object wherever they are anything."""
    found: dict[str, str] = {}
    for piece in stretches(len(asked)):
        some = dict(list(asked.items())[piece])
        told = (f"bool_and(json_type({sql}) = 'OBJECT') FILTER (json_type({sql}) <> 'NULL')" for sql in some.values())
        row = connection.execute(f"SELECT {', '.join(told)} FROM {table}").fetchone() or ()
        found |= {name: some[name] for name, objects in zip(some, row, strict=True) if objects}
    return found


def _free(name: str, taken: set[str]) -> str:
    return next(each for each in (name, *(f"{name}_{number}" for number in range(2, 99))) if each not in taken)


def _path(path: Sequence[str]) -> str:
    first, *rest = path
    return identifier(first) + "".join(f" -> {literal(_pointer(key))}" for key in rest)


def value(path: Sequence[str]) -> str:
    """The SQL of the text at a path of keys, NULL for JSON's null and for ''."""
    return f"nullif({_path(path)} ->> '$', '')"


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


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
    empty = keyless = True
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
            keyless = keyless and not value
    if empty:
        return UnreadableDataset("the file is empty: there is nothing but white space in it")
    return UnreadableDataset("the objects are empty: none has a key") if keyless else None


def _locate_in_array(path: Path) -> UnreadableDataset | None:
    if path.stat().st_size > shapes.LARGEST:
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
