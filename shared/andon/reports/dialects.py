"""How a delimited file is written: scored over its first thousands of records, to be checked against the whole."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice, pairwise, product
from pathlib import Path
from typing import Any

from andon.reports import footers, missing, numbers
from andon.reports.errors import UnreadableDataset
from andon.reports.formats import Format
from andon.reports.limits import LONGEST_LINE, MOST_COLUMNS
from andon.reports.names import unique

DELIMITERS = (",", ";", "\t", "|")
_RARE = ("^", "~", "\x1f", ":", " ")  # tried where none of the others parts the lines
_HEAD = 1 << 20
_RECORDS = 5_000
_COMMENTS = ("#", "%", "//", "--", "!")
_PREAMBLE_RECORDS = 100
_UNITS_BELOW, _LONGEST_UNIT = 200, 20
_PROSE_WORDS = 4.0
_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_NUMBER = re.compile(r"[-+]?(\d[\d,]*)?\.?\d+([eE][-+]?\d+)?%?")
_YEAR = re.compile(r"1[89]\d\d|2[01]\d\d")
_TIME = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T]\d\d?:\d\d.*)?|\d{1,2}:\d\d(?::\d\d)?")
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

csv.field_size_limit(LONGEST_LINE)


@dataclass(frozen=True)
class Dialect:
    """`skip` lines come before the table, and those behind line `end` aren't of it; nor is what a `comment` begins.

    `padded` cells have a blank before them; `escape` is what makes a quote in a quoted cell part of it.
    """

    delimiter: str
    quote: str = '"'
    escape: str = '"'
    padded: bool = False
    skip: int = 0
    comment: str | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    end: int | None = None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Dialect:
        return cls(**{**raw, "columns": tuple(raw["columns"])})

    @property
    def plain(self) -> bool:
        """Whether DuckDB can read the file as it is."""
        return not (self.skip or self.comment or self.padded or self.end)

    def reader(self, lines: Iterator[str]) -> Any:
        """The csv module's reader of this dialect, over the table's lines."""
        doubled = self.escape == self.quote
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            doublequote=doubled,
            escapechar=None if doubled else self.escape,
            skipinitialspace=self.padded,
            strict=True,
        )

    def lines(self, text: Iterator[str]) -> Iterator[tuple[int, str]]:
        """The lines of the table, each with its number in the file, from 1."""
        for number, line in enumerate(text, 1):
            if self.end and number > self.end:
                return
            if number > self.skip and not (self.comment and line.startswith(self.comment)):
                yield number, line


def dialects_of(path: Path, claimed: Format, given: Mapping[str, Any]) -> list[Dialect]:
    """How the file is written, the likeliest first; `given` is what its user says of that.

    DuckDB's sniffer would look past ragged rows.
    """
    with path.open(encoding="utf-8", newline="") as text:
        head = text.read(_HEAD)
    if not head.strip():
        raise UnreadableDataset("the file is empty: there is nothing but white space in it")
    lines = list(io.StringIO(head, newline=""))
    if len(head) == _HEAD and len(lines) > 1:
        lines.pop()  # it may be cut
    start = next(place for place, line in enumerate(lines) if line.strip())
    told = _SEP.fullmatch(lines[start])
    if told and len(lines) > start + 1:
        start += 1
        given = {"delimiter": told[1], **given}
    comment, start, hidden = _comments(lines, start)
    found = _scored(lines[start:], claimed, comment, given)
    headed = (_with_header(dialect, lines, start, claimed, given, hidden) for dialect in found)
    return [replace(dialect, end=footers.end_of_table(path, dialect)) for dialect in headed]


def _comments(lines: Sequence[str], start: int) -> tuple[str | None, int, bool]:
    """What comments begin with, where the table starts, and whether its header may be the last comment."""
    mark = next((each for each in _COMMENTS if lines[start].startswith(each)), None)
    after = start
    while mark and after < len(lines) and (lines[after].startswith(mark) or not lines[after].strip()):
        after += 1
    if mark is None or after == len(lines):
        return None, start, False
    return mark, after, lines[after - 1].startswith(mark)


def _scored(lines: Sequence[str], claimed: Format, comment: str | None, given: Mapping[str, Any]) -> list[Dialect]:
    if "delimiter" in given:
        return _ranked(lines, (given["delimiter"],), comment, given) or [Dialect(given["delimiter"], comment=comment)]
    usual = ("\t",) if claimed.name == "tsv" else DELIMITERS
    if found := _ranked(lines, usual, comment, given):
        return found
    rare = [each for each in DELIMITERS if each not in usual] + list(_RARE)
    found = [each for each in _ranked(lines, rare, comment, given) if _parts(each, lines)]
    return found or [Dialect(usual[0], comment=comment)]


def _parts(dialect: Dialect, lines: Sequence[str]) -> bool:
    """Whether nearly every line has as many cells as the first, some of them numbers or dates."""
    records = _records(dialect, lines)
    width = _width(records)
    cells = [cell for record in records for cell in record]
    even = sum(len(record) == width for record in records) >= 0.95 * len(records)
    return even and len(records[0]) == width and len(records) > 2 and sum(map(_typed, cells)) >= 0.2 * len(cells)


def _ranked(
    lines: Sequence[str], delimiters: Sequence[str], comment: str | None, given: Mapping[str, Any]
) -> list[Dialect]:
    """The dialects with one of the delimiters that are nearly as good as the best; none that parts nothing."""
    text = "".join(lines)
    quotes = [given["quote"]] if "quote" in given else ['"', *(["'"] if "'" in text else [])]
    escapes = [None, *(["\\"] if '\\"' in text or "\\'" in text else [])]
    scores = {}
    for delimiter, quote, escape in product(delimiters, quotes, escapes):
        if delimiter not in text and "delimiter" not in given:
            continue
        padding = (False, True) if delimiter + " " in text else (False,)
        for padded in (True,) if delimiter == " " else padding:
            dialect = Dialect(delimiter, quote, escape or quote, padded, comment=comment)
            scores[dialect] = _score(dialect, lines)
    ranked = sorted(scores, key=lambda each: -scores[each])
    if not ranked or scores[ranked[0]] <= 0:
        return []
    return [each for each in ranked if scores[each] >= 0.8 * scores[ranked[0]]][:3]


def _score(dialect: Dialect, lines: Sequence[str]) -> float:
    """How well records of one width, with cells of numbers and dates in them, come out of a dialect."""
    records = _records(dialect, lines)
    if not records:
        return 0.0
    width = _width(records)
    if width < 2:
        return 0.0
    even = sum(len(record) == width for record in records) / len(records)
    first = next((place for place, record in enumerate(records) if len(record) in (width, width - 1)), 0)
    cells = [cell for record in records if len(record) == width for cell in record]
    typed = sum(map(_typed, cells)) / (len(cells) or 1)
    odd = sum(_wrapped(cell) for cell in cells) / (len(cells) or 1)
    blank = sum(cell.startswith(" ") for cell in cells) / (len(cells) or 1)
    score = even**2 * (width - 1) / width * (0.2 + typed) * (1 - 0.5 * odd) * (1 - 0.3 * blank)
    # The widest record of a preamble isn't a header, but a header that is narrower than its table is none.
    score *= 0.5 if first else 1.0 if len(records[0]) == width else 0.7
    simple = (dialect.quote == '"') + (dialect.escape == dialect.quote) + (not dialect.padded)
    return score * (1 + 0.001 * simple)


def _records(dialect: Dialect, lines: Sequence[str]) -> list[list[str]]:
    """The first records, as far as they can be read; blank lines are none."""
    found: list[list[str]] = []
    with suppress(csv.Error):
        found.extend(filter(None, islice(dialect.reader(line for _, line in dialect.lines(iter(lines))), _RECORDS)))
    return found


def _width(records: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, records)).most_common(1)[0][0]


def _typed(cell: str) -> bool:
    text = cell.strip()
    unit = numbers.affix(text) if text else ""
    return unit == "" or numbers.is_money(unit) or bool(_TIME.fullmatch(text)) or missing.is_token(text)


def _wrapped(cell: str) -> bool:
    """Whether quotes were left around or inside a cell."""
    text = cell.strip()
    if text.count('"') % 2:
        return True  # the other half of a pair is in another cell
    return len(text) > 1 and text[0] in "\"'" and (text[0] == text[-1] or text.count(text[0]) == 1)


def _with_header(
    dialect: Dialect, lines: Sequence[str], start: int, claimed: Format, given: Mapping[str, Any], hidden: bool
) -> Dialect:
    """The dialect with the place of its header, and the names in it."""
    records = list(_numbered(dialect, lines, start))
    if not records:
        raise UnreadableDataset('a quoted value is not closed, or has text after its closing quote (")', start + 1)
    width = _width([record for _, record in records])
    begin = _preamble([record for _, record in records], width)
    line, first = records[begin]
    body = [record for _, record in records[begin + 1 :]]
    if len(first) > MOST_COLUMNS:
        raise UnreadableDataset(f"expected at most {MOST_COLUMNS:,} columns, found {len(first):,}", line)
    if len(first) == 1 and "delimiter" not in given:
        _refuse_prose(lines, claimed)
    comment = dialect.comment
    if hidden and comment:
        # `#chrom,start,end`: the header is written as a comment.
        named: list[str] = next(dialect.reader(iter([lines[start - 1].removeprefix(comment).lstrip()])), [])
        if len(named) == len(first) > 1 and not is_header(first, body):
            named[0] = named[0] or comment  # a column of numbers may be called so
            return replace(dialect, skip=line - 1, header=False, columns=unique(named))
    header = given.get("header", is_header(first, body))
    names = first if header else [""] * len(first)
    if header and len(first) == width - 1 and body and sum(len(each) == width for each in body) >= 0.9 * len(body):
        names = ["", *first]  # R leaves the name of the rows' names out
    if header and "header" not in given and units_below(first, body):
        second = [
            f"{name} ({unit})" if name and unit else name or unit for name, unit in zip(names, body[0], strict=True)
        ]
        return replace(dialect, skip=records[begin + 2][0] - 1, header=False, columns=unique(second))
    return replace(dialect, skip=line - 1 if line > 1 else 0, header=header, columns=unique(names))


def _numbered(dialect: Dialect, lines: Sequence[str], start: int) -> Iterator[tuple[int, list[str]]]:
    """The records from line `start`, each with the number of its first line."""
    taken = [(number, line) for number, line in dialect.lines(iter(lines)) if number > start]
    reader = dialect.reader(line for _, line in taken)
    before = 0
    try:
        for record in islice(reader, _RECORDS):
            if record:
                yield taken[before][0], record
            before = reader.line_num
    except csv.Error:
        return


def units_below(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the record below a header says what its columns are in: words over columns of numbers."""
    rest = [row for row in body[1:_UNITS_BELOW] if len(row) == len(first)]
    if len(rest) < 5 or len(body[0]) != len(first):
        return False
    typed = [place for place in range(len(first)) if sum(_typed(row[place]) for row in rest) >= 0.9 * len(rest)]
    filled = [place for place in typed if any(row[place].strip() for row in rest)]
    units = [body[0][place].strip() for place in filled]
    short = all(len(cell.strip()) <= _LONGEST_UNIT for cell in body[0])
    return len(units) > 1 and short and not any(unit and _typed(unit) for unit in units) and sum(map(bool, units)) > 1


