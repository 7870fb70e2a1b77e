"""What stands below a table or among its rows, and is none: sources, remarks, how many rows there were, totals."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, dropwhile, islice, takewhile
from pathlib import Path
from typing import Any, Protocol

from andon.reports.values import missing

_TAIL = 64 << 10
_MOST_LINES = 30
_FEWEST_ROWS = 3
_MOST_KINDS = 6
_MOSTLY = 0.8
_ROUNDED = 0.02  # of a total, beyond which its parts weren't just rounded
_TOTAL = re.compile(
    r"(?:grand |overall |sub-?|running )?totals?(?:[: ].{1,40}|e|en|i)?:?|sums?|summe[ns]?:?|gesamt(?:summe|betrag)?:?|"
    r"insgesamt|zwischensumme|ergebnis|total g[ée]n[ée]ral|somme|totaal|eindtotaal|totale|suma|razem|ogółem|łącznie|"
    r"celkem|összesen|yhteensä|totalt|i alt|(?:genel )?toplam|итого:?|всего:?|разом|усього|σύνολο|"
    r"合计|总计|小计|合計|総計|小計|합계|총계|"
    r"averages?|mean|avg\.?|durchschnitt|mittelwert|moyenne|promedio|media|gemiddelde|średnia|ø|среднее|平均",
    re.IGNORECASE,
)
# A group's total is called by its name, too, or by what it is of.
_OF_GROUP = re.compile(
    r".{1,60}[ :–-](?:sub)?(?:totals?|gesamt|summe|ergebnis)|(?:zwischen|teil)?(?:summe|gesamt|ergebnis) .{1,60}|"
    r"(?:suma|somme) .{1,60}|(?:sous-|sub-?)totale?.{0,60}|teilsumme:?|"
    r"all(?: .{1,30})?|both(?: .{1,30})?|overall|combined|alle|tous|toutes|todos|todas|tutti|tutte|zusammen",
    re.IGNORECASE,
)
_WHOLE = re.compile(
    r"world(?:wide)?|welt(?:weit)?|monde|mundo|all|everyone|everything|both(?: sexes)?|overall|combined|alle|insgesamt|"
    r"zusammen|ensemble|tous|toutes|todos|todas|tutti|tutte|all (?:countries|regions|ages|states|groups|sexes|persons)|"
    r"(?:the )?(?:european union|eurozone|euro area)(?: ?[-(]? ?\d\d(?: countries)?\)?)?|e[ua][- ]?\d\d|g[- ]?20|oecd|"
    r"nation(?:al)?(?: total)?|bundesgebiet|whole country",
    re.IGNORECASE,
)
_FEWEST_PARTS = 2
_NUMBER = re.compile(r"[^\dA-Za-z]{0,4}\d[\d.,'’ \u00a0\u202f]*[^\dA-Za-z]{0,4}")


class Table(Protocol):
    """What is known of a table: its columns, and how its lines are read."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def header(self) -> bool: ...

    def reader(self, lines: Iterator[str]) -> Any: ...

    def lines(self, text: Iterator[str]) -> Iterator[tuple[int, str]]: ...


@dataclass(frozen=True)
class Below:
    """The table's last line, counted from 1, None if it reaches to the end; and those below it that hold totals."""

    last: int | None = None
    totals: tuple[int, ...] = ()


def below(path: Path, table: Table, end: int | None = None) -> Below:
    """What stands below the table, which ends on that line at most.

    A row that was cut off isn't a remark: there are words in one, or a blank line above it. Nor is every row that is
    called "total" one: its other cells are numbers, and one of them is the sum of those above it, or it leaves cells
    empty that rows have.
    """
    width = len(table.columns)
    if width < 2:
        return Below()
    lines = _last_lines(path, end)
    under = _under(lines, table, width)
    totals = [place for place, record in enumerate(under) if _is_labelled(record)]
    rest = under[totals[-1] + 1 :] if totals else under
    remarks = len(rest) if _is_no_row(rest) and len(lines) - len(rest) - int(table.header) >= _FEWEST_ROWS else 0
    if not totals and not remarks:
        return Below()
    with path.open(encoding="utf-8", newline="") as text:
        count = sum(1 for _ in islice(text, end))
    first = count - len(under) + 1
    above = under[: totals[0]] if totals else []
    if totals and (not any(map(any, above)) or _is_no_row(above)):
        rows = _rows(path, table, first + totals[0])
        if len(rows) >= _FEWEST_ROWS and _is_total(under[totals[0]], rows, width):
            return Below(first - 1, tuple(first + place for place in totals))
    return Below(count - remarks) if remarks else Below()


