"""How a delimited file is written: scored over its first thousands of records, to be checked against the whole."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any

from andon.reports.errors import UnreadableDataset
from andon.reports.files.formats import Format
from andon.reports.files.limits import LONGEST_LINE, MOST_COLUMNS
from andon.reports.tables import footers
from andon.reports.tables.blocks import blocks
from andon.reports.tables.cells import is_typed
from andon.reports.tables.down import filled_down, headed
from andon.reports.tables.headers import (
    bare,
    described,
    is_apart,
    is_header,
    labelled,
    preamble,
    questioned,
    ruled,
    stacked,
    unique,
    units_below,
)
from andon.reports.tables.titles import title_above

DELIMITERS = (",", ";", "\t", "|")
_RARE = ("^", "~", "\x1f", ":", " ")  # tried where none of the others parts the lines
_HEAD = 1 << 20
_RECORDS = 5_000
# What remarks begin with; what begins values as well only where a blank follows, or no other quote does.
_COMMENTS = {each: re.compile(re.escape(each)) for each in ("#", "%", "//", "--", "!", ";")} | {
    "*": re.compile(r"\*(?=[\s*]|$)"),
    "'": re.compile(r"'(?=[^']*(?:'[^']*'[^']*)*$)"),
    "REM": re.compile(r"rem(?=\s|$)", re.IGNORECASE),
}
_CAREFUL = {"*", "'", "REM"}  # where no remark is among the first rows, what begins so further down is a value
_MOST_REMARKS = 0.2  # of the lines; what more of them begin with is a value
_HEADINGS, _FEWEST_HEADED = "group", 3  # the column that headings among the rows make, and columns that it takes
_MOSTLY = 0.8
_PROSE_WORDS = 4.0
_SEP = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)

csv.field_size_limit(LONGEST_LINE)


@dataclass(frozen=True)
class Dialect:
    """`skip` lines come before the table, and those behind line `end` aren't of it; nor is what a `comment` begins.

    `padded` cells have a blank before them; `escape` is what makes a quote in a quoted cell part of it. `totals` are
    lines behind the table, or in it, that sum it up. Rows of a `ragged` table have empty cells beyond the header's, or
    lack their last ones: as many as are `short`, the first of them on `short_lines`. Of a sheet of several tables this
    is the one in the cells from `left` to before `right`, where that isn't 0; `others` says where the others are.
    `title` is what stands above it. In the columns `down`, empty cells hold what stands above them. Rows that are
    `headed` stand below others of one filled cell, which are none and make the first column (`down.headed`).
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
    totals: tuple[int, ...] = ()
    ragged: bool = False
    short: int = 0
    short_lines: tuple[int, ...] = ()
    left: int = 0
    right: int = 0
    others: tuple[str, ...] = ()
    title: str = ""
    down: tuple[str, ...] = ()
    headed: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), **{key: list(getattr(self, key)) for key in _LISTS}}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Dialect:
        return cls(**{**raw, **{key: tuple(raw.get(key, ())) for key in _LISTS}})

    @property
    def plain(self) -> bool:
        """Whether DuckDB can read the file as it is."""
        return not (self.skip or self.comment or self.end or self.totals or self.rewritten)

    @property
    def rewritten(self) -> bool:
        """Whether the table is written anew, cell by cell, for DuckDB to read: quotes in cells are doubled then."""
        return self.padded or self.ragged or self.right > 0 or bool(self.down or self.headed)

    @property
    def width(self) -> int:
        """How many cells a row has in the file."""
        return len(self.columns) - (self.headed == "within")

    def is_heading(self, record: Sequence[str]) -> bool:
        """Whether a record names the rows below it, and is none."""
        return bool(self.headed and record and record[0].strip()) and not any(map(str.strip, record[1:]))

    def reader(self, lines: Iterator[str]) -> Any:
        """The csv module's reader of this dialect, over the table's lines."""
        doubled = self.escape == self.quote
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            doublequote=doubled,
            escapechar=None if doubled else self.escape,
            skipinitialspace=self.padded,
            strict=True,
        )
        return _Cut(reader, self.left, self.right) if self.right else reader

    def lines(self, text: Iterator[str]) -> Iterator[tuple[int, str]]:
        """The lines of the table, each with its number in the file, from 1."""
        mark = _mark(self.comment) if self.comment else None
        for number, line in enumerate(text, 1):
            if self.end and number > self.end:
                return
            if number > self.skip and number not in self.totals and not (mark and mark.match(line)):
                yield number, line


