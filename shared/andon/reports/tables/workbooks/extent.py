"""Sheets that reach far beyond their table, for a cell that was filled by accident: all between would be read."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from andon.reports.control import Control
from andon.reports.errors import UnreadableDataset
from andon.reports.tables.workbooks.lost import column_of, part_of

MOST_CELLS = 50_000_000
"""From a sheet's first cell to its last, of which fewer than one in a hundred holds something."""
_SPARSE = 100
_HEAD, _CHUNK, _LONGEST = 4_096, 1 << 20, 200
_DIMENSION = re.compile(rb'<dimension ref="([A-Z]{1,3})(\d{1,7})(?::([A-Z]{1,3})(\d{1,7}))?"')
_FILLED = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]{0,100}>(?=<[vfi])')

Place = tuple[int, int]
"""A cell's row and column, from 1."""


def refuse_far(workbook: Path, sheet: str, control: Control) -> None:
    """Raise `UnreadableDataset` for a sheet of an xlsx that is used to so far a cell; it is named."""
    if not zipfile.is_zipfile(workbook):
        return
    with zipfile.ZipFile(workbook) as packed:
        part = part_of(packed, sheet)
        if part is None:
            return
        with packed.open(part) as file:
            said = _DIMENSION.search(file.read(_HEAD))
        if (
            said
            and said[3]
            and _size([(int(said[2]), column_of(said[1])), (int(said[4]), column_of(said[3]))]) <= MOST_CELLS
        ):
            return
        places: list[Place] = []
        for place in _filled(packed, part, control):
            places.append(place)
            if len(places) > MOST_CELLS / _SPARSE:
                return
    if places and _size(places) > MOST_CELLS:
        raise UnreadableDataset(_far(sheet, places))


def _filled(packed: zipfile.ZipFile, part: str, control: Control) -> Iterator[Place]:
    rest = b""
    with packed.open(part) as file:
        while chunk := file.read(_CHUNK):
            control.check()
            text = rest + chunk
            end = 0
            for cell in _FILLED.finditer(text):
                yield int(cell[2]), column_of(cell[1])
                end = cell.end()
            rest = text[max(end, len(text) - _LONGEST) :]


def _far(sheet: str, places: list[Place]) -> str:
    """What is wrong, with the cell without which least is left."""
    last = (max(row for row, _ in places), max(column for _, column in places))
    ends = [max(places), max(places, key=lambda place: place[::-1])]
    far = min(ends, key=lambda end: _size([place for place in places if place != end]))
    others = [place for place in places if place != far]
    said = f"the sheet {sheet!r} is used from {_named(_first(places))} to {_named(last)}, {_size(places):,} cells"
    if _size(others) > MOST_CELLS:
        return f"{said}, of which {len(places):,} hold something; {_named(far)} is one of those far from the others"
    end = (max(row for row, _ in others), max(column for _, column in others))
    return (
        f"{said}: {_named(far)} stands far from the others, which go from {_named(_first(others))} to {_named(end)}; "
        "empty that cell and save the workbook again"
    )


def _first(places: list[Place]) -> Place:
    return min(row for row, _ in places), min(column for _, column in places)


def _size(places: list[Place]) -> int:
    """How many cells lie between the first and the last of some."""
    if not places:
        return 0
    top, left = _first(places)
    return (max(row for row, _ in places) - top + 1) * (max(column for _, column in places) - left + 1)


def _named(place: Place) -> str:
    row, column = place
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return f"{letters}{row}"
