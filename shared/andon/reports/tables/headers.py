"""Where a table's header is, and the names in it: below titles, over units, in two rows, or nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from andon.reports.tables.cells import NUMBER, PLAIN, TIME, YEAR, is_typed
from andon.reports.values import missing

_PREAMBLE_RECORDS = 100
_UNITS_BELOW, _LONGEST_UNIT = 200, 20
_FEWEST_STACKED = 3
_FEWEST_BELOW = 10
_FEWEST_TICKED = 2
_MOST_DESCRIBING = 2
_MOST_LABELS = 10
_FEWEST_TYPED, _FEWEST_ASKED = 2, 5
_QUESTION_WORDS = 3.0  # on average; fewer are units, or parts of a name
_OBJECT = re.compile(r'\{"ImportId":.*\}', re.DOTALL)
_RESPONSE = re.compile(r"(?:open-ended )?response", re.IGNORECASE)
_RULE = re.compile(r"\s*(?::?-{2,}:?|={2,})\s*")


def bare(names: Sequence[str]) -> list[str]:
    """The names without the quotes that all of them are in, where the values are in none."""
    named = [name.strip() for name in names if name.strip()]
    quoted = bool(named) and all(len(name) > 2 and name[0] == name[-1] and name[0] in "'`" for name in named)
    return [name.strip()[1:-1] for name in names] if quoted else list(names)


def units_below(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the record below a header says what its columns are in: words over columns of numbers."""
    rest = [row for row in body[1:_UNITS_BELOW] if len(row) == len(first)]
    if len(rest) < 5 or len(body[0]) != len(first):
        return False
    typed = [place for place in range(len(first)) if sum(is_typed(row[place]) for row in rest) >= 0.9 * len(rest)]
    filled = [place for place in typed if any(row[place].strip() for row in rest)]
    units = [body[0][place].strip() for place in filled]
    short = all(len(cell.strip()) <= _LONGEST_UNIT for cell in body[0])
    return len(units) > 1 and short and not any(unit and is_typed(unit) for unit in units) and sum(map(bool, units)) > 1


def ruled(record: Sequence[str]) -> bool:
    """Whether a record is but the line below a header, as databases draw it."""
    filled = [cell for cell in record if cell.strip()]
    return len(filled) > 1 and all(map(_RULE.fullmatch, filled))


def stacked(records: Sequence[Sequence[str]]) -> list[str]:
    """The names that two records make, as `2023` over `Q1` and `Q2`, where the first leaves cells empty that the second
    fills, above columns of numbers or of ticked answers, or as surveys export questions over their answers; none where
    they aren't a header. The columns of the rows' names may have none."""
    if len(records) < 2 + _FEWEST_STACKED or len(records[0]) != len(records[1]):
        return []
    over, under = ([cell.strip() for cell in record] for record in records[:2])
    rest = [row for row in records[2:_UNITS_BELOW] if len(row) == len(under)]
    named = [place for place, cell in enumerate(under) if cell]
    corner = next((place for place, pair in enumerate(zip(over, under, strict=True)) if any(pair)), 0)
    if (
        not rest
        or sum(map(bool, over)) < 2
        or (all(over[place] for place in named) and not _are_responses([under[place] for place in named]))
        or not all(map(any, zip(over[corner:], under[corner:], strict=True)))
        or not all(row[place].strip() and not is_typed(row[place]) for row in rest for place in range(corner))
    ):
        return []
    if any(is_typed(under[place]) and not YEAR.fullmatch(under[place]) for place in named):
        return []
    below = [place for place in named if over[place] or any(over[:place])]
    if any(sum(bool(row[place].strip()) for row in rest) < 0.5 * len(rest) for place in named if place not in below):
        return []  # the name of a group of rows, in a line of its own
    counted = all(sum(is_typed(row[place]) for row in rest) >= 0.8 * len(rest) for place in below)
    if not (counted or _are_ticked(under, rest) or _are_asked(over, under, rest)):
        return []
    names, group = [], ""
    for place, (one, other) in enumerate(zip(over, under, strict=True)):
        group = one or (group if place in below else "")
        names.append(" ".join(filter(None, (group, "" if group and _are_responses([other]) else other))))
    return names


def _are_responses(names: Sequence[str]) -> bool:
    """Whether all that stands below questions is what SurveyMonkey writes there of those that take one answer."""
    return bool(names) and all(map(_RESPONSE.fullmatch, names))


