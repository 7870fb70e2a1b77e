"""Columns that say a value once, in the first row of a block: the rows below, whose cells are empty, have it too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from andon.reports.tables.cells import NUMBER, YEAR

_FEWEST_BLOCKS = 2
_FEWEST_FILLED = 2  # cells of a row below a heading
_MOST_HEADINGS = 0.4  # of the rows
_MOST = 2 / 3  # of the rows that may begin a block


def filled_down(names: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The names of such columns: those from the left on, before the first that is filled in every row.

    No value of the first comes twice, for a block would go on; the others begin anew with each of its values. None of
    them holds numbers but years, for an amount that stands once is one.
    """
    table = [row for each in rows if any(row := [cell.strip() for cell in each]) and len(row) == len(names)]
    if not table or not any(all(column) for column in zip(*table, strict=True)):
        return ()
    found: list[str] = []
    blocks = [0, len(table)]  # where those of the column before begin
    for name, column in zip(names, zip(*table, strict=True), strict=True):
        starts = [place for place, cell in enumerate(column) if cell]
        values = [column[place] for place in starts]
        written = all(YEAR.fullmatch(each) or not NUMBER.fullmatch(each) for each in values)
        alike = found and starts == blocks[:-1]
        if not written or len(starts) > _MOST * len(table) or not {*blocks[:-1]} <= {*starts}:
            break
        if not alike and (len(starts) < _FEWEST_BLOCKS or _again(column, blocks)):
            break
        found.append(name)
        blocks = [*starts, len(table)]
    return tuple(found)


def _again(column: Sequence[str], blocks: Sequence[int]) -> bool:
    """Whether a value stands twice in one of the blocks."""
    parts = ([*filter(None, column[a:b])] for a, b in pairwise(blocks))
    return any(len(set(values)) < len(values) for values in parts)


def headed(rows: Iterable[Sequence[str]]) -> str:
    """How rows of one filled cell, the first, name those below them: `apart` where these leave that cell empty,
    `within` where they have names of their own there; empty where such rows are none.

    The first row is one, each has rows below it of which more is filled, and no name comes twice.
    """
    table = [row for each in rows if any(row := [cell.strip() for cell in each])]
    alone = [bool(row[0]) and not any(row[1:]) for row in table]
    names = [row[0] for row, is_name in zip(table, alone, strict=True) if is_name]
    others = [row for row, is_name in zip(table, alone, strict=True) if not is_name]
    if len(names) < _FEWEST_BLOCKS or len(set(names)) < len(names) or len(names) > _MOST_HEADINGS * len(table):
        return ""
    apart = not alone[0] or alone[-1] or any(a and b for a, b in pairwise(alone))
    if apart or any(map(NUMBER.fullmatch, names)) or any(sum(map(bool, row)) < _FEWEST_FILLED for row in others):
        return ""
    filled = [bool(row[0]) for row in others]
    return "within" if all(filled) else "" if any(filled) else "apart"


def under_headings(within: bool) -> Callable[[list[str]], list[str] | None]:
    """Of the rows, one after the other, each with its heading in a first cell, which is one more where headings stand
    `within` the rows' names; None for a heading itself."""
    heading = ""

    def put(row: list[str]) -> list[str] | None:
        nonlocal heading
        if row and row[0].strip() and not any(map(str.strip, row[1:])):
            heading = row[0]
            return None
        return [heading, *(row if within else row[1:])] if row else row

    return put


def carried(places: Sequence[int]) -> Callable[[list[str]], list[str]]:
    """Of the rows, one after the other, each with what stands above its empty cells in these columns.

    A column begins anew where one before it does.
    """
    above: dict[int, str] = {}

    def fill(row: list[str]) -> list[str]:
        if not any(map(str.strip, row)):
            return row
        for place in places:
            if row[place].strip():
                above.update(dict.fromkeys([each for each in places if each >= place], ""))
                above[place] = row[place]
        return [
            above.get(place, cell) if place in places and not cell.strip() else cell for place, cell in enumerate(row)
        ]

    return fill
