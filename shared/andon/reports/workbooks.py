"""Excel workbooks: a sheet as a delimited text, which is read like any other."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook, load_workbook

from andon.reports.control import Control
from andon.reports.dialects import Dialect
from andon.reports.errors import DatasetTooLarge, UnreadableDataset

# A workbook is read as a whole: unpacked, it may take so many bytes.
LARGEST = 512 << 20
DIALECT = Dialect(",")


def write_sheet(source: Path, target: Path, sheet: str | None, limit_bytes: int, control: Control) -> str:
    """Write a sheet as CSV, the first one with anything in it unless one is named; returns its name."""
    _refuse_large(source, min(limit_bytes, LARGEST))
    try:
        book = load_workbook(source)
        name = sheet or _first_filled(book)
        if name not in book.sheet_names:
            raise UnreadableDataset(f"the workbook has no sheet {name!r}; it has {', '.join(book.sheet_names)}")
        rows = book.get_sheet_by_name(name).iter_rows()
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            for number, row in enumerate(rows):
                if number % 1_000 == 0:
                    control.check()
                writer.writerow(map(_text, row))
    except CalamineError as error:
        raise UnreadableDataset(f"the Excel workbook is damaged or protected: {error}") from error
    return name


def _first_filled(book: CalamineWorkbook) -> str:
    for name in book.sheet_names:
        if book.get_sheet_by_name(name).height:
            return str(name)
    raise UnreadableDataset("the workbook has no sheet with anything in it")


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
