"""Section "quality": what to know of the data before trusting a figure: placeholders, gaps, repeated rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Series
from andon_worker.hybrid_report.figures import choose, missing
from andon_worker.hybrid_report.figures.alerts import Alert, alerts
from andon_worker.hybrid_report.figures.computed.copies import copies
from andon_worker.hybrid_report.figures.computed.products import made, products
from andon_worker.hybrid_report.figures.computed.sums import Sum, is_part, rounded, sums
from andon_worker.hybrid_report.figures.computed.twins import twins
from andon_worker.hybrid_report.figures.durations import durations
from andon_worker.hybrid_report.figures.table import Table, clean, open_table
from andon_worker.hybrid_report.figures.times.stuck import stuck
from andon_worker.hybrid_report.provenance import provenance, provenance_grids, reading_sentences, unread_sentences
from andon_worker.hybrid_report.section import Figure, Grid, Result, Section, Sentence
from andon_worker.hybrid_report.wording import MISSING, WHOLE, Wording, brief, label, listed, some

_SHOWN_REPEATS = 5
_SHOWN_COLUMNS = 7
_WITH_GAPS = 12
_UNEVEN_OVER_TIME = 0.15
_APART = 0.05  # different values per row, from which a column tells rows apart


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{rows, repeatedRows, coarse, repeats: {columns, rows: [{times, cells}]}, alerts, durations, missing, read}`.

    `coarse` says that no column tells rows apart, so that some repeat others by nature. `repeatedRows` counts the rows
    that repeat an earlier one; rows are compared by a 64-bit hash, so that fifty million of them fit.
    `repeats` shows the first of those that stand most often, as text, of the first seven columns.
    `alerts` are as in `alerts.alerts`, `sum` of a column and those whose sum it is, `rounded` if but for rounding,
    `product` as in `products.products`, `stuck` of readings that stood still, as in `stuck.stuck`, and `copies` of a
    column and those that nearly repeat it; `twins` of a column and one that names the same things; `read` as in
    `provenance`;
    `missing` is `{patterns, sets, overTime}` as in `missing`; `durations` are `{name, start, end, unit, rows, without,
    back, unfinished, late}`, computed from two dates each, see `durations.Duration`.
    """
    with open_table(parquet, options, control) as table:
        chosen = table.columns[: options.max_columns]
        found = alerts(table, chosen) + _sums(table)
        found += [{"kind": "product"} | each for each in products(table)]
        identical = {name for alert in found if alert["kind"] == "identical" for name in alert["columns"][1:]}
        found += [
            {"kind": "twins", "columns": [of, name]} for name, of in twins(table).items() if name not in identical
        ]
        found += _copies(copies(table), identical, made(table))
        counts = {column.name: table.seen[column.name].count for column in chosen}
        gaps = sorted((name for name, n in counts.items() if 0 < n < table.rows), key=lambda name: counts[name])
        control.progress(0.6, "missing values")
        time = choose.time_column(table, options)
        found += stuck(table, time)
        filled = {name for pair in missing.either(table, counts) for name in pair} | missing.explained(table).keys()
        gaps = [name for name in gaps if name not in filled]
        lacking = [name for name in gaps if name != time]
        missed = missing.together(table, gaps[:_WITH_GAPS]) | {
            "overTime": missing.over_time(table, time, lacking)
            if lacking and time in {c.name for c in table.temporal}
            else None
        }
        control.progress(0.7, "repeated rows")
        repeated = _repeated(table)
        finest = max(table.seen[column.name].distinct for column in table.columns)
        shown = [column.name for column in chosen[:_SHOWN_COLUMNS]]
        return clean(
            {
                "rows": table.rows,
                "repeatedRows": repeated,
                "coarse": finest < _APART * table.rows,
                "repeats": {"columns": shown, "rows": _repeats(table, shown) if repeated else []},
                "alerts": found,
                "durations": [
                    {"name": d.name, "start": d.start, "end": d.end, "unit": d.unit}
                    | {"rows": d.rows, "without": d.without, "back": d.back, "unfinished": d.unfinished, "late": d.late}
                    for d in durations(table, {*options.measures, str(options.question)})
                ],
                "read": provenance(table.reading, chosen),
                "missing": missed,
            }
        )