def _are_asked(over: Sequence[str], under: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether questions stand over their answers, with nothing below what has none, as who answered and when: the
    lower names are no row, for every row has something there, and none of them stands again in its column."""
    whole = [place for place, cell in enumerate(over) if cell and not under[place]]
    whole = [place for place in whole if all(row[place].strip() for row in rows)]
    spanned = [place for place, cell in enumerate(under) if cell and not over[place]]
    again = any(row[place].strip().lower() == under[place].lower() for row in rows for place in spanned)
    asked = len(spanned) >= _FEWEST_TICKED or _are_responses([cell for cell in under if cell])
    return bool(whole) and asked and not again


def described(first: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[list[str], int]:
    """The names of a header above whose values a record describes each column to a machine, in JSON, as surveys export
    them, and how many records follow the header until the values; a record of questions between them has the names."""
    places = (place for place, record in enumerate(body[:_MOST_DESCRIBING]) if _is_described(record, len(first)))
    last = next(places, None)
    if last is None:
        return [], 0
    asked = body[0] if last and len(body[0]) == len(first) else first
    return [" ".join((one or name).split()) for one, name in zip(asked, first, strict=True)], last + 1


def questioned(first: Sequence[str], body: Sequence[Sequence[str]]) -> tuple[list[str], int]:
    """The names of a header of ids above questions, as surveys export them too, and how many records follow its first
    until the values: words, each others, where all rows below have numbers or dates in several columns."""
    for many in range(1, _MOST_DESCRIBING + 1):
        rest = [row for row in body[many:_UNITS_BELOW] if len(row) == len(first)]
        if len(rest) < _FEWEST_ASKED or not _are_words(body[many - 1], len(first)):
            return [], 0
        typed = [place for place in range(len(first)) if _is_counted(place, rest)]
        above = [[record[place].strip() for place in typed] for record in body[:many]]
        if len(typed) >= _FEWEST_TYPED and all(all(each) and len(set(each)) == len(each) for each in above):
            words = sum(len(cell.split()) for cell in above[0]) / len(typed)
            names, cells = ([" ".join(cell.split()) for cell in record] for record in (first, body[0]))
            pairs = list(zip(names, cells, strict=True))
            if words >= _QUESTION_WORDS:
                return [cell or name for name, cell in pairs], many
            return [f"{name} ({cell})" if name and cell != name else cell for name, cell in pairs], many
    return [], 0


def _are_words(record: Sequence[str], width: int) -> bool:
    """Whether a record of as many cells holds no number and no date."""
    return len(record) == width and not any(cell.strip() and is_typed(cell) for cell in record)


def _is_counted(place: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether all that stands in a column is numbers and dates, and in most rows something does."""
    cells = [row[place] for row in rows]
    return all(map(is_typed, cells)) and sum(map(bool, map(str.strip, cells))) > len(cells) / 2


def _is_described(record: Sequence[str], width: int) -> bool:
    cells = [cell.strip() for cell in record]
    return len(cells) == width > 1 and all(map(_OBJECT.fullmatch, cells))


def _are_ticked(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether several columns hold nothing but their own name, as surveys write the answers that were ticked."""
    held = {name: {row[place].strip() for row in rows} for place, name in enumerate(names) if name}
    return sum(values <= {name, ""} for name, values in held.items()) >= _FEWEST_TICKED


def preamble(records: Sequence[Sequence[str]], width: int) -> int:
    """How many records of titles and remarks come before the header: narrower ones, or nearly empty ones."""
    begin = 0
    for record in records[:_PREAMBLE_RECORDS]:
        filled = sum(bool(cell.strip()) for cell in record)
        # R leaves out the name of the rows' names: one record that is narrower by one may be a header.
        again = len(record) < width and begin + 1 < len(records) and len(records[begin + 1]) < width
        narrow = (
            len(record) < width - 1
            or (len(record) < width and not all(record))
            or again
            or (begin and len(record) < width)
        )
        empty = width >= 3 and filled <= width // 3
        if not narrow and not empty:
            break
        begin += 1
    rest = records[begin:]
    even = sum(len(record) == width for record in rest)
    return begin if begin and width > 1 and len(rest) > 2 and even >= 0.9 * len(rest) else 0


def labelled(records: Sequence[Sequence[str]], width: int) -> int:
    """How many records of labels and what they say (`Created;2024-05-01`) stand above an empty line and the header of a
    table that is as narrow as they are, and longer; none where the first of them may be the header of two rows or more.

    `records` has a record without cells for an empty line; such aren't counted.
    """
    place = next((n for n, record in enumerate(records[: _MOST_LABELS + 1]) if not any(map(str.strip, record))), 0)
    head = next((n for n in range(place, len(records)) if any(map(str.strip, records[n]))), 0)
    above, body = records[:place], [record for record in records[head + 1 :] if any(map(str.strip, record))]
    if not above or width != 2 or len(body) < _FEWEST_STACKED or len(body) <= len(above):
        return 0
    if any(len(record) != width for record in (*above, records[head], *body)) or not is_header(records[head], body):
        return 0
    first, *others = above
    if len(others) > 1 and not any(map(is_typed, first)) and all(is_typed(record[-1]) for record in others):
        return 0
    counted = any(sum(is_typed(record[n]) for record in body) >= 0.8 * len(body) for n in range(width))
    return sum(map(bool, records[:head])) if counted and not any(map(is_typed, records[head])) else 0


def is_header(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a record names the columns of those below it.

    A header is words; years and days among them are words too (a table with a column per year), and so are the
    numbers 0, 1, 2, ... that pandas gives to columns without names. So are numbers that rise, over a table whose rows
    are named and whose first column isn't: one thing by another, as R and spreadsheets write it.
    """
    cells = [cell.strip() for cell in first]
    ranged = [cell for cell in cells if cell]
    if cells == ["", "0"]:
        return bool(body) and all(row[0].strip() for row in body[:50] if row)  # a series as pandas writes it
    if len(ranged) > 1 and ranged == [str(number) for number in range(len(ranged))] and _unlike(ranged, cells, body):
        return True
    named = [cell for cell in cells if cell and not missing.is_token(cell)]
    words = [cell for cell in named if not NUMBER.fullmatch(cell) and not TIME.fullmatch(cell)]
    if not words:
        years = len(named) > 1 and all(map(YEAR.fullmatch, named))
        return not cells[0] and bool(body) and (years or (_rising(named) and _keyed(body)))
    if not all(
        cell in words
        or YEAR.fullmatch(cell)
        or (TIME.fullmatch(cell) and len(words) < len(named) and _counted(cells.index(cell), body))
        for cell in named
    ):
        return False
    # Words alone: a record like those below it is no header.
    return not _recurs(cells, body)


def is_apart(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether a record that isn't a header can't be a row either: words in it stand over columns of numbers alone."""
    below = [row for row in body[:_UNITS_BELOW] if len(row) == len(first)]
    if len(below) < _FEWEST_BELOW:
        return False
    counted = [place for place in range(len(first)) if all(NUMBER.fullmatch(row[place].strip()) for row in below)]
    words = [place for place in counted if not is_typed(first[place])]
    return len(words) >= max(2, len(first) / 3)


def _rising(named: Sequence[str]) -> bool:
    """Whether the names are three numbers or more, each above the last."""
    if len(named) < 3 or not all(map(PLAIN.fullmatch, named)):
        return False
    numbers = [float(each) for each in named]
    return all(one < other for one, other in pairwise(numbers))


def _keyed(body: Sequence[Sequence[str]]) -> bool:
    """Whether each row's first cell is filled, and like no other's."""
    keys = [row[0].strip() for row in body if row]
    return all(keys) and len(set(keys)) == len(keys) > 2


def _unlike(ranged: Sequence[str], cells: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether 0, 1, 2, ... can't be a row: no number is missing from it but the first, or those below aren't whole."""
    if not cells[0]:
        return True
    below = [row for row in body[:50] if len(row) == len(cells)]
    return bool(below) and any(not cell.strip().lstrip("-").isdigit() for row in below for cell in row if cell.strip())


def _counted(place: int, body: Sequence[Sequence[str]]) -> bool:
    """Whether the column at `place` holds numbers, so that a day at its top is its name."""
    below = [row[place].strip() for row in body[:50] if place < len(row)]
    return bool(below) and all(not cell or NUMBER.fullmatch(cell) for cell in below)


def _recurs(cells: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first record's words stand below it again and again, in two columns or in the only one."""
    below = [row for row in body if len(row) == len(cells)]
    if len(below) < 10:
        return False
    again = sum(sum(row[place].strip() == cell for row in below) > 1 for place, cell in enumerate(cells) if cell)
    return again >= min(2, len(cells)) and again >= len(cells) / 2


def unique(names: Sequence[str]) -> tuple[str, ...]:
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
