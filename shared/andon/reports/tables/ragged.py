"""Rows with fewer cells than their header has: what they lack at their end is missing, unless that is doubtful."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from andon.reports.control import Control
from andon.reports.tables.cells import is_typed
from andon.reports.tables.delimited import Broken, numbered
from andon.reports.tables.dialects import Dialect, remarked

_MOST = 0.5  # of the rows: beyond, the dialect is wrong rather than the rows
_FEWEST_ROWS = 10
_KEYED = 0.9
_SHOWN = 3


def evened(path: Path, dialect: Dialect, control: Control, said: bool | None) -> Dialect | None:
    """The dialect in which rows may lack their last cells; None if these don't, or not in a way that can be read.

    Where all that is short are remarks, it is the one that leaves them out.

    A row with too many values can't: one of them was parted. Nor can two rows that may be one in two pieces, nor a
    file whose last row alone is short, for it was cut off there; unless its user has `said` that rows may be short.
    """
    width = len(dialect.columns)
    if said is False or width < 2:
        return None
    rows, keyed = 0, 0
    short: list[int] = []
    alone: list[str] = []
    before: Sequence[str] = ()
    records = numbered(path, dialect, control)
    if dialect.header:
        next(records, None)
    try:
        for line, record in records:
            if not record:
                continue
            if any(map(str.strip, record[width:])):
                return None
            rows += 1
            keyed += is_typed(record[0])
            if len(record) >= width:
                before = ()
                continue
            # Where rows begin with a number or a day, the second half of one hardly would.
            pieces = len(before) + len(record) - 1 == width
            if said is None and before and pieces and not (is_typed(record[0]) and keyed >= _KEYED * rows):
                return None
            short.append(line)
            alone += record if len(record) == 1 else []
            before = record
    except Broken:
        return None
    if short and len(alone) == len(short) and (mark := remarked(alone)):
        return replace(dialect, comment=mark)
    cut_off = len(short) == 1 and bool(before)
    if said is None and (cut_off or rows < _FEWEST_ROWS or len(short) > _MOST * rows):
        return None
    return replace(dialect, ragged=True, short=len(short), short_lines=tuple(short[:_SHOWN]))
