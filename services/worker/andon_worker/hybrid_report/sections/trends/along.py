"""Measures along what rises evenly, as seconds that went by, in tables without dates: computed, told and drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.table import Table, double
from andon_worker.hybrid_report.figures.values import values_of
from andon_worker.hybrid_report.section import Figure, Sentence
from andon_worker.hybrid_report.sections.trends.course import course
from andon_worker.hybrid_report.sections.trends.naming import apart, change_of
from andon_worker.hybrid_report.wording import Wording, brief, listed

_MOST, _EACH = 60, 5  # stretches, and rows of one on average
_FEWEST = 30  # rows

Along = dict[str, Any]


def along(table: Table, options: ReportOptions) -> Along | None:
    """`{column, rows, low, high, measures, points: [{at, means}], series: [{measure, first, last, direction, tau,
    change}]}` of the first column that rises evenly, over stretches of it that are as long as each other."""
    column = next((c for c in table.columns if c.along), None)
    names = [name for name in choose.measures(table, options) if not table.column(name).along]
    if column is None or not names or table.rows < _FEWEST:
        return None
    values = values_of(table, [column.name, *names])
    x, measures = values.pop(column.name), list(values.values())
    low, high, many = x.low / x.unit, x.high / x.unit, min(_MOST, table.rows // _EACH)
    width = (high - low) / many
    means = "".join(f", avg({each.sql})" for each in measures)
    found = table.all(
        f"SELECT least(floor(({x.sql} - {double(low)}) / {double(width)}), {many - 1}){means} "
        f"FROM data WHERE {x.sql} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    points: list[dict[str, Any]] = [
        {
            "at": x.original(low + (place + 0.5) * width),
            "means": [each.original(mean) for each, mean in zip(measures, row, strict=True)],
        }
        for place, *row in found
    ]
    series = []
    for place, each in enumerate(measures):
        known = [mean for point in points if (mean := point["means"][place]) is not None]
        if len(known) > 1:
            going = course(np.array(known), "")
            told = {key: getattr(going, key) for key in ("first", "last", "direction", "tau")}
            change = going.change if table.column(each.name).relative else None
            series.append({"measure": each.name, **told, "change": change})
    ends = {"low": x.low, "high": x.high}
    return {"column": column.name, "rows": x.count, **ends, "measures": names, "points": points, "series": series}


def along_sentences(found: Along, wording: Wording) -> list[Sentence]:
    by, told = brief(found["column"]), []
    for series in found["series"]:
        if series["direction"] is None:
            continue
        first, last = series["first"], series["last"]
        say = wording.among([first, last])
        change = "" if series["change"] is None else f": {change_of(series, wording)}"
        told.append(
            Sentence(
                f"Along {by}, the mean of {brief(series['measure'])} {series['direction']} from {say(first)} in the "
                f"first quarter to {say(last)} in the last{change}.",
                effect=float(abs(series["tau"]) * apart(first, last) ** 0.6),
                figure=_key(series["measure"]),
                about=(series["measure"], found["column"]),
                rows=found["rows"],
            )
        )
    if still := [brief(each["measure"]) for each in found["series"] if each["direction"] is None]:
        shows = "shows" if len(still) == 1 else "show"
        told.append(Sentence(f"Along {by}, {listed(still)} {shows} no clear direction."))
    ends = wording.number(found["low"]), wording.number(found["high"])
    return [*told, Sentence(f"There are no dates: rows go along {by}, from {ends[0]} to {ends[1]}.")]


def along_figures(found: Along, wording: Wording) -> list[Figure]:
    made = []
    for place, name in enumerate(found["measures"]):
        points = [(point["at"], point["means"][place]) for point in found["points"]]
        title = f"Mean of {brief(name)}"
        drawing = charts.along(title, points, brief(found["column"]), wording)
        made.append(Figure(_key(name), title, f"along {brief(found['column'])}", drawing))
    return made


def _key(measure: str) -> str:
    return f"along-{measure}"
