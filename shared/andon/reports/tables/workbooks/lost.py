"""What formulas in a workbook's sheet don't give: errors, as `#DIV/0!`, and results that were never saved.

Calamine has nothing in their place.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from andon.reports.control import Control
from andon.reports.values import missing

_CELL = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*\st="e"[^>]*>(?:<f\b.{0,8000}?(?:/>|</f>))?<v>([^<]{1,20})</v>', re.DOTALL
)
# A program that writes formulas and computes none leaves them without a value; an empty text has `t="str"`.
_UNSAVED = re.compile(
    rb'<c r="([A-Z]{1,3})(\d{1,7})"(?:(?! t=)[^>])*>(?:<f\b[^>]*/>|<f\b[^>]*>[^<]{0,8000}</f>)(?:<v ?/>|<v></v>)?</c>'
)
_LONGEST = 10_000  # of such a cell
_CHUNK = 1 << 20
_BOOK, _NAMED = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"


def lost_in(workbook: Path, sheet: str, control: Control) -> dict[int, dict[int, str]]:
    """What stands for such a value, by row and column, both counted from 0; of an xlsx or xlsm, of other workbooks none
    is known."""
    found: dict[int, dict[int, str]] = {}
    for letters, row, text in _cells(workbook, sheet, control):
        found.setdefault(row - 1, {})[column_of(letters) - 1] = text
    return found


def _cells(workbook: Path, sheet: str, control: Control) -> Iterator[tuple[bytes, int, str]]:
    if not zipfile.is_zipfile(workbook):
        return
    with zipfile.ZipFile(workbook) as packed:
        part = part_of(packed, sheet)
        if part is None:
            return
        rest = b""
        with packed.open(part) as file:
            while chunk := file.read(_CHUNK):
                control.check()
                text = rest + chunk
                for cell in _CELL.finditer(text) if b't="e"' in text else ():
                    yield cell[1], int(cell[2]), cell[3].decode("ascii", errors="replace")
                for cell in _UNSAVED.finditer(text) if b"<f" in text else ():
                    yield cell[1], int(cell[2]), missing.UNSAVED
                rest = text[-_LONGEST:]


def column_of(letters: bytes) -> int:
    """The number of a column, from 1, by its letters."""
    place = 0
    for letter in letters:
        place = 26 * place + letter - ord("A") + 1
    return place


def part_of(packed: zipfile.ZipFile, sheet: str) -> str | None:
    """The name of the part that holds the sheet."""
    names = set(packed.namelist())
    if not {_BOOK, _NAMED} <= names:
        return None
    key = next(
        (
            next((value for name, value in each.attrib.items() if name.endswith("}id")), None)
            for each in ElementTree.fromstring(packed.read(_BOOK)).iter()
            if each.tag.endswith("}sheet") and each.attrib.get("name") == sheet
        ),
        None,
    )
    for each in ElementTree.fromstring(packed.read(_NAMED)):
        if key and each.attrib.get("Id") == key:
            part = str(PurePosixPath("/xl") / each.attrib.get("Target", "")).lstrip("/")
            return part if part in names else None
    return None
