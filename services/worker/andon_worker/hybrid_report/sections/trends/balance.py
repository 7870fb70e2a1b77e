"""What came in, what went out and what is left, in total and per month: computed, told, drawn and listed."""

from __future__ import annotations

from typing import Any

from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Series
from andon_worker.hybrid_report.figures.flows import flows
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.wording import Wording, brief

_WORTH, _OF_RESULTS = 0.8, 0.5
_SHOWN = 24  # periods in the table, the last ones
_FEWEST = 3  # periods, for it to be told in how many of them more went than came

Balance = dict[str, Any]


def balance_of(table: Table, column: str, unit: str) -> Balance | None:
    """`{name, columns, result, unit, came, went, rows: [of those, of these], points: [{start, came, went}]}` per month,
    or a longer unit of the trends; null where no money comes and goes."""
    found = flows(table) if table.periods == 1 else None
    if found is None:
        return None
    unit = periods.coarser(unit, "month")
    came, went = found.came, found.went
    both = f"coalesce(sum({came.sql}), 0), coalesce(sum({went.sql}), 0)"
    totals = table.one(f"SELECT {both}, count({came.sql}), count({went.sql}) FROM data")
    rows = table.all(
        f"SELECT date_trunc('{unit}', CAST({identifier(column)} AS TIMESTAMP)), {both} FROM data "
        f"WHERE {identifier(column)} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    return {
        "name": found.name,
        "columns": list(found.columns),
        "result": found.result,
        "unit": unit,
        "came": came.original(totals[0]),
        "went": went.original(totals[1]),
        "rows": list(totals[2:]),
        "points": [
            {"start": periods.iso(start), "came": came.original(ins), "went": went.original(outs)}
            for start, ins, outs in rows
        ],
    }


def balance_sentences(balance: Balance | None, wording: Wording) -> list[Sentence]:
    if balance is None:
        return []
    number, points, unit = wording.number, balance["points"], balance["unit"]
    ins, outs = (wording.count(rows, "row") for rows in balance["rows"])
    sums = number(balance["came"]), number(balance["went"])
    said = (
        f"gains of {sums[0]} ({ins}) less losses of {sums[1]} ({outs})"
        if balance["result"]
        else f"{sums[0]} came in ({ins}) and {sums[1]} went out ({outs})"
    )
    more = sum(point["went"] > point["came"] for point in points)
    if len(points) >= _FEWEST:
        way = "losses were larger" if balance["result"] else "more went out than came in"
        said += f"; in {number(more)} of {wording.count(len(points), unit)} {way}"
    worth = _OF_RESULTS if balance["result"] else _WORTH
    text = f"{brief(balance['name'])} comes to {number(balance['came'] - balance['went'])}: {said}."
    return [Sentence(text, worth, "balance" if len(points) > 1 else "", tuple(balance["columns"]))]


def balance_figures(balance: Balance | None, wording: Wording) -> list[Figure]:
    if balance is None or len(balance["points"]) < 2:
        return []
    came, went = _words(balance)
    starts, *values = zip(*((p["start"], p["came"], p["went"], _left(p)) for p in balance["points"]), strict=True)
    series = [
        Series(name, list(zip(starts, each, strict=True)))
        for name, each in zip((came, went, "Left"), values, strict=True)
    ]
    title = f"{came}, {went.lower()} and left per {balance['unit']}"
    return [Figure("balance", title, brief(balance["name"]), charts.line(title, series, wording, zero=True))]


def balance_grid(balance: Balance | None, wording: Wording) -> list[Grid]:
    if balance is None or not balance["points"]:
        return []
    points = balance["points"][-_SHOWN:][::-1]
    cells = [(p["came"], p["went"], _left(p)) for p in points]
    say = wording.among(value for each in cells for value in each)
    rows = [
        (wording.short_period(p["start"], balance["unit"]), *map(say, each))
        for p, each in zip(points, cells, strict=True)
    ]
    caption = f"{brief(balance['name'])} per {balance['unit']}"
    if len(points) < len(balance["points"]):
        caption += f" (the last {len(points)} of {wording.number(len(balance['points']))})"
    return [Grid(caption, ("Period", *_words(balance), "Left"), rows)]


def _left(point: dict[str, Any]) -> float:
    return float(point["came"] - point["went"])


def _words(balance: Balance) -> tuple[str, str]:
    return ("Gains", "Losses") if balance["result"] else ("In", "Out")