def _last_lines(path: Path, end: int | None) -> list[str]:
    if end:
        with path.open(encoding="utf-8", newline="") as text:
            return list(islice(text, end))
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        lines = list(io.StringIO(file.read().decode("utf-8", errors="replace"), newline=""))
    return lines[1:] if size > _TAIL else lines


def within(rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[int, ...]:
    """The lines of those of a table's rows that sum up the rows above them, or such sums: a group's totals, and theirs.

    Where a few kinds of rows take turns, as budget and actual, each kind has its own.
    """
    return max(_summing(rows), *map(_summing_each, _kinds(rows)), _scattered(rows), (), key=len)


def _scattered(rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[int, ...]:
    """The lines of rows as `World` among countries: called a whole, and the sum of all others of the same period.

    Where one is that of all that aren't called so, the others that are (`EU-27`) are none of these either.
    """
    width = min((len(record) for _, record in rows), default=0)
    for place in range(width):
        wholes = [(line, record) for line, record in rows if is_whole(record[place])]
        others = [record for _, record in rows if not is_whole(record[place])]
        if (
            not wholes
            or len(others) <= len(wholes)
            or any(map(_NUMBER.fullmatch, (each[place] for each in others[:1])))
        ):
            continue
        keys = [n for n in range(width) if n != place and _recurs(n, [record for _, record in wholes], others)]
        parts: dict[tuple[str, ...], list[Sequence[str]]] = {}
        for record in others:
            parts.setdefault(tuple(record[n] for n in keys), []).append(record)
        called: dict[str, list[Sequence[str]]] = {}
        for _, record in wholes:
            called.setdefault(record[place].strip(), []).append(record)
        for records in called.values():
            beside = [(record, parts.get(tuple(record[n] for n in keys), [])) for record in records]
            if any(_are_sums(n, beside) for n in range(width) if n not in (place, *keys)):
                return tuple(line for line, _ in wholes)
    return ()


def _recurs(place: int, wholes: Sequence[Sequence[str]], others: Sequence[Sequence[str]]) -> bool:
    """Whether what wholes have in a column stands in several other rows again and again, as a period does."""
    counts = Counter(record[place] for record in others)
    return all(counts[record[place]] >= _FEWEST_PARTS for record in wholes)


def _are_sums(place: int, beside: Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]]) -> bool:
    """Whether the numbers of a column are, nearly all, the sums of those beside them, none of which is all of it."""
    cells = [(whole[place].strip(), [row[place].strip() for row in rows]) for whole, rows in beside]
    known = [(whole, column) for whole, column in cells if sum(map(bool, column)) >= _FEWEST_PARTS and whole]
    several = [(whole, column) for whole, column in known if whole not in column]
    summed = sum(_sums_up(whole, column) for whole, column in several)
    return bool(several) and len(known) >= _MOSTLY * len(cells) and summed >= _MOSTLY * len(known)


def _kinds(rows: Sequence[tuple[int, Sequence[str]]]) -> Iterator[list[list[tuple[int, Sequence[str]]]]]:
    """The rows by what each column of a few words holds, of which none is what totals are called."""
    for place in range(min((len(record) for _, record in rows), default=0)):
        values = Counter(record[place].strip() for _, record in rows)
        worded = not any(not each or _NUMBER.fullmatch(each) or is_total(each) for each in values)
        if worded and 1 < len(values) <= _MOST_KINDS and min(values.values()) >= _FEWEST_ROWS:
            yield [[row for row in rows if row[1][place].strip() == each] for each in values]


def _summing_each(kinds: Sequence[Sequence[tuple[int, Sequence[str]]]]) -> tuple[int, ...]:
    """The lines of the totals of every kind of rows; none where a kind has none."""
    found = [_summing(rows) for rows in kinds]
    return tuple(sorted(chain.from_iterable(found))) if all(found) else ()


