"""Several tables in one sheet: one below another, set apart by empty lines, or side by side, by an empty column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from andon.reports.tables.cells import TIME, YEAR, is_typed
from andon.reports.tables.headers import is_header

_MOSTLY = 0.8
_FEWEST_BELOW = 3  # rows of a table below its header
_FEWEST_COLUMNS = 2
_SHORTER = 2  # rows by which one of two tables side by side ends sooner than the other
_MOST_NAMES = 6

Records = Sequence[tuple[int, Sequence[str]]]
"""Records, each with the number of its first line; of an empty line an empty one."""


@dataclass(frozen=True)
class Block:
    """A table's first and last line, its cells from `left` to before `right`, how many are filled, its header."""

    first: int
    last: int
    left: int
    right: int
    filled: int
    names: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.names[:_MOST_NAMES]) + (", ..." if len(self.names) > _MOST_NAMES else "")
        return f"lines {self.first} to {self.last} ({named})"


def blocks(records: Records) -> list[Block]:
    """The tables, each with a header of its own, as they come; none where all that is there is one table.

    A row is no header: there are words in it alone, over columns of numbers, days or times.
    """
    found = [block for group in _below(records) for block in _beside(group)]
    return found if len(found) > 1 else []


def _below(records: Records) -> Iterator[Records]:
    """The records of each table, and whatever follows it, without titles above its header."""
    group: list[tuple[int, Sequence[str]]] = []
    known: set[tuple[str, ...]] = set()
    for is_filled, some in groupby(records, key=lambda each: any(map(str.strip, each[1]))):
        run = list(some)
        begin, names = _header(run) if is_filled else (0, ())
        if names and names not in known:
            if group:
                yield group
            known.add(names)
            group = run[begin:]
        elif group and is_filled:
            group += run
    if group:
        yield group


def _header(run: Records) -> tuple[int, tuple[str, ...]]:
    """Where in records without an empty line the header is, below titles, and the names in it; none in others."""
    rows = [record for _, record in run]
    begin = next((place for place, row in enumerate(rows) if sum(map(bool, map(str.strip, row))) > 1), len(rows))
    first, below = rows[begin : begin + 1], rows[begin + 1 :]
    if not first or len(below) < _FEWEST_BELOW:
        return begin, ()
    names = tuple(cell.strip() for cell in first[0])
    if any(is_typed(name) and not YEAR.fullmatch(name) for name in names if name) or not is_header(first[0], below):
        return begin, ()
    columns = ([row[place] for row in below if place < len(row)] for place, name in enumerate(names) if name)
    return begin, names if any(_tells(each, len(below)) for each in columns) else ()


def _tells(cells: Sequence[str], rows: int) -> bool:
    """Whether cells are nearly all numbers, or nearly all days and times: of words for this and that they are both."""
    timed = sum(bool(TIME.fullmatch(cell.strip())) for cell in cells)
    typed = sum(map(is_typed, filter(str.strip, cells)))
    return max(timed, typed - timed) >= _MOSTLY * rows


def _beside(group: Records) -> list[Block]:
    """The tables that stand side by side in a group: one ends before the other, or both have a column of one name."""
    rows = [[cell.strip() for cell in record] for _, record in group]
    width = max(map(len, rows))
    filled = [any(place < len(row) and row[place] for row in rows) for place in range(width)]
    places = [list(some) for is_filled, some in groupby(range(width), key=lambda n: filled[n]) if is_filled]
    ranges = [(some[0], some[-1] + 1) for some in places]
    parts = [_block(group, rows, left, right) for left, right in ranges]
    whole = _block(group, rows, 0, width)
    if len(parts) < 2 or any(len(part.names) < max(_FEWEST_COLUMNS, part.right - part.left) for part in parts):
        return [whole]
    names = [name for part in parts for name in part.names]
    ends = [part.last for part in parts]
    apart = len(set(names)) < len(names) or max(ends) - min(ends) >= _SHORTER
    return parts if apart else [whole]


def _block(group: Records, rows: Sequence[Sequence[str]], left: int, right: int) -> Block:
    held = [sum(map(bool, row[left:right])) for row in rows]
    last = max(place for place, many in enumerate(held) if many)
    names = tuple(filter(None, rows[0][left:right]))
    return Block(group[0][0], group[last][0], left, right, sum(held), names)
