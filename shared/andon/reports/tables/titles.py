"""What stands above a table and says what it is of: lines of one filled cell, or two above four columns or more."""

from __future__ import annotations

import csv
from typing import Any

_LONGEST = 200
_HEADERS = 3  # lines of a header, of units and the like, that may lie between
_WIDE = 4


def title_above(reader: Any, width: int) -> str:
    """The title in the records above the rows of so many columns, its lines joined; empty where there is none."""
    try:
        records = [[cell.strip() for cell in record if cell.strip()] for record in reader]
    except csv.Error:
        return ""
    filled, most = [cells for cells in records if cells][::-1], 1 + (width >= _WIDE)
    header = next((place for place, cells in enumerate(filled) if len(cells) <= most), _HEADERS + 1)
    told: list[str] = []
    for cells in filled[header:] if header <= _HEADERS else []:
        if len(cells) > most:
            break
        told.insert(0, ", ".join(cells))
    return " · ".join(told)[:_LONGEST]
