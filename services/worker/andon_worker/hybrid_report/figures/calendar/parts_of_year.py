"""Columns named `Jan` to `Dec`, or `Q1` to `Q4`: their year is another column's, the title's, or nobody's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from andon.reports import Column
from andon.reports.duck import identifier
from andon.reports.values.moments import MONTHS
from andon_worker.hybrid_report.wording import NO_YEAR

_FEWEST_MONTHS, _QUARTERS = 3, 4
_QUARTER = re.compile(r"(?i)(?:q|qtr|quarter|quartal)[ ._]?([1-4])|([1-4])\.? ?(?:q|qtr|quarter|quartal)")
_POINTS = 10  # up to which the numbers of columns called Q1 to Q4 may be answers to four questions
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:\s?[/–-]\s?((?:19|20)?\d\d))?(?!\d)")

Parts = tuple[dict[str, str], str, str | None, str | None]
"""The columns with the SQL of when their period begins, its unit, the column of years, the year that is said."""


def parts_of_year(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], reading: Mapping[str, Any]
) -> Parts | None:
    """Three months or more that follow each other, or the four quarters; they may go beyond the end of a year.

    Beside a column of years they are those of each row, else of the year in the title or in the sheet's name. `Q1` to
    `Q4` alone may be questions: without a year they have fractions, or go beyond ten.
    """
    numbers = [c for c in columns if c.type in {"integer", "number"}]
    unit, found = "month", {c.name: n for c in numbers if (n := MONTHS.get(c.name.strip().lower().rstrip(".")))}
    if not found:
        quarters = {c.name: each for c in numbers if (each := _QUARTER.fullmatch(c.name.strip()))}
        unit, found = "quarter", {name: 3 * int(each[1] or each[2]) - 2 for name, each in quarters.items()}
    step, months = 1 if unit == "month" else 3, [*found.values()]
    # From the first month on, also into the next year.
    places = [(month - months[0]) % 12 for month in months]
    if places != [step * place for place in range(len(months))]:
        return None
    if len(months) < _FEWEST_MONTHS if unit == "month" else len(months) != _QUARTERS:
        return None
    years = [c for c in columns if c.dated and c.role == "year" and not c.of_origin]
    if len(years) > 1:
        return None
    goes_on = months[-1] < months[0]
    said = None if years else _said(reading, goes_on)
    if unit == "quarter" and not (years or said) and not _measured(connection, [c for c in numbers if c.name in found]):
        return None
    own = f"CAST({identifier(years[0].name)} AS VARCHAR)[1:4]::INTEGER" if years else said[:4] if said else str(NO_YEAR)
    starts = {name: f"make_date({own} + {int(month < months[0])}, {month}, 1)" for name, month in found.items()}
    return starts, unit, years[0].name if years else None, said


def _said(reading: Mapping[str, Any], goes_on: bool) -> str | None:
    """The only year in the title or the sheet's name; two that follow each other where the months go beyond one."""
    for text in (reading.get("title"), reading.get("sheet")):
        found: set[tuple[str, str]] = {(first, last[-2:]) for first, last in _YEAR.findall(text or "")}
        if len(found) == 1:
            [(first, last)] = found
            if goes_on and last and int(last) == (int(first) + 1) % 100:
                return f"{first}/{last}"
            if not goes_on and not last:
                return first
    return None


def _measured(connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]) -> bool:
    if any(column.type == "number" for column in columns):
        return True
    highest = ", ".join(f"max({identifier(column.name)})" for column in columns)
    row = connection.execute(f"SELECT greatest({highest}) FROM source").fetchone()
    return bool(row and row[0] is not None and row[0] > _POINTS)