def _sums(table: Table) -> list[Alert]:
    off = rounded(table)
    return [{"kind": "sum", "columns": list(each), "rounded": each[0] in off} for each in sums(table)]


def _copies(alike: dict[str, str], identical: set[str], computed: list[Sum]) -> list[Alert]:
    """Those of which nothing is told yet: no identical columns, none computed from each other."""
    untold = {name: of for name, of in alike.items() if name not in identical and not is_part(name, of, computed)}
    return [
        {"kind": "copies", "columns": [of, *(name for name in untold if untold[name] == of)]}
        for of in dict.fromkeys(untold.values())
    ]


def _hash(table: Table) -> str:
    return f"hash({', '.join(identifier(column.name) for column in table.columns)})"


def _repeated(table: Table) -> int:
    likely = [column for column in table.columns if column.type == "integer" and _likely_key(table, column)]
    if (table.rows, table.rows) in table.distinct(likely).values():
        return 0  # a row that has a key repeats no other
    (distinct,) = table.one(f"SELECT count(DISTINCT {_hash(table)}) FROM data")
    return int(table.rows - distinct)


def _likely_key(table: Table, column: Column) -> bool:
    """Whether a whole number may be a key, and a bitmap shows it at once."""
    seen = table.seen[column.name]
    wide = (seen.high or 0) - (seen.low or 0) > 4 * table.rows + 1_000
    return table.exact and seen.distinct >= 0.9 * table.rows and not wide


def _repeats(table: Table, shown: list[str]) -> list[dict[str, Any]]:
    """The rows that stand most often; found by their hash, and only then read."""
    often = table.all(
        f"SELECT {_hash(table)} AS h, count(*) AS n FROM data GROUP BY h HAVING n > 1 ORDER BY n DESC, h "
        f"LIMIT {_SHOWN_REPEATS}"
    )
    cells = ", ".join(f"CAST({identifier(name)} AS VARCHAR)" for name in shown)
    found = table.connection.execute(
        f"SELECT {_hash(table)}, {cells} FROM data WHERE {_hash(table)} IN (SELECT unnest($1)) ",
        [[h for h, _ in often]],
    )
    rows: dict[int, list[str | None]] = {}
    while len(rows) < len(often) and (row := found.fetchone()):
        rows.setdefault(row[0], [None if value is None else label(value, 40) for value in row[1:]])
    return [{"times": n, "cells": rows[h]} for h, n in often if h in rows]


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    told = [*reading_sentences(result["read"], wording), *unread_sentences(result["read"], wording)]
    told += [_say(alert, wording) for alert in result["alerts"] if alert["kind"] in _SAID]
    told += [_lasted(each, wording) for each in result["durations"]]
    told += _repeated_words(result, wording)
    told += _missing_words(result, wording)
    return told if told or result["alerts"] else [Sentence("Nothing in the columns calls for caution.")]


_SAID = {"placeholder", "identical", "twins", "copies", "repeatedKey", "totals", "variants", "sum", "product", "stuck"}


def _formula(alert: Alert, wording: Wording) -> str:
    """What a column is computed by, in words: `quantity × price × (1 − discount)`."""
    signs = str(alert["formula"]).replace("*", "×").replace("-", "−").replace("/", "÷")
    said = signs.format(*(brief(name) for name in alert["columns"][1:]))
    return said if alert["factor"] == 1 else f"{said} × {wording.exact(float(format(alert['factor'], '.4g')))}"


