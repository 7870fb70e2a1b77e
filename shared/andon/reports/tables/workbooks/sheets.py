"""Excel workbooks: a sheet as a delimited text, which is read like any other."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum, load_workbook

from andon.reports.control import Control
from andon.reports.errors import DatasetTooLarge, UnreadableDataset
from andon.reports.tables.workbooks.extent import refuse_far
from andon.reports.tables.workbooks.lost import lost_in

# A workbook is read as a whole: unpacked, it may take so many bytes.
LARGEST = 512 << 20
MOST_SHEETS = 1000
"""Names of sheets are a few bytes each, and all may mean the same one: to look for a table takes time for each."""


def write_sheet(source: Path, target: Path, sheet: str | None, limit_bytes: int, control: Control) -> str:
    """Write a sheet as CSV, the first one that holds a table unless one is named; returns its name.

    A row of nothing becomes an empty line, which is no row of the table; the lines keep the sheet's numbers.
    """
    _refuse_large(source, min(limit_bytes, LARGEST))
    try:
        book = load_workbook(source)
        if len(book.sheet_names) > MOST_SHEETS:
            raise UnreadableDataset(
                f"the workbook has {len(book.sheet_names):,} sheets; {MOST_SHEETS:,} at most are read"
            )
        if sheet and sheet not in book.sheet_names:
            raise UnreadableDataset(f"the workbook has no sheet {sheet!r}; it has {', '.join(book.sheet_names)}")

        def opened(name: str) -> CalamineSheet:
            refuse_far(source, name, control)
            return book.get_sheet_by_name(name)

        name = sheet or _first_table(book, opened)
        found = opened(name)
        lost = lost_in(source, name, control)
        _, left = found.start or (0, 0)
        with target.open("w", encoding="utf-8", newline="") as out:
            writer, empty = csv.writer(out, lineterminator="\n"), 0
            for number, row in enumerate(_unmerged(found)):
                if number % 1_000 == 0:
                    control.check()
                cells = [_text(each) for each in row]
                for column, text in lost.get(number, {}).items():
                    if left <= column < left + len(cells):
                        cells[column - left] = text
                if not any(map(str.strip, cells)):
                    empty += 1
                    continue
                out.write("\n" * empty)
                empty = 0
                writer.writerow(cells)
    except (CalamineError, zipfile.BadZipFile) as error:
        raise UnreadableDataset(f"the Excel workbook is damaged or protected: {error}") from error
    return name


def _first_table(book: CalamineWorkbook, opened: Callable[[str], CalamineSheet]) -> str:
    """The first visible sheet of three rows and two columns at least; else the first with anything in it."""
    visible = {each.name: each.visible is SheetVisibleEnum.Visible for each in book.sheets_metadata}
    names = sorted(book.sheet_names, key=lambda name: not visible.get(name, True))
    first: str | None = None
    for name in names:
        sheet = opened(name)
        if sheet.height > 2 and sheet.width > 1 and visible.get(name, True):
            return name
        first = first or (name if sheet.height else None)
    if first is None:
        raise UnreadableDataset("the workbook has no sheet with anything in it")
    return first


def _unmerged(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """The rows, the value of cells that are merged over rows in each of these: the file has it in the first alone."""
    ranges = [each for each in sheet.merged_cell_ranges or () if each[0][0] < each[1][0]]
    starts: dict[int, list[tuple[int, int]]] = {}
    _, left = sheet.start or (0, 0)
    for (top, column), (bottom, _) in ranges:
        starts.setdefault(top, []).append((column - left, bottom))
    open_: dict[int, tuple[int, Any]] = {}
    for number, row in enumerate(sheet.iter_rows()):
        for column, (bottom, value) in list(open_.items()):
            if number > bottom:
                del open_[column]
            elif column < len(row):
                row[column] = value
        open_ |= {column: (bottom, row[column]) for column, bottom in starts.get(number, ()) if 0 <= column < len(row)}
        yield row


def _refuse_large(source: Path, limit_bytes: int) -> None:
    if not zipfile.is_zipfile(source):
        if source.stat().st_size > limit_bytes:
            raise DatasetTooLarge(limit_bytes)
        return
    with zipfile.ZipFile(source) as packed:
        if sum(each.file_size for each in packed.infolist()) > limit_bytes:
            raise DatasetTooLarge(limit_bytes)


def _text(value: object) -> str:
    """A cell as text; whole numbers as such, for a workbook has fractions alone."""
    match value:
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case dt.datetime() | dt.time():
            return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
        case dt.timedelta():
            seconds = round(value.total_seconds())
            return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case _:
            return str(value)
