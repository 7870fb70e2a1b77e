"""CSV and TSV: the dialect from the first record, and the line where a file leaves it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from andon.reports.control import Control
from andon.reports.duck import literal
from andon.reports.errors import UnreadableDataset
from andon.reports.formats import Format

DELIMITERS = (",", ";", "\t", "|")
MISSING = ("", "NA")
MOST_COLUMNS = 2_000
_HEAD = 1 << 20
_NUMBER = re.compile(r"[-+]?(\d[\d,]*)?\.?\d+([eE][-+]?\d+)?%?")
_YEAR = re.compile(r"1[89]\d\d|2[01]\d\d")
_PROSE_WORDS = 4.0


@dataclass(frozen=True)
class Dialect:
    delimiter: str
    header: bool
    columns: tuple[str, ...]

    def scan(self, path: Path) -> str:
        """The table expression that reads the file strictly, every value as text."""
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.columns)
        missing = ", ".join(map(literal, MISSING))
        return (
            f"read_csv({literal(path)}, auto_detect=false, delim={literal(self.delimiter)}, quote='\"', escape='\"', "
            f"header={self.header}, columns={{{columns}}}, nullstr=[{missing}], strict_mode=true, "
            "null_padding=false, ignore_errors=false, max_line_size=8388608)"
        )


def dialect_of(path: Path, claimed: Format) -> Dialect:
    """How the file is written, judged by its first record: DuckDB's sniffer would look past ragged rows."""
    with path.open(encoding="utf-8", newline="") as text:
        head = text.read(_HEAD)
    lines = head.splitlines(keepends=True)
    if not head.strip():
        raise UnreadableDataset("the file is empty: there is nothing but white space in it")
    candidates = ("\t",) if claimed.name == "tsv" else DELIMITERS
    delimiter = max(candidates, key=lambda each: len(_first_record(lines, each)))
    first = _first_record(lines, delimiter)
    if len(first) > MOST_COLUMNS:
        raise UnreadableDataset(f"expected at most {MOST_COLUMNS:,} columns, found {len(first):,}", 1)
    if len(first) == 1:
        _refuse_prose(lines, claimed)
    header = _is_header(first)
    return Dialect(delimiter, header, _unique(first if header else [""] * len(first)))


def locate_fault(path: Path, dialect: Dialect, control: Control) -> UnreadableDataset | None:
    """The first record that breaks the dialect, found by reading the file again; None if none is found."""
    expected = len(dialect.columns)
    with path.open(encoding="utf-8", newline="") as text:
        reader = csv.reader(text, delimiter=dialect.delimiter, strict=True)
        start = 1
        try:
            for number, record in enumerate(reader):
                if number % 10_000 == 0:
                    control.check()
                if record and len(record) != expected:
                    return UnreadableDataset(f"expected {_values(expected)}, found {len(record)}", start)
                start = reader.line_num + 1
        except csv.Error:
            return UnreadableDataset('a quoted value is not closed, or has text after its closing quote (")', start)
    return None


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"


def _first_record(lines: Sequence[str], delimiter: str) -> list[str]:
    try:
        return next((record for record in csv.reader(lines, delimiter=delimiter) if record), [])
    except csv.Error:
        return []


def _refuse_prose(lines: Sequence[str], claimed: Format) -> None:
    """One column of long sentences is a text that somebody gave the wrong name."""
    some = [line for line in islice(lines, 50) if line.strip()]
    if sum(len(line.split()) for line in some) / len(some) > _PROSE_WORDS:
        raise UnreadableDataset(f"expected a header of columns and rows of values, as {claimed.title}, found prose", 1)


def _is_header(first: Sequence[str]) -> bool:
    """A header is words; years among them are words too (a table with a column per year)."""
    cells = [cell.strip() for cell in first if cell.strip() not in MISSING]
    words = [cell for cell in cells if not _NUMBER.fullmatch(cell)]
    return bool(words) and all(cell in words or _YEAR.fullmatch(cell) for cell in cells)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names that differ also without regard to case, as SQL needs it; a nameless column gets its number."""
    taken: set[str] = set()
    return tuple(_untaken(name.strip() or f"column{place}", taken) for place, name in enumerate(names, 1))


def _untaken(name: str, taken: set[str]) -> str:
    free = next(each for each in _variants(name) if each.lower() not in taken)
    taken.add(free.lower())
    return free


def _variants(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1
