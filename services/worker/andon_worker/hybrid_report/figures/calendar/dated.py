"""Years in one column, and months, quarters, weeks or days in others: together they say when a row was."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from andon.reports import Column
from andon.reports.columns import Nature
from andon.reports.duck import identifier, literal
from andon.reports.values.moments import MONTHS
from andon_worker.hybrid_report.wording import listed

_ENDING = r"(?:[ _]?(?:no|nr|num|number|name|of[ _]year))?"
_NAMES = {
    "month": r"month|mnth|mon|monat|mois|mes|mês|mese|maand|månad|måned|miesiąc|měsíc|ay|kuukausi|月",
    "quarter": r"quarter|qtr|q|quartal|trimestre|kwartaal|kwartał|kvartal",
    "week": r"week|wk|kw|isoweek|iso[ _]week|woche|semaine|semana|settimana|vecka|uge|uke",
    "day": r"day|dom|day[ _]of[ _]month|tag|jour|día|dia|giorno|dag|日",
}
_MOST = {"month": 12, "quarter": 4, "week": 53, "day": 31}
_DIGITS = r"(?i)(?:q|t|kw|w)?[ .]?(\d{1,2})(?:\.| ?q)?"


def dated(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], scan: str, time: str | None
) -> tuple[Column, str] | None:
    """The column that they make, and its SQL over `scan`; None beside dates or a `time` that was chosen, or where there
    are no parts of years.

    Weeks are those of ISO 8601. Of several parts of a year the finest are taken that go together: months before
    quarters and weeks, and days with months.
    """
    if time is not None or any(c.temporal and not c.of_origin for c in columns):
        return None
    years = [c for c in columns if c.type == "integer" and c.role == "year" and not c.of_origin]
    if len(years) != 1:
        return None
    parts = {unit: sql for unit in _NAMES if (sql := _part(connection, columns, scan, unit))}
    year = f"CAST({identifier(years[0].name)} AS INTEGER)"
    chosen = next(
        (units for units in (("month", "day"), ("month",), ("quarter",), ("week",)) if parts.keys() >= {*units}), ()
    )
    if not chosen:
        return None
    first, *days = (parts[unit][1] for unit in chosen)
    if chosen[0] == "week":
        monday = f"date_trunc('week', make_date({year}, 1, 4)) + to_days(CAST(7 * ({first} - 1) AS INTEGER))"
        day = f"CAST({monday} AS DATE)"
    else:
        month = f"(3 * {first} - 2)" if chosen[0] == "quarter" else first
        day = f"try_cast({year} || '-' || {month} || '-' || {days[0] if days else '1'} AS DATE)"
    name = listed([years[0].name, *(parts[unit][0] for unit in chosen)])
    if name in {c.name for c in columns}:
        return None
    return Column(name, "date").with_role("date", Nature("apart", name)), day


def _part(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], scan: str, unit: str
) -> tuple[str, str] | None:
    """The column of such parts of a year, and the SQL of their numbers; all of its values are some."""
    named = re.compile(rf"(?i)(?:{_NAMES[unit]}){_ENDING}")
    found = [c for c in columns if c.type in {"integer", "text"} and named.fullmatch(c.name.strip())]
    # Of a name beside a number the number.
    for column in sorted(found, key=lambda c: c.type != "integer"):
        value = identifier(column.name)
        sql = f"CAST({value} AS INTEGER)" if column.type == "integer" else _worded(unit, value)
        row = connection.execute(
            f"SELECT count(DISTINCT {sql}), coalesce(bool_and({sql} BETWEEN 1 AND {_MOST[unit]}), false), "
            f"count(*) FILTER ({value} IS NOT NULL AND {sql} IS NULL) FROM {scan}"
        ).fetchone()
        if row is not None and row[0] > 1 and row[1] and not row[2]:
            return column.name, sql
    return None


def _worded(unit: str, value: str) -> str:
    """The number that a word is: `March`, `Q3`, `KW 12`."""
    digits = f"try_cast(regexp_extract(trim({value}), {literal('^' + _DIGITS + '$')}, 1) AS INTEGER)"
    if unit != "month":
        return digits
    cases = " ".join(f"WHEN {literal(name)} THEN {number}" for name, number in MONTHS.items())
    return f"coalesce(CASE lower(rtrim(trim({value}), '.')) {cases} END, {digits})"
