"""CSV and TSV: read strictly in a dialect, and the line where a file leaves it."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from andon.reports.control import Control
from andon.reports.duck import literal
from andon.reports.errors import UnreadableDataset
from andon.reports.files.limits import LONGEST_LINE
from andon.reports.files.unpack import READING
from andon.reports.tables.dialects import Dialect
from andon.reports.tables.down import carried, under_headings

_MOST_LINES_COUNTED = 5_000_000


def scan(path: Path, dialect: Dialect) -> str:
    """The table expression that reads the file strictly, every value as text; `path` is what `table_of` gave."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in dialect.columns)
    escape = dialect.quote if dialect.rewritten else dialect.escape
    return (
        f"read_csv({literal(path)}, auto_detect=false, delim={literal(dialect.delimiter)}, "
        f"quote={literal(dialect.quote)}, escape={literal(escape)}, header=false, "
        f"skip={int(dialect.header)}, columns={{{columns}}}, nullstr=[''], strict_mode=true, null_padding=false, "
        f"ignore_errors=false, max_line_size={LONGEST_LINE})"
    )


def table_of(path: Path, dialect: Dialect, scratch: Path, control: Control) -> Path:
    """The file without what isn't its table: itself if there is no such thing, else a copy in `scratch`."""
    if dialect.plain:
        return path
    target = scratch / "table"
    target.unlink(missing_ok=True)
    with (
        path.open(encoding="utf-8", newline="") as text,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        table, size = dialect.lines(text), path.stat().st_size
        if not dialect.rewritten:
            for number, line in table:
                if number % 10_000 == 0:
                    control.check()
                    control.progress(os.lseek(text.fileno(), 0, os.SEEK_CUR) / size, READING)
                out.write(line)
            return target
        width = dialect.width
        put = under_headings(dialect.headed == "within") if dialect.headed else None
        fill = carried([dialect.columns.index(name) for name in dialect.down])
        writer = csv.writer(out, delimiter=dialect.delimiter, quotechar=dialect.quote, lineterminator="\n")
        try:
            for number, record in enumerate(dialect.reader(line for _, line in table)):
                if number % 10_000 == 0:
                    control.check()
                    control.progress(os.lseek(text.fileno(), 0, os.SEEK_CUR) / size, READING)
                if record or not (dialect.ragged or dialect.right):
                    lacking = width - len(record) if dialect.ragged else 0
                    row = record + [""] * lacking if lacking >= 0 else record[:width]
                    whole = len(row) == width and (number or not dialect.header)
                    if put and whole and (headed := put(row)) is None:
                        continue
                    row = headed if put and whole and headed else [""] * (len(dialect.columns) - width) + row
                    writer.writerow(fill(row) if whole else row)
        except csv.Error as error:
            raise locate_fault(path, dialect, control) or UnreadableDataset(str(error)) from error
    return target


def locate_fault(path: Path, dialect: Dialect, control: Control) -> UnreadableDataset | None:
    """The first record that breaks the dialect, found by reading the file again; None if none is found."""
    expected = dialect.width
    records = numbered(path, dialect, control)
    line = 1
    if dialect.header:
        next(records, None)
    while True:
        try:
            line, record = next(records)
        except StopIteration:
            return None
        except Broken as broken:
            said = f"a quoted value is not closed, or has text after its closing quote ({dialect.quote})"
            return UnreadableDataset(said, broken.line)
        if record and len(record) != expected:
            return UnreadableDataset(f"expected {_values(expected)}, found {len(record)}", line)


def lines_of(path: Path, dialect: Dialect, rows: Sequence[int], control: Control) -> dict[int, int]:
    """The lines in the file of some rows of the table, both counted from 1; those too far down are left out."""
    wanted, found, row = set(rows), {}, 0
    last = max(wanted, default=0)
    if last > _MOST_LINES_COUNTED:
        wanted = {each for each in wanted if each <= _MOST_LINES_COUNTED}
        last = max(wanted, default=0)
    records = numbered(path, dialect, control)
    if dialect.header:
        next(records, None)
    for line, record in records:
        if (not record and len(dialect.columns) > 1) or dialect.is_heading(record):
            continue  # a blank line is no row, and a heading is none
        row += 1
        if row in wanted:
            found[row] = line
        if row >= last:
            break
    return found


class Broken(Exception):
    """A quoted value that isn't closed, in the record that starts on `line`."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def numbered(path: Path, dialect: Dialect, control: Control) -> Iterator[tuple[int, list[str]]]:
    """The records, each with the number of the line that it starts on."""
    current = dialect.skip

    def told(table: Iterator[tuple[int, str]]) -> Iterator[str]:
        nonlocal current
        for number, line in table:
            current = number
            yield line

    with path.open(encoding="utf-8", newline="") as text:
        reader = dialect.reader(told(dialect.lines(text)))
        start = dialect.skip + 1
        try:
            for number, record in enumerate(reader):
                if number % 10_000 == 0:
                    control.check()
                yield (start if len(record) else current), record
                start = current + 1
        except csv.Error:
            raise Broken(start) from None


def _values(count: int) -> str:
    return "1 value" if count == 1 else f"{count} values"