_LISTS = ("columns", "totals", "short_lines", "others", "down")


class _Cut:
    """A reader of some of the cells; a record in which all of these are empty is one of an empty line."""

    def __init__(self, reader: Any, left: int, right: int) -> None:
        self._reader, self._cells, self._width = reader, slice(left, right), right - left

    @property
    def line_num(self) -> int:
        return int(self._reader.line_num)

    def __iter__(self) -> _Cut:
        return self

    def __next__(self) -> list[str]:
        cells: list[str] = next(self._reader)[self._cells]
        return cells + [""] * (self._width - len(cells)) if any(map(str.strip, cells)) else []


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
    comment, start, hidden = _comments(lines, start, given.get("comment"))
    found = _scored(lines[start:], claimed, comment, given)
    if "comment" not in given:
        found = [replace(dialect, comment=_between(dialect, lines, start, comment)) for dialect in found]
    parted = (_parted(dialect, lines, start, len(head) == _HEAD, given) for dialect in found)
    headed = (_with_header(dialect, lines, first, claimed, given, hidden) for dialect, first in parted)
    # Below the header of a file of semicolons, one at the front is an empty cell.
    mended = (replace(each, comment=None) if each.comment == each.delimiter else each for each in headed)
    titled = (
        replace(each, title=title_above(each.reader(iter(lines[start : each.skip])), len(each.columns)))
        for each in mended
    )
    ended = (_ended(dialect, path, [] if len(head) == _HEAD else lines, given) for dialect in titled)
    return [_down(dialect, lines, given) for dialect in ended]


def _down(dialect: Dialect, lines: Sequence[str], given: Mapping[str, Any]) -> Dialect:
    """The dialect with what is filled from above."""
    rows = [record for _, record in _numbered(dialect, lines, dialect.skip)][int(dialect.header) :]
    how = headed(rows) if len(dialect.columns) >= _FEWEST_HEADED else ""
    columns = unique((_HEADINGS, *dialect.columns)) if how == "within" else dialect.columns
    if how and columns[0] in given.get("filledDown", columns):
        return replace(dialect, columns=columns, headed=how)
    if "filledDown" in given:
        return replace(dialect, down=tuple(name for name in dialect.columns if name in given["filledDown"]))
    return replace(dialect, down=filled_down(dialect.columns, rows))


def _parted(
    dialect: Dialect, lines: Sequence[str], start: int, cut: bool, given: Mapping[str, Any]
) -> tuple[Dialect, int]:
    """The dialect of the largest of several tables, and how many lines come before that; that which its user names.

    Of a file that is `cut` after these lines the last table may go on.
    """
    first, column = given.get("firstLine"), given.get("firstColumn", 1)
    records = list(_numbered(dialect, lines, start, empty=True))
    tables = blocks(records)
    named = [each for each in tables if each.left == column - 1] if "firstColumn" in given else tables
    named = [each for each in named if each.first <= first <= each.last] if first else named
    if not named:
        right = max(len(record) for _, record in records) if column > 1 else 0
        return replace(dialect, left=column - 1, right=right), first - 1 if first else start
    table = max(named, key=lambda each: each.filled)
    goes_on = (cut or len(records) == _RECORDS) and table.last == max(each.last for each in tables)
    beside = any(each.first == table.first for each in tables if each is not table)
    return replace(
        dialect,
        end=None if goes_on else table.last,
        left=table.left if beside else 0,
        right=table.right if beside else 0,
        others=tuple(str(each) for each in tables if each is not table),
    ), (first or table.first) - 1


def _ended(dialect: Dialect, path: Path, lines: Sequence[str], given: Mapping[str, Any]) -> Dialect:
    """The dialect with the end of its table, and the totals in it; `lines` are those of a small file."""
    if "lastLine" in given:
        return replace(dialect, end=given["lastLine"])
    below = footers.below(path, dialect, dialect.end)
    ended = replace(dialect, end=below.last or dialect.end)
    records = list(_numbered(ended, lines, dialect.skip))[int(dialect.header) :]
    within = footers.within(records) if len(records) < _RECORDS - 1 else ()
    return replace(ended, totals=(*within, *below.totals))


def remarked(lines: Sequence[str]) -> str | None:
    """What all of these lines begin with, if remarks do and a blank follows it."""
    found = (each for each in _COMMENTS if all(map(_mark(each).match, lines)))
    mark = next(found, None)
    return mark if mark and all(line[len(mark) :].startswith(" ") for line in lines) else None