def _say(alert: Alert, wording: Wording) -> Sentence:
    name = brief(alert["columns"][0])
    match alert["kind"]:
        case "placeholder":
            value = alert["value"]
            spelled = wording.moment(value) if isinstance(value, str) else wording.exact(value)
            mean = alert["meanWithout"]
            without = "" if mean is None else f"; without it the mean is {wording.number(mean)}"
            return Sentence(
                f"{name} is {spelled} in {wording.count(alert['rows'], 'row')}, far from all its other values: it "
                f"looks like a placeholder for no value{without}.",
                effect=0.65,
                about=(alert["columns"][0], "placeholder"),
            )
        case "stuck":
            since, until = (wording.moment(alert[end]) for end in ("from", "to"))
            of = f" of {brief(alert['by'])} {label(alert['of'], 40)}" if alert["by"] else ""
            return Sentence(
                f"{name}{of} is {wording.exact(alert['value'])} in {wording.count(alert['rows'], 'row')} on end, from "
                f"{since} to {until}, and hardly ever stays the same for more than {wording.number(alert['usual'])} "
                "otherwise: it may have been stuck.",
                effect=0.5,
                about=(alert["columns"][0], "stuck"),
            )
        case "identical":
            return Sentence(f"{name} and {brief(alert['columns'][1])} have the same value in every row.", effect=0.3)
        case "twins":
            return Sentence(
                f"{brief(alert['columns'][1])} and {name} name the same things, one by one: what is found of {name} "
                "holds for both, and is told once."
            )
        case "copies":
            others = [brief(each) for each in alert["columns"][1:]]
            one = len(others) == 1
            return Sentence(
                f"{some(others)} nearly {'repeats' if one else 'repeat'} {name}: what is found of it holds for "
                f"{'both' if one else 'all of them'}, and is told once.",
                effect=0.3,
                about=tuple(alert["columns"]),
            )
        case "sum":
            return Sentence(
                f"{name} is the sum of {some([brief(each) for each in alert['columns'][1:]])} in every row"
                + (", but for rounding." if alert.get("rounded") else ".")
            )
        case "product":
            return Sentence(f"{name} is computed: it is {_formula(alert, wording)} in every row, but for rounding.")
        case "totals":
            words, rows = listed([f"“{value}”" for value in alert["values"]]), alert["rows"]
            these = "it sums" if rows == 1 else "these sum"
            return Sentence(
                f"{name} is {words} in {wording.count(rows, 'row')}: if {these} up others, sums and counts hold them "
                "twice.",
                effect=0.55,
            )
        case "repeatedKey":
            return Sentence(
                f"{name} names its rows, but {wording.count(alert['repeats'], 'row')} "
                f"{'repeats' if alert['repeats'] == 1 else 'repeat'} a value that stood before.",
                effect=0.4,
            )
        case _:
            pairs = [" and ".join(f"“{value}”" for value in each) for each in alert["examples"]]
            return Sentence(
                f"{name} spells {wording.count(alert['count'], 'value')} in several ways that differ in case or spaces "
                f"alone: {some(pairs, 3)}.",
                effect=0.35,
            )


def _lasted(found: dict[str, Any], wording: Wording) -> Sentence:
    """What is computed from two dates, and in which rows it isn't."""
    start, end = brief(found["start"]), brief(found["end"])
    said = f"{brief(found['name'])} are computed, for the {wording.count(found['rows'], 'row')} "
    said += (
        f"in which {end} follows {start}" if not found["late"] else f"that have both, below zero where {end} is early"
    )
    if found["without"]:
        said += f"; {end} is missing in {wording.count(found['without'], 'row')}"
    if found["back"]:
        early = "earlier than" if found["late"] else "before"
        said += f"; {end} is {early} {start} in {wording.count(found['back'], 'row')}"
    if found["unfinished"]:
        said += ". They have no trend: of the last rows only those are over that were short"
    return Sentence(f"{said}.")


def _repeated_words(result: Result, wording: Wording) -> list[Sentence]:
    many, rows = result["repeatedRows"], result["rows"]
    if not many:
        return []
    said = f"{wording.count(many, 'row')} ({wording.percent(many, rows)}) {'repeats' if many == 1 else 'repeat'}"
    # Rows of a few columns, or of coarse ones alone, repeat by nature.
    effect = min(0.5, 2 * many / rows) * (1 if len(result["repeats"]["columns"]) >= 5 else 0.3)
    effect = 0.0 if result.get("coarse") else effect
    return [Sentence(f"{said} an earlier row exactly.", effect=effect)]


