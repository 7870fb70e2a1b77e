"""Tables with a column per year, month or day: one measure, read as a value for each period."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import duckdb

from andon.reports import Column, ReportOptions
from andon.reports.duck import identifier, literal
from andon.reports.meaning.roles import Evidence, role_of
from andon_worker.hybrid_report.figures.calendar.parts_of_year import parts_of_year

VALUE = "value"
_FEWEST = 3
_CALLED = re.compile(r"(?i)(?:indicator|series|variable|measure)(?:[ _]?name)?")
_MOST_GROUPS = 30
_YEARS = re.compile(r"([A-Za-z]{0,3}[ _]?)((?:1[89]|20)\d\d)(?: \[YR\d{4}\])?")
_FORMS = (
    *("%Y-%m", "%Y/%m", "%YM%m", "%b %Y", "%b-%Y", "%b %y", "%b-%y", "%B %Y"),
    *("%Y-%m-%d", "%m/%d/%y", "%m/%d/%Y", "%d.%m.%Y", "%d/%m/%Y"),
)
_QUARTERS = re.compile(r"(?:(\d{4})[ -]?Q([1-4])|Q([1-4])[ -]?(\d{4}))")
_YEAR_AT_END = re.compile(r"[\s,:(–-]*(?:19|20)\d\d(?:[/–-]\d{2,4})?\)?\s*$")
_LONGEST = 40  # characters of a title that names a series
_RUNS = 3, 6  # periods of which some tables have a total of their own
_CLOSE = 1e-6  # of a total, beside what was rounded away of its parts


@dataclass(frozen=True)
class Across:
    """The columns of single periods, each with the SQL of when its own begins; `unit` is `year`, `month`, ...

    `within` is the column of years of which these are the months or quarters, `year` the one that the title or the
    sheet's name says; without either they are of no known year. `totals` are columns that add them up.
    """

    starts: dict[str, str]
    unit: str
    within: str | None = None
    year: str | None = None
    totals: tuple[str, ...] = ()

    def columns(self, columns: Sequence[Column], distinct: dict[str, int], name: str) -> tuple[Column, ...]:
        """The columns of the table that has a row for each period: what stays, when, and how much, called `name`."""
        first = next(c for c in columns if c.name in self.starts)
        if first.role == "measure" and name != VALUE:
            first = first.with_role(*role_of(name, "integer", Evidence()))
        if first.role == "measure" and self.totals:
            first = first.with_role("count", f"{self.totals[-1]} adds them up")
        kept = [c for c in columns if c.name not in {*self.starts, *self.totals, self.within}]
        kept = [
            c.with_role("category", "names a series")
            if c.type == "text" and c.role in {"id", "text"} and 1 < distinct[c.name] <= _MOST_GROUPS
            else c
            for c in kept
        ]
        when = Column(self.unit, "date", "year" if self.unit == "year" else "date", "the names of the columns")
        return (*kept, when, replace(first, name=name, type="number"))

    def sql(self, columns: Sequence[Column], name: str) -> str:
        """The rows that those columns have; each of the table's makes as many as there are periods."""
        kept = [identifier(c.name) for c in columns if c.name not in {*self.starts, *self.totals, self.within}]
        starts = f"unnest([{', '.join(self.starts.values())}]) AS {identifier(self.unit)}"
        values = ", ".join(f"CAST({identifier(name)} AS DOUBLE)" for name in self.starts)
        return f"SELECT {', '.join([*kept, starts, f'unnest([{values}]) AS {identifier(name)}'])} FROM source"


def across(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], options: ReportOptions, reading: Mapping[str, Any]
) -> Across | None:
    """The periods that a table's columns stand for, if they do: of numbers alone, three or more, in order, as they are
    called in one way; and unless the options name one of them. The rows are those of `source`."""
    numbers = [c for c in columns if c.type in {"integer", "number"}]
    found = _dated([c.name for c in numbers])
    if found is None and (parts := parts_of_year(connection, columns, reading)):
        found = Across(*parts)
    chosen = {*options.measures, *options.group_by, options.question, options.time_column} - {None}
    if found is None or chosen & {*found.starts, found.within} or {c.name for c in columns} & {found.unit, VALUE}:
        return None
    return replace(found, totals=_totals(connection, [*found.starts], [c.name for c in numbers]))


def _dated(names: Sequence[str]) -> Across | None:
    """Of names that say the year, too."""
    for unit, read in (("year", _years), ("quarter", _quarters), ("month", _days), ("day", _days)):
        found = read([name for name in names if any(map(str.isdigit, name))])
        if unit in {"month", "day"} and found and all(start.day == 1 for start in found.values()) != (unit == "month"):
            continue
        told = list(found.values())
        ordered = all(a < b for a, b in pairwise(told)) or all(a > b for a, b in pairwise(told))
        if len(found) >= _FEWEST and ordered:
            return Across({name: f"DATE {literal(start.isoformat())}" for name, start in found.items()}, unit)
    return None


def _totals(connection: duckdb.DuckDBPyConnection, starts: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
    """The columns that are the sum of all periods, the last of them first, or of some that follow each other."""
    others = [name for name in names if name not in starts]
    runs = [starts[at : at + many] for many in (len(starts), *_RUNS) for at in range(0, len(starts) - many + 1, many)]
    found = []
    for name in others:
        own = f"CAST({identifier(name)} AS DOUBLE)"
        tried = []
        for run in runs:
            parts = [f"coalesce(CAST({identifier(each)} AS DOUBLE), 0)" for each in run]
            tried.append(f"bool_and(abs({own} - ({' + '.join(parts)})) <= {_CLOSE} * abs({own}) + 0.005 * {len(run)})")
        row = connection.execute(
            f"SELECT count({own}), count(DISTINCT {own}), {', '.join(tried)} FROM source"
        ).fetchone()
        if row is not None and row[0] and row[1] > 1 and any(row[2:]):
            found.append(name)
    return tuple(found)


def titled(reading: Mapping[str, Any]) -> str | None:
    """What the title above the table says that its values are, without the year; None of one that names no amounts,
    counts, spans or shares."""
    title = _YEAR_AT_END.sub("", reading.get("title", ""))
    named = 0 < len(title) <= _LONGEST and role_of(title, "integer", Evidence())[0] != "measure"
    return title if named else None


def subject(columns: Sequence[Column], distinct: dict[str, int]) -> str | None:
    """The column that says what the values are of, where it says one thing."""
    return next((c.name for c in columns if _CALLED.fullmatch(c.name) and distinct.get(c.name) == 1), None)


def _years(names: Sequence[str]) -> dict[str, date]:
    """Bare, or all behind the same letters, as in `Y1961` and `FY 2019`."""
    found = {name: _YEARS.fullmatch(name) for name in names}
    prefixes = {each[1] for each in found.values() if each}
    return {name: date(int(each[2]), 1, 1) for name, each in found.items() if each} if len(prefixes) == 1 else {}


def _quarters(names: Sequence[str]) -> dict[str, date]:
    found = {name: _QUARTERS.fullmatch(name) for name in names}
    return {
        name: date(int(each[1] or each[4]), 3 * int(each[2] or each[3]) - 2, 1) for name, each in found.items() if each
    }


def _days(names: Sequence[str]) -> dict[str, date]:
    """In the form that most of them are in."""
    return max((_in(form, names) for form in _FORMS), key=len, default={})


def _in(form: str, names: Sequence[str]) -> dict[str, date]:
    found = {}
    for name in names:
        try:
            found[name] = datetime.strptime(name.strip(), form).date()
        except ValueError:
            continue
    return found