def _mark(comment: str) -> re.Pattern[str]:
    return _COMMENTS.get(comment) or re.compile(re.escape(comment))


def _comments(lines: Sequence[str], start: int, said: str | None) -> tuple[str | None, int, str]:
    """What comments begin with, where the table starts, and the mark before a header that may be the last comment."""
    marks = _COMMENTS if said is None else [said] if said else []
    comment = next((each for each in marks if _mark(each).match(lines[start])), None)
    if comment is None:
        return said or None, start, ""
    after, mark = start, _mark(comment)
    while after < len(lines) and (mark.match(lines[after]) or not lines[after].strip()):
        after += 1
    if after == len(lines) or (comment == ";" and not said and _are_cells(lines[start:after], lines[after])):
        return None, start, ""
    return comment, after, comment if mark.match(lines[after - 1]) else ""


def _are_cells(first: Sequence[str], row: str) -> bool:
    """Whether lines that begin with a semicolon are rows, or a header, with an empty cell in front."""
    alike = any(line.count(";") == row.count(";") for line in first)
    return alike and not (all(line.startswith("; ") for line in first if line.strip()) and "; " not in row)


def _between(dialect: Dialect, lines: Sequence[str], start: int, above: str | None) -> str | None:
    """What begins the remarks that stand among the rows: what those `above` them begin with, or a few lines.

    None if one of the lines may be a row: it has as many cells, and not, below such remarks, words among numbers.
    """
    records = list(_numbered(replace(dialect, comment=None), lines, start))
    width = _width([record for _, record in records]) if records else 0
    starts = {number for number, _ in records}
    last = max(starts, default=0)
    for comment in [above] if above else _COMMENTS:
        mark = _mark(comment)
        marked = {number for number, line in enumerate(lines, 1) if number > start and mark.match(line)}
        if not above and (not marked or comment == dialect.delimiter or width < 2):
            continue
        told = [record for number, record in records if number in marked]
        rows = [record for number, record in records if number not in marked and len(record) == width]
        typed = [n for n in range(width) if sum(is_typed(row[n]) for row in rows) >= _MOSTLY * len(rows)]
        remarks = all(len(each) != width or (above and any(not is_typed(each[n]) for n in typed)) for each in told)
        within = any(number not in starts for number in marked if number <= last)  # of a value over lines
        few = len(told) == len(marked) <= _MOST_REMARKS * len(records)
        if remarks and not within and ((told or comment not in _CAREFUL) if above else few):
            return comment
    return None


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
    records, _ = _records(dialect, lines)
    width = _width(records)
    cells = [cell for record in records for cell in record]
    even = sum(len(record) == width for record in records) >= 0.95 * len(records)
    return even and len(records[0]) == width and len(records) > 2 and sum(map(is_typed, cells)) >= 0.2 * len(cells)


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
    records, read = _records(dialect, lines)
    if not records:
        return 0.0
    width = _width(records)
    if width < 2:
        return 0.0
    even = sum(len(record) == width for record in records) / len(records)
    first = next((place for place, record in enumerate(records) if len(record) in (width, width - 1)), 0)
    cells = [cell for record in records if len(record) == width for cell in record]
    typed = sum(map(is_typed, cells)) / (len(cells) or 1)
    odd = sum(_wrapped(cell) for cell in cells) / (len(cells) or 1)
    blank = sum(cell.startswith(" ") for cell in cells) / (len(cells) or 1)
    score = even**2 * (width - 1) / width * (0.2 + typed) * (1 - 0.5 * odd) * (1 - 0.3 * blank)
    # The widest record of a preamble isn't a header, but a header that is narrower than its table is none.
    score *= 0.5 if first else 1.0 if len(records[0]) == width else 0.7
    simple = (dialect.quote == '"') + (dialect.escape == dialect.quote) + (not dialect.padded)
    return score * read * (1 + 0.001 * simple)


def _records(dialect: Dialect, lines: Sequence[str]) -> tuple[list[list[str]], float]:
    """The first records, as far as they can be read, and the share of the lines that could; blank lines are none."""
    found: list[list[str]] = []
    reader = dialect.reader(line for _, line in dialect.lines(iter(lines)))
    try:
        found.extend(filter(None, islice(reader, _RECORDS)))
    except csv.Error:
        return found, reader.line_num / len(lines)
    return found, 1.0


def _width(records: Sequence[Sequence[str]]) -> int:
    return Counter(map(len, records)).most_common(1)[0][0]


