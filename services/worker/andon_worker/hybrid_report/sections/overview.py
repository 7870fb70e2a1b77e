"""Section "overview": size, columns and the first rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon.reports.columns import AVERAGED
from andon.reports.duck import identifier
from andon.reports.options import MEASURABLE
from andon.reports.values.bounds import is_bound
from andon.reports.values.clock import HOURS
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.drawing import FULL
from andon_worker.hybrid_report.figures.missing import either, explained
from andon_worker.hybrid_report.figures.promises.over import over
from andon_worker.hybrid_report.figures.table import clean, open_table
from andon_worker.hybrid_report.section import Figure, Grid, Result, Section, Sentence
from andon_worker.hybrid_report.wording import MISSING, WHOLE, Wording, brief, label, some

_MOST_BARS = 15
_FIRST_ROWS = 5
_FIRST_COLUMNS = 8
_CENTS = 2  # decimals of an amount that has any


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{rows, cells, missingCells, exactDistinct, columnsOmitted, columns: [...], firstRows: {columns, rows},
    periods, either, explained}`.

    `periods` is `{unit, count, first, last, year, totals}` of a table with a column per year, month or day, else null;
    `year` is what the title says of those whose names don't, `totals` the columns that add them up.
    `either` are two columns each, of which every row has one alone; `explained` as in `missing.explained`, `over` dates
    of an end, `{column, rows}`, empty where something goes on. A column is `{name, type, role, unit, missing, bounds,
    distinct, firstsOf}`: `bounds` are cells as `<1`, which aren't `missing`, `firstsOf` the month or quarter of which
    dates are first days; `missingCells` covers the columns shown. The first rows are text, of eight columns.
    """
    with open_table(parquet, options, control) as table:
        chosen = table.columns[: options.max_columns]
        control.progress(0.1, "distinct values")
        found = table.distinct(chosen)
        bounded = {c.name: sum(each.count for each in c.missing if is_bound(each.token)) for c in chosen}
        columns = [
            {
                "name": column.name,
                "type": column.type,
                "role": column.role,
                "unit": column.unit,
                "missing": table.rows - found[column.name][0] - bounded[column.name],
                "bounds": bounded[column.name],
                "firstsOf": table.seen[column.name].unit,
                "distinct": found[column.name][1],
            }
            for column in chosen
        ]
        shown = [column.name for column in chosen[:_FIRST_COLUMNS]]
        periods = table.across
        starts = list(periods.starts) if periods else []
        first = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in shown)
        rows = table.all(f"SELECT {first} FROM data LIMIT {_FIRST_ROWS}")
        return clean(
            {
                "rows": table.rows,
                "cells": table.rows * len(chosen),
                "missingCells": sum(column["missing"] for column in columns),
                "exactDistinct": table.exact,
                "either": either(table, {name: count for name, (count, _) in found.items()}),
                "explained": explained(table),
                "over": [{"column": each.column, "rows": each.rows} for each in over(table)],
                "columnsOmitted": len(table.columns) - len(chosen),
                "columns": columns,
                "periods": {
                    "unit": periods.unit,
                    "count": len(starts),
                    "first": starts[0],
                    "last": starts[-1],
                    "year": periods.year,
                    "totals": periods.totals,
                }
                if periods
                else None,
                "firstRows": {
                    "columns": shown,
                    "rows": [[None if value is None else label(value, 60) for value in row] for row in rows],
                },
            }
        )


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    columns, rows = result["columns"], result["rows"]
    width = len(columns) + result["columnsOmitted"]
    told = [Sentence(f"The dataset has {wording.count(rows, 'row')} and {wording.count(width, 'column')}.")]
    told += [Sentence(f"Each row has either {brief(a)} or {brief(b)}.") for a, b in result["either"]]
    told += _explained(result, wording)
    told += [
        Sentence(
            f"{brief(each['column'])} is empty in {wording.count(each['rows'], 'row')} "
            f"({wording.percent(each['rows'], rows)}), which are taken as those that haven't ended."
        )
        for each in result.get("over", [])
    ]
    told.append(_missing(result, wording))
    if bounded := [f"{brief(c['name'])} ({wording.number(c['bounds'])})" for c in columns if c["bounds"]]:
        told.append(
            Sentence(f"Some cells hold a bound, as “<1”, and are neither missing nor a value: {some(bounded)}.")
        )
    if periods := result["periods"]:
        told.append(_periods(periods, wording))
    # Fractions that happen to differ identify nothing.
    named = [c for c in columns if c["role"] not in AVERAGED]
    keys = [brief(c["name"]) for c in named if result["exactDistinct"] and c["distinct"] == rows > 1]
    if keys:
        each = "identifies" if len(keys) == 1 else "each identify"
        told.append(Sentence(f"{some(keys)} {each} every row: no value repeats."))
    if result["columnsOmitted"]:
        further = wording.count(result["columnsOmitted"], "further column")
        told.append(Sentence(f"{further} went unexamined, by the option maxColumns."))
    return told


def _periods(periods: dict[str, Any], wording: Wording) -> Sentence:
    year = f" of {periods['year']}, as its title says" if periods["year"] else ""
    said = (
        f"The {wording.count(periods['count'], 'column')} from {brief(periods['first'])} to {brief(periods['last'])} "
        f"hold a value for each {periods['unit']}{year}: the sections on trends, drivers, outliers and groups take "
        "them as one column"
    )
    if totals := [brief(name) for name in periods["totals"]]:
        said += f", without {some(totals)}, which {'adds' if len(totals) == 1 else 'add'} them up"
    return Sentence(f"{said}.")