def _summing(rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[int, ...]:
    """The lines of the rows that are totals of those above them.

    Nothing in them but numbers, what they are called and what all rows above hold, and one of the numbers is the sum.
    """
    found: list[int] = []
    group: list[Sequence[str]] = []
    totals: list[Sequence[str]] = []
    several = False
    for line, record in rows:
        summed = group or totals
        if not _is_labelled(record, summed) or not any(_adds_up(place, record, summed) for place in range(len(record))):
            group.append(record)
            continue
        several = several or len(summed) > 1
        found.append(line)
        totals = [*totals, record] if group else []
        group = []
    return tuple(found) if several else ()


def _adds_up(place: int, record: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a record's cell is the sum of those of the rows."""
    column = [row[place].strip() for row in rows if place < len(row)]
    return bool(column) and _sums_up(record[place].strip(), column)


def _under(lines: Sequence[str], table: Table, width: int) -> list[list[str]]:
    """The last records that may not be of the table."""
    under: list[list[str]] = []
    for line in reversed(lines[-_MOST_LINES:]):
        try:
            record: list[str] = next(table.reader(iter([line])), [])
        except csv.Error:
            return []  # the end of a value that goes over lines
        if any(map(str.strip, record)) and not _stands_apart(record, width) and not _may_be_under(record, width):
            break
        under.insert(0, record)
    else:
        return []
    # What is no remark by itself may be one below a line of nothing.
    return list(dropwhile(lambda record: any(map(str.strip, record)) and not _stands_apart(record, width), under))


def _stands_apart(record: Sequence[str], width: int) -> bool:
    filled = sum(map(bool, map(str.strip, record)))
    alone = filled == 1 and bool(record[0].strip()) and (len(record) < width or width > 2)
    return alone or _is_labelled(record)


def _may_be_under(record: Sequence[str], width: int) -> bool:
    """Whether a record has fewer cells than rows have, or leaves most of them empty."""
    return len(record) < width or (width > 2 and sum(map(bool, map(str.strip, record))) <= width // 3)


def _is_no_row(under: Sequence[Sequence[str]]) -> bool:
    """Whether records are remarks and empty ones, and more than empty lines."""
    directly = list(takewhile(lambda record: any(map(str.strip, record)), under))
    remarked = any(any(map(str.strip, record)) for record in under)
    if not remarked and not any(len(record) > 1 for record in under):
        return False
    return all(map(_is_remark, directly))


def _is_remark(record: Sequence[str]) -> bool:
    """Whether the only cell of a record is a sentence, rather than the beginning of a row."""
    text = record[0].strip()
    return len(record) == 1 and (" " in text or text[0] in "#\x1a(*")


def is_total(value: str) -> bool:
    """Whether a value is what totals and means are called."""
    return bool(_TOTAL.fullmatch(value.strip()))


def is_whole(value: str) -> bool:
    """Whether a value is what totals are called, be it of the world, of all countries of a union, or all together."""
    return bool(_WHOLE.fullmatch(value.strip())) or is_total(value)


def _is_labelled(record: Sequence[str], of: Sequence[Sequence[str]] | None = None) -> bool:
    """Whether a record is called a total, and holds numbers beside that; one `of` rows may be called by what it is of,
    and hold the words that all of them do."""
    filled = {place: cell.strip() for place, cell in enumerate(record) if cell.strip()}
    words = {
        place: each for place, each in filled.items() if not _NUMBER.fullmatch(each) and not missing.is_token(each)
    }
    called = {
        place for place, each in words.items() if is_total(each) or (of is not None and _OF_GROUP.fullmatch(each))
    }
    shared = {place for place, each in words.items() if of and all(row[place : place + 1] == [each] for row in of)}
    alone = len(words) == 1 or of
    return bool(called and alone and len(words) < len(filled) and not words.keys() - called - shared)


def _rows(path: Path, table: Table, end: int) -> list[list[str]]:
    """The table's records before a line."""
    with path.open(encoding="utf-8", newline="") as text:
        lines = (line for number, line in table.lines(text) if number < end)
        try:
            records = [record for record in table.reader(lines) if any(map(str.strip, record))]
        except csv.Error:
            return []
    return records[int(table.header) :]


def _is_total(record: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a record leaves cells empty that the rows above fill, or sums one of their columns up."""
    rows = [row for row in rows if len(row) == width]
    for place in range(width):
        cell = record[place].strip() if place < len(record) else ""
        column = [row[place].strip() for row in rows]
        if (not cell or missing.is_token(cell)) and sum(map(bool, column)) >= _MOSTLY * len(rows):
            return True
        if _NUMBER.fullmatch(cell) and _sums_up(cell, column):
            return True
    return False


def _sums_up(cell: str, column: Sequence[str]) -> bool:
    """Whether a number is the sum or the mean of those above it, but for what was rounded away.

    Either way to write decimals is tried.
    """
    for decimal in ".,":
        total, parts = _value(cell, decimal), [_value(each, decimal) for each in column if each]
        if total is None or not parts or None in parts:
            continue
        places = len(cell.partition(decimal)[2]) if decimal in cell else 0
        whole, half = sum(filter(None, parts)), 0.5 * 10.0**-places
        summed = abs(total - whole) <= min(len(parts) * half, _ROUNDED * abs(total)) + 1e-9 * abs(total)
        if total and (summed or abs(total - whole / len(parts)) <= half):
            return True
    return False


def _value(cell: str, decimal: str) -> float | None:
    if not _NUMBER.fullmatch(cell):
        return None
    digits = "".join(each for each in cell if each.isdigit() or each == decimal).replace(decimal, ".")
    negative = bool(re.match(r"\D*[-−(]", cell)) or cell.endswith("-")
    try:
        return -float(digits) if negative else float(digits)
    except ValueError:
        return None
