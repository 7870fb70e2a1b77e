"""What stands below a table: sources, remarks, how many rows there were. None of it is a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, Protocol

_TAIL = 64 << 10
_MOST_LINES = 30
_FEWEST_ROWS = 3


class Table(Protocol):
    """What is known of a table: its columns, and how its lines are read."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def header(self) -> bool: ...

    def reader(self, lines: Iterator[str]) -> Any: ...


def end_of_table(path: Path, table: Table) -> int | None:
    """The last line of the table, counted from 1; None if it reaches to the end of the file.

    A row that was cut off isn't a remark: there are words in one, or a blank line above it.
    """
    width = len(table.columns)
    if width < 2:
        return None
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read().decode("utf-8", errors="replace")
    lines = list(io.StringIO(tail, newline=""))
    if size > _TAIL:
        lines = lines[1:]
    below = _below(lines, table, width)
    if not below:
        return None
    with path.open(encoding="utf-8", newline="") as text:
        return sum(1 for _ in text) - below


def _below(lines: Sequence[str], table: Table, width: int) -> int:
    """How many of the last lines aren't of the table."""
    under: list[list[str]] = []
    for line in reversed(lines[-_MOST_LINES:]):
        try:
            record: list[str] = next(table.reader(iter([line])), [])
        except csv.Error:
            return 0  # the end of a value that goes over lines
        filled = [cell for cell in record if cell.strip()]
        alone = len(filled) == 1 and record[0].strip() and (len(record) < width or width > 2)
        if filled and not alone:
            break
        under.insert(0, record)
    else:
        return 0
    directly = list(takewhile(lambda record: any(map(str.strip, record)), under))
    remarked = any(any(map(str.strip, record)) for record in under)
    if not remarked and not any(len(record) > 1 for record in under):
        return 0  # nothing but empty lines
    rows = len(lines) - len(under) - int(table.header)
    return len(under) if rows >= _FEWEST_ROWS and all(map(_is_remark, directly)) else 0


def _is_remark(record: Sequence[str]) -> bool:
    """Whether the only cell of a record is a sentence, rather than the beginning of a row."""
    text = record[0].strip()
    return len(record) == 1 and (" " in text or text[0] in "#\x1a(*")
