"""Tables with a column per year, month or day: one measure, read as a value for each period."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise

from andon.reports import Column, ReportOptions
from andon.reports.duck import identifier, literal

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
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class Across:
    """The columns of single periods, each with the SQL of when its own begins; `unit` is `year`, `month`, ...

    `within` is the column of years of which these are the months.
    """

    starts: dict[str, str]
    unit: str
    within: str | None = None

    def columns(self, columns: Sequence[Column], distinct: dict[str, int], name: str) -> tuple[Column, ...]:
        """The columns of the table that has a row for each period: what stays, when, and how much, called `name`."""
        first = next(c for c in columns if c.name in self.starts)
        kept = [c for c in columns if c.name not in self.starts and c.name != self.within]
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
        kept = [identifier(c.name) for c in columns if c.name not in self.starts and c.name != self.within]
        starts = f"unnest([{', '.join(self.starts.values())}]) AS {identifier(self.unit)}"
        values = ", ".join(f"CAST({identifier(name)} AS DOUBLE)" for name in self.starts)
        return f"SELECT {', '.join([*kept, starts, f'unnest([{values}]) AS {identifier(name)}'])} FROM source"


def across(columns: Sequence[Column], options: ReportOptions) -> Across | None:
    """The periods that a table's columns stand for, if they do: of numbers alone, three or more, in order, as they are
    called in one way; and unless the options name one of them."""
    names = [c.name for c in columns if c.type in {"integer", "number"}]
    chosen = {*options.measures, *options.group_by, options.question, options.time_column}
    taken = {c.name for c in columns}
    for unit, read in (("year", _years), ("quarter", _quarters), ("month", _days), ("day", _days)):
        found = read([name for name in names if any(map(str.isdigit, name))])
        if unit in {"month", "day"} and found and all(start.day == 1 for start in found.values()) != (unit == "month"):
            continue
        told = list(found.values())
        ordered = all(a < b for a, b in pairwise(told)) or all(a > b for a, b in pairwise(told))
        if len(found) >= _FEWEST and ordered and not chosen & found.keys() and not taken & {unit, VALUE}:
            return Across({name: f"DATE {literal(start.isoformat())}" for name, start in found.items()}, unit)
    return _months_of_years(columns, chosen, taken)


def subject(columns: Sequence[Column], distinct: dict[str, int]) -> str | None:
    """The column that says what the values are of, where it says one thing."""
    return next((c.name for c in columns if _CALLED.fullmatch(c.name) and distinct.get(c.name) == 1), None)


def _months_of_years(columns: Sequence[Column], chosen: set[str | None], taken: set[str]) -> Across | None:
    """Twelve months beside a column of years."""
    years = [c.name for c in columns if c.dated and c.role == "year"]
    months = [c.name for c in columns if c.type in {"integer", "number"} and c.name.strip().lower()[:3] in _MONTHS]
    if len(years) != 1 or [name.strip().lower()[:3] for name in months] != list(_MONTHS) or chosen & {*years, *months}:
        return None
    if taken & {"month", VALUE}:
        return None
    year = identifier(years[0])
    return Across({name: f"make_date(year({year}), {n}, 1)" for n, name in enumerate(months, 1)}, "month", years[0])


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