def _wrapped(cell: str) -> bool:
    """Whether quotes were left around or inside a cell."""
    text = cell.strip()
    if text.count('"') % 2:
        return True  # the other half of a pair is in another cell
    return len(text) > 1 and text[0] in "\"'" and (text[0] == text[-1] or text.count(text[0]) == 1)


def _with_header(
    dialect: Dialect, lines: Sequence[str], start: int, claimed: Format, given: Mapping[str, Any], hidden: str
) -> Dialect:
    """The dialect with the place of its header, and the names in it."""
    records = list(_numbered(dialect, lines, start))
    if not records:
        raise UnreadableDataset('a quoted value is not closed, or has text after its closing quote (")', start + 1)
    width = _width([record for _, record in records])
    begin = preamble([record for _, record in records], width)
    begin = begin or labelled([record for _, record in _numbered(dialect, lines, start, empty=True)], width)
    begin -= begin > 0 and bool(stacked([record for _, record in records[begin - 1 :]]))
    line, first = records[begin]
    body = [record for _, record in records[begin + 1 :]]
    if len(first) > MOST_COLUMNS:
        raise UnreadableDataset(f"expected at most {MOST_COLUMNS:,} columns, found {len(first):,}", line)
    if len(first) == 1 and "delimiter" not in given:
        _refuse_prose(lines, claimed)
    if hidden:
        # `#chrom,start,end`: the header is written as a comment.
        named: list[str] = next(dialect.reader(iter([_mark(hidden).sub("", lines[start - 1], count=1).lstrip()])), [])
        if len(named) == len(first) > 1 and not is_header(first, body):
            named[0] = named[0] or hidden  # a column of numbers may be called so
            return replace(dialect, skip=line - 1, header=False, columns=unique(named))
    header = given.get("header", is_header(first, body))
    if not header and "header" not in given and is_apart(first, body):
        return replace(dialect, skip=records[begin + 1][0] - 1, header=False, columns=unique([""] * len(first)))
    names = first if header else [""] * len(first)
    if header and len(first) == width - 1 and body and sum(len(each) == width for each in body) >= 0.9 * len(body):
        # R leaves the name of the rows' names out; others end each row with a separator, and the header with none.
        ended = not any(row[-1].strip() for row in body if len(row) == width)
        names = [*first, ""] if ended else ["", *first]
    elif header and len(first) == width + 1 and not first[-1].strip():
        names = first[:-1]  # a separator behind the last name, and none behind the values
    asked, many = described(first, body) if header and "header" not in given else ([], 0)
    if asked and len(body) > many:
        return replace(dialect, skip=records[begin + 1 + many][0] - 1, header=False, columns=unique(asked))
    if header and "header" not in given and (both := stacked([first, *body])):
        return replace(dialect, skip=records[begin + 2][0] - 1, header=False, columns=unique(both))
    if header and body and ruled(body[0]):
        return replace(dialect, skip=records[begin + 1][0], header=False, columns=unique(bare(names)))
    if header and "header" not in given and units_below(first, body):
        second = [
            f"{name} ({unit})" if name and unit else name or unit for name, unit in zip(names, body[0], strict=True)
        ]
        return replace(dialect, skip=records[begin + 2][0] - 1, header=False, columns=unique(second))
    asked, many = questioned(first, body) if header and "header" not in given else ([], 0)
    if asked:
        return replace(dialect, skip=records[begin + 1 + many][0] - 1, header=False, columns=unique(asked))
    return replace(dialect, skip=line - 1 if line > 1 else 0, header=header, columns=unique(bare(names)))


def _numbered(
    dialect: Dialect, lines: Sequence[str], start: int, *, empty: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The records from line `start`, each with the number of its first line; of an empty line none, or an empty one."""
    taken = [(number, line) for number, line in dialect.lines(iter(lines)) if number > start]
    reader = dialect.reader(line for _, line in taken)
    before = 0
    try:
        for record in islice(reader, _RECORDS):
            if record or empty:
                yield taken[before][0], record
            before = reader.line_num
    except csv.Error:
        return


def _refuse_prose(lines: Sequence[str], claimed: Format) -> None:
    """One column of long sentences is a text that somebody gave the wrong name."""
    some = [line for line in islice(lines, 50) if line.strip()]
    if sum(len(line.split()) for line in some) / len(some) > _PROSE_WORDS:
        raise UnreadableDataset(f"expected a header of columns and rows of values, as {claimed.title}, found prose", 1)