def _preamble(records: Sequence[Sequence[str]], width: int) -> int:
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


def _refuse_prose(lines: Sequence[str], claimed: Format) -> None:
    """One column of long sentences is a text that somebody gave the wrong name."""
    some = [line for line in islice(lines, 50) if line.strip()]
    if sum(len(line.split()) for line in some) / len(some) > _PROSE_WORDS:
        raise UnreadableDataset(f"expected a header of columns and rows of values, as {claimed.title}, found prose", 1)


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
    words = [cell for cell in named if not _NUMBER.fullmatch(cell) and not _TIME.fullmatch(cell)]
    if not words:
        years = len(named) > 1 and all(map(_YEAR.fullmatch, named))
        return not cells[0] and bool(body) and (years or (_rising(named) and _keyed(body)))
    if not all(
        cell in words
        or _YEAR.fullmatch(cell)
        or (_TIME.fullmatch(cell) and len(words) < len(named) and _counted(cells.index(cell), body))
        for cell in named
    ):
        return False
    # Words alone: a record like those below it is no header.
    return not _recurs(cells, body)


def _rising(named: Sequence[str]) -> bool:
    """Whether the names are three numbers or more, each above the last."""
    if len(named) < 3 or not all(map(_PLAIN.fullmatch, named)):
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
    return bool(below) and all(not cell or _NUMBER.fullmatch(cell) for cell in below)


def _recurs(cells: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the first record's words stand below it again and again, in two columns or in the only one."""
    below = [row for row in body if len(row) == len(cells)]
    if len(below) < 10:
        return False
    again = sum(sum(row[place].strip() == cell for row in below) > 1 for place, cell in enumerate(cells) if cell)
    return again >= min(2, len(cells)) and again >= len(cells) / 2
