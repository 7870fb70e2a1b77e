"""How large a dataset may be in every direction, and a look at a file that ends where it goes beyond.

A file is guarded before anything reads it for what it says: nothing is written, and the look stops at the limit.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from andon.reports.control import Control
from andon.reports.duck import connect, literal
from andon.reports.errors import DatasetTooLarge, UnreadableDataset
from andon.reports.files.formats import Format, format_of, is_gzip

MOST_COLUMNS = 2_000
LONGEST_LINE = 8 << 20
LONGEST_OBJECT = 16 << 20  # of JSON Lines
MOST_TIMES = 200  # what a gzip may unpack to, of its own size: tables come to 3 to 30
ALWAYS_UNPACKED = 1 << 30
CHUNK = 1 << 20
_LINE_ENDS = (b"\n", b"\r")


def guard(path: Path, filename: str, scratch: Path, *, unpacked_limit_bytes: int, control: Control) -> None:
    """Raise `DatasetTooLarge` or `UnreadableDataset` for a file that is beyond a limit."""
    claimed = format_of(filename)
    packed = is_gzip(path)
    limit = unpacked_limit_bytes
    if packed:
        limit = min(limit, max(ALWAYS_UNPACKED, MOST_TIMES * path.stat().st_size))
    is_array = _stream(path, packed, limit, claimed, control)
    if claimed.is_json:
        refuse_columns(_keys(path, packed, is_array, scratch, control))
    elif claimed.name == "parquet" and not packed:
        refuse_columns(_parquet_columns(path, scratch, control))


def refuse_columns(count: int) -> None:
    """Raise `UnreadableDataset` for too many columns."""
    if count > MOST_COLUMNS:
        raise UnreadableDataset(f"expected at most {MOST_COLUMNS:,} columns, found more")


def _stream(path: Path, packed: bool, limit: int, claimed: Format, control: Control) -> bool:
    """Look at every byte, unpacked, and say whether the first that is no blank opens an array."""
    longest = LONGEST_OBJECT if claimed.is_json else LONGEST_LINE
    total, line, since, is_array = 0, 1, 0, None
    for chunk in _chunks(path, packed):
        control.check()
        total += len(chunk)
        if total > limit:
            raise DatasetTooLarge(limit)
        if is_array is None and chunk.strip():
            is_array = claimed.is_json and chunk.lstrip().startswith(b"[")
        if not claimed.is_text or is_array:
            if not packed:
                break  # there is nothing more to find
            continue
        first, last = _first_end(chunk), _last_end(chunk)
        since += len(chunk) if first < 0 else first
        if since > longest:
            raise UnreadableDataset(f"expected at most {longest:,} bytes in a line", line)
        if last >= 0:
            since = len(chunk) - last - 1
        line += chunk.count(b"\n")
    return bool(is_array)


def _chunks(path: Path, packed: bool) -> Iterator[bytes]:
    unpacked = 0
    try:
        with path.open("rb") as plain, gzip.GzipFile(fileobj=plain) if packed else plain as file:
            while chunk := cast("IO[bytes]", file).read(CHUNK):
                unpacked += len(chunk)
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableDataset(f"the gzip file is damaged after {unpacked:,} unpacked bytes: {error}") from error


def _first_end(chunk: bytes) -> int:
    return min((place for each in _LINE_ENDS if (place := chunk.find(each)) >= 0), default=-1)


def _last_end(chunk: bytes) -> int:
    return max(chunk.rfind(each) for each in _LINE_ENDS)


def _keys(path: Path, packed: bool, is_array: bool, scratch: Path, control: Control) -> int:
    """How many keys the objects have, counted no further than it takes; what is no JSON is left to the reader."""
    how = "array" if is_array else "newline_delimited"
    lines = f"read_json_objects({literal(path)}, format='{how}', maximum_object_size={LONGEST_OBJECT}"
    # An array takes no broken objects; of lines, those that are none are passed over.
    errors = "" if is_array else ", ignore_errors=true"
    scan = f"{lines}{errors}, compression='{'gzip' if packed else 'none'}')"
    keys = f"SELECT DISTINCT unnest(json_keys(json)) FROM {scan} LIMIT {MOST_COLUMNS + 1}"
    return _counted(f"SELECT count(*) FROM ({keys})", scratch, control)


def _parquet_columns(path: Path, scratch: Path, control: Control) -> int:
    return _counted(f"SELECT count(*) - 1 FROM parquet_schema({literal(path)})", scratch, control)


def _counted(query: str, scratch: Path, control: Control) -> int:
    import duckdb  # the limits are asked by processes that read no file

    with connect(scratch, control) as connection:
        try:
            row = connection.execute(query).fetchone()
        except (duckdb.InterruptException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error:
            return 0  # damaged: whoever reads it says how
    return int(row[0]) if row else 0