def _explained(result: Result, wording: Wording) -> list[Sentence]:
    """Which columns are empty in some kinds of rows, for these have none."""
    names: dict[tuple[str, ...], list[str]] = {}
    rows: dict[tuple[str, ...], int] = {}
    for name, told in result.get("explained", {}).items():
        where = (told["by"], *told["values"])
        names.setdefault(where, []).append(brief(name))
        rows[where] = told["rows"]
    return [
        Sentence(
            f"{some(each)} {'is' if len(each) == 1 else 'are'} missing exactly where {brief(by)} is "
            f"{_either(values)} ({wording.count(rows[(by, *values)], 'row')}): these have none."
        )
        for (by, *values), each in names.items()
    ]


def _either(values: list[str]) -> str:
    *others, last = (f"“{label(value, 30)}”" for value in values)
    return f"{', '.join(others)} or {last}" if others else last


def _gaps(result: Result) -> list[dict[str, Any]]:
    """The columns with missing values, those of most first; without those that are empty where another is filled."""
    filled = {name for pair in result["either"] for name in pair} | result.get("explained", {}).keys()
    filled |= {each["column"] for each in result.get("over", [])}
    gaps = (c for c in result["columns"] if c["missing"] and c["name"] not in filled)
    return sorted(gaps, key=lambda c: -c["missing"])


def _missing(result: Result, wording: Wording) -> Sentence:
    gaps = _gaps(result)
    if not gaps:
        other = "other " if result["either"] or result.get("explained") or result.get("over") else ""
        return Sentence(f"No {other}value is missing.")
    most, cells = gaps[0], sum(c["missing"] for c in gaps)
    share = most["missing"] / result["rows"]
    # A column without any value is a remark, no finding.
    effect = 0.6 * share if 0.05 <= share < 1 else 0.0
    if len(gaps) > 1 and gaps[-1]["missing"] == most["missing"]:
        each = f"in {wording.count(len(gaps), 'column')}, {wording.percent(share, 1)} of the rows of each"
        said = f"{wording.percent(cells, result['cells'])} of all values are missing, {each}."
        return Sentence(said, effect, "missing")
    where = "all of them in" if len(gaps) == 1 else f"in {wording.count(len(gaps), 'column')}; most in"
    return Sentence(
        f"{wording.percent(cells, result['cells'])} of all values are missing, {where} "
        f"{brief(most['name'])} ({wording.percent(most['missing'], result['rows'])} of its rows).",
        # That many leave a remark out is none.
        effect=effect if most["role"] != "text" else 0.0,
        figure="missing" if len(gaps) > 1 else "",
    )


def figures(result: Result, wording: Wording) -> list[Figure]:
    gaps = _gaps(result)
    if len(gaps) < 2:
        return []  # the sentence says it
    rows = [
        Bar(brief(c["name"]), c["missing"], wording.percent(c["missing"], result["rows"])) for c in gaps[:_MOST_BARS]
    ]
    note = "share of rows"
    if len(gaps) > len(rows):
        note += f"; the {len(rows)} columns with most of {wording.number(len(gaps))} that have any"
    return [Figure("missing", "Missing values", note, charts.bars("Missing values by column", rows, FULL))]


def grids(result: Result, wording: Wording) -> list[Grid]:
    about = "" if result["exactDistinct"] else "about "
    bounded = any(c["bounds"] for c in result["columns"])
    rows = [
        (
            label(c["name"], WHOLE),
            _kind(c),
            wording.number(c["missing"]),
            wording.percent(c["missing"], result["rows"]),
            *([wording.number(c["bounds"])] if bounded else []),
            about + wording.number(c["distinct"]),
        )
        for c in result["columns"]
    ]
    first = result["firstRows"]
    width = len(first["columns"])
    types = {c["name"]: c for c in result["columns"]}
    shown = [types[name] for name in first["columns"]]
    written = [_column([row[place] for row in first["rows"]], c, wording) for place, c in enumerate(shown)]
    cells = list(zip(*written, strict=True))
    numbers = frozenset(place for place, c in enumerate(shown) if _is_measured(c))
    caption = "The first rows" + (f" (of the first {width} columns)" if width < len(result["columns"]) else "")
    return [
        Grid(
            "Columns",
            ("Column", "Read as", "Missing", "Share", *(["Bounds"] if bounded else []), "Distinct values"),
            rows,
            words=2,
        ),
        Grid(caption, tuple(brief(c["name"]) for c in shown), cells, words=width, numbers=numbers),
    ]


def _column(values: list[str | None], column: dict[str, Any], wording: Wording) -> list[str]:
    """Values as the tables below write them, numbers with as many decimals; names made of digits and years as they
    are."""
    if not _is_measured(column) or column["unit"] == HOURS:
        return [MISSING if value is None else _cell(value, column, wording) for value in values]
    numbers = [None if value is None else float(value) for value in values]
    return list(map(wording.exactly(numbers, _CENTS if column["role"] == "money" else 0), numbers))


def _cell(value: str, column: dict[str, Any], wording: Wording) -> str:
    if column["role"] == "year":
        return value[:4] if column["type"] == "date" else value
    if column["firstsOf"]:
        return wording.short_period(value, column["firstsOf"])
    return wording.clock(float(value)) if column["unit"] == HOURS else label(value, 40)


def _is_measured(column: dict[str, Any]) -> bool:
    return column["type"] in MEASURABLE and column["role"] in AVERAGED


def _kind(column: dict[str, Any]) -> str:
    """What a column was read as: its role, with its type where that says more."""
    role, type_ = column["role"], column["type"]
    about = [*([] if role in {type_, "date", "text"} else [type_]), *filter(None, [column["unit"]])]
    return f"{role} ({', '.join(about)})" if about else role


SECTION = Section("overview", "Overview", compute, sentences, figures, grids)
