"""The shapes that JSON gives a table: rows in an object, lists by column, objects by key, lists of lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST = 32 << 20  # bytes that are read at once: a cancel waits for it
_DEEPEST = 4
_MOST_DIFFERENT = 0.5  # of the keys of objects by key, against rows that share them
Row = dict[str, Any]


def rows_of(path: Path) -> list[Row] | None:
    """The rows of a file that isn't written as an object per line nor as one array of objects; None of any other."""
    if path.stat().st_size > LARGEST:
        return None
    with path.open("rb") as file:
        head = file.read(4096).lstrip()
    if head.startswith(b"["):
        return _rows_of_lists(_parsed(path)) if head[1:].lstrip().startswith(b"[") else None
    if not head.startswith(b"{"):
        return None
    whole = _parsed(path)
    if isinstance(whole, dict):
        return _rows_in(whole)
    return _rows_after_another(path) if whole is None else None


def _parsed(path: Path) -> Any:
    """The whole file as one value; None if it holds several, or none."""
    with path.open("rb") as file:
        first = file.readline(LARGEST)
        if _is_object(first) and file.readline().strip():
            return False  # an object per line
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _rows_after_another(path: Path) -> list[Row] | None:
    """Objects that follow each other, each over several lines."""
    text, decoder, rows, place = path.read_text(encoding="utf-8"), json.JSONDecoder(), [], 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip()) if text[place].isspace() else 0
        try:
            row, place = decoder.raw_decode(text, place)
        except ValueError:
            return None
        if not isinstance(row, dict):
            return None
        rows.append(row)
    return rows if len(rows) > 1 else None


def _rows_in(whole: Row, depth: int = 0) -> list[Row] | None:
    if found := _split(whole) or _by_column(whole) or _by_key(whole):
        return found
    lists = [each for each in _lists(whole, depth) if all(isinstance(row, dict) for row in each)]
    return max(lists, key=len, default=None)


def _lists(value: Row, depth: int) -> Iterator[list[Any]]:
    for each in value.values():
        if isinstance(each, list) and each:
            yield each
        elif isinstance(each, dict) and depth < _DEEPEST:
            yield from _lists(each, depth + 1)


def _split(whole: Row) -> list[Row] | None:
    """Names in one list, rows in another, as `{"columns": [...], "data": [[...], ...]}`."""
    lists = {key: each for key, each in whole.items() if isinstance(each, list) and each}
    for rows in lists.values():
        if not all(isinstance(row, list) for row in rows):
            continue
        for names in lists.values():
            if all(isinstance(name, str) for name in names) and all(len(row) == len(names) for row in rows):
                return [dict(zip(names, row, strict=True)) for row in rows]
    return None


def _by_column(whole: Row) -> list[Row] | None:
    """A list of values for each column, all of one length; or an object of them by the keys of the rows."""
    columns = list(whole.values())
    plain = (str, int, float, bool, type(None))
    if len(columns) > 1 and all(isinstance(each, list) for each in columns):
        if len({len(each) for each in columns}) > 1 or not all(isinstance(v, plain) for each in columns for v in each):
            return None
        return [dict(zip(whole, row, strict=True)) for row in zip(*columns, strict=True)]
    if len(columns) > 1 and all(isinstance(each, dict) for each in columns):
        keys = list(columns[0])
        if len(keys) <= len(columns) or any(list(each) != keys for each in columns):
            return None
        if all(isinstance(value, plain) for each in columns for value in each.values()):
            return [{name: whole[name][key] for name in whole} for key in keys]
    return None


def _by_key(whole: Row) -> list[Row] | None:
    """An object for each row, by a key of its own, which becomes a column."""
    rows = list(whole.values())
    if len(rows) < 3 or not all(isinstance(each, dict) and each for each in rows):
        return None
    keys = {key for each in rows for key in each}
    if len(keys) > _MOST_DIFFERENT * sum(map(len, rows)):
        return None
    name = next(each for each in ("key", "_key", "__key") if each not in keys)
    return [{name: key, **each} for key, each in whole.items()]


def _rows_of_lists(whole: Any) -> list[Row] | None:
    """Lists of one length, the first of which may name the columns."""
    if not isinstance(whole, list) or len(whole) < 2 or not all(isinstance(row, list) for row in whole):
        return None
    first, *rest = whole
    if not first or any(len(row) != len(first) for row in rest):
        return None
    named = all(isinstance(cell, str) for cell in first) and any(
        not isinstance(cell, str) for row in rest for cell in row
    )
    names = first if named else [f"column{place}" for place in range(1, len(first) + 1)]
    return [dict(zip(names, row, strict=True)) for row in (rest if named else whole)]