def _missing_words(result: Result, wording: Wording) -> list[Sentence]:
    told = []
    rows = {tuple(p["columns"]): p["rows"] for p in result["missing"]["patterns"]}
    for names in result["missing"]["sets"][:3]:
        many = max((n for columns, n in rows.items() if set(names) <= set(columns)), default=0)
        told.append(
            Sentence(
                f"{some([brief(name) for name in names])} are missing in nearly the same rows"
                + (f" ({wording.count(many, 'row')})." if many else "."),
                effect=min(0.4, many / result["rows"]),
            )
        )
    for column in _uneven(result):
        unit, most, least = result["missing"]["overTime"]["unit"], column["most"], column["least"]
        told.append(
            Sentence(
                f"{brief(column['name'])} is missing most {wording.at(most['start'], unit)} "
                f"({wording.percent(most['share'], 1)} of the rows) and least "
                f"{wording.at(least['start'], unit)} ({wording.percent(least['share'], 1)}).",
                effect=0.5 * (most["share"] - least["share"]),
                figure="missing-over-time",
            )
        )
    return told


def _uneven(result: Result) -> list[dict[str, Any]]:
    """The columns whose gaps come and go; of those missing in the same rows, the first."""
    over = result["missing"]["overTime"]
    found: list[dict[str, Any]] = []
    for column in over["columns"] if over else []:
        same = next((names for names in result["missing"]["sets"] if column["name"] in names), [""])
        told = any(each["name"] in same for each in found)
        if not told and column["most"]["share"] - column["least"]["share"] >= _UNEVEN_OVER_TIME:
            found.append(column)
    return found


def figures(result: Result, wording: Wording) -> list[Figure]:
    uneven = _uneven(result)
    if not uneven:
        return []
    series = [
        Series(brief(column["name"]), [(start, 100 * share) for start, share in column["points"]]) for column in uneven
    ]
    drawing = charts.line("Missing values over time", series, wording, zero=True)
    per = result["missing"]["overTime"]["unit"]
    names = "" if len(series) > 1 else f"{series[0].name}, "
    return [Figure("missing-over-time", "Missing values over time", f"{names}% of the rows per {per}", drawing)]


def grids(result: Result, wording: Wording) -> list[Grid]:
    remarks = [
        (listed([label(name, WHOLE) for name in alert["columns"]]), *_remark(alert, wording))
        for alert in result["alerts"]
        if alert["kind"] not in _SAID
    ]
    patterns = [
        (some([label(name, WHOLE) for name in pattern["columns"]], 6), wording.number(pattern["rows"]))
        for pattern in result["missing"]["patterns"]
    ]
    repeats = [
        (*(MISSING if cell is None else label(cell, 24) for cell in row["cells"]), wording.number(row["times"]))
        for row in result["repeats"]["rows"]
    ]
    columns = [brief(name) for name in result["repeats"]["columns"]]
    return [
        Grid("Remarks on columns", ("Column", "Remark", "How much"), remarks, words=3),
        Grid("Which values are missing together", ("Missing in the same row", "Rows"), patterns),
        Grid("Rows that stand most often", (*columns, "Times"), repeats, words=len(columns)),
        *provenance_grids(result["read"], wording),
    ]


def _remark(alert: Alert, wording: Wording) -> tuple[str, str]:
    match alert["kind"]:
        case "mixed":
            return "text and numbers mixed", f"{wording.percent(alert['numbers'], 1)} are numbers"
        case "empty":
            return "no value at all", ""
        case "constant":
            return "a single value", f"“{wording.exact(alert['value'])}”"
        case "nearUnique":
            return (
                "hardly a value twice",
                f"{wording.number(alert['distinct'])} different in {wording.count(alert['rows'], 'row')}",
            )
        case "imbalanced":
            return "nearly always one value", f"“{alert['value']}” in {wording.percent(alert['share'], 1)}"
        case _:
            return "mostly zero", wording.percent(alert["share"], 1)


SECTION = Section("quality", "Data quality", compute, sentences, figures, grids)
