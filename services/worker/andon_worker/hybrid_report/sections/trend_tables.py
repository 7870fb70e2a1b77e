"""The section "trends" in tables: its last periods, and every series beyond those that are told one by one."""

from __future__ import annotations

from andon_worker.hybrid_report.section import Grid, Result
from andon_worker.hybrid_report.sections.trend_words import (
    capital,
    complete_points,
    drawn_lines,
    every_series,
    number_of,
    periods_of,
    subject,
)
from andon_worker.hybrid_report.wording import MISSING, Wording, label

_LAST_PERIODS = 12


def grids(result: Result, wording: Wording) -> list[Grid]:
    if result["timeColumn"] is None:
        return []
    unit, shown = result["unit"], {p["start"] for p in complete_points(result)}
    headers = ["Week of" if unit == "week" else "Period"]
    cells: list[tuple[str, ...]] = []
    columns: list[tuple[str, int]] = []
    for series in result["series"]:
        headers.append(label(capital(subject(series, unit, short=True)), 34))
        place = result["measures"].index(series["measure"]) if series["measure"] else 0
        columns.append((series["aggregate"], place))
    points = result["points"][-_LAST_PERIODS:]
    values = [
        [p["rows"] if aggregate == "rows" else p["sums" if aggregate == "sum" else "means"][place] for p in points]
        for aggregate, place in columns
    ]
    said = [[*map(wording.among(column), column)] for column in values]
    for row, point in enumerate(points):
        name = capital(wording.period(point["start"], unit).removeprefix("the ").removeprefix("week of "))
        if point["start"] not in shown:
            name += " (incomplete)"
        cells.insert(0, (name, *(column[row] for column in said)))
    every = [*_series_grid(result, wording), *_lines_grid(result, wording), *_things_grid(result, wording)]
    if not columns:
        return every
    return [*every, Grid(f"The last {periods_of(len(cells), unit, wording)} with rows", tuple(headers), cells)]


def _series_grid(result: Result, wording: Wording) -> list[Grid]:
    every, unit = every_series(result), result["unit"]
    if not result["others"]:
        return []
    rows = []
    for series in every:
        number = number_of(series, wording)
        ends = [(series[end]["value"], wording.period(series[end]["start"], unit)) for end in ("peak", "dip")]
        highest, lowest = (f"{number(value)} ({start.removeprefix('the week of ')})" for value, start in ends)
        rows.append(
            (
                label(capital(subject(series, result["unit"], short=True)), 40),
                *(number(series[end]["value"]) for end in ("first", "last")),
                *(MISSING if series[key] is None else wording.change(series[key]) for key in ("change", "perYear")),
                series["direction"] or MISSING,
                highest,
                lowest,
            )
        )
    headers = ("Measure", "First", "Last", "Change", "Per year", "Direction", "Highest", "Lowest")
    return [Grid(f"All measures per {result['unit']}", headers, rows)]


def _lines_grid(result: Result, wording: Wording) -> list[Grid]:
    lines = result["lines"]
    if not lines or len(lines["groups"]) == len(drawn_lines(lines)):
        return []
    say = wording.among(group[end] for group in lines["groups"] for end in ("first", "last"))
    rows = [
        (
            label(group["value"], 48),
            say(group["first"]),
            say(group["last"]),
            MISSING if group["change"] is None else wording.change(group["change"]),
            group["direction"] or MISSING,
        )
        for group in lines["groups"]
    ]
    caption = f"{capital(subject(lines, result['unit']))} by {label(lines['groupBy'], 40)}"
    if lines["omitted"]:
        caption += f" ({len(rows)} of {wording.count(len(rows) + lines['omitted'], 'group')})"
    return [Grid(caption, ("Group", "First", "Last", "Change", "Direction"), rows)]


def _things_grid(result: Result, wording: Wording) -> list[Grid]:
    things, unit = result["things"], result["unit"]
    if not things or not things["rows"]:
        return []
    rows = [
        (
            label(row["name"], 48),
            *(
                cell
                for end in ("first", "last")
                for cell in (wording.period(row[end]["start"], unit), wording.number(row[end]["value"]))
            ),
            MISSING if row["change"] is None else wording.change(row["change"]),
        )
        for row in things["rows"]
    ]
    caption = f"{label(things['measure'], 40)} by {label(things['column'], 40)}"
    if len(rows) < things["total"]:
        caption += f" ({len(rows)} of {wording.number(things['total'])}: the largest, and those that changed most)"
    return [Grid(caption, (label(things["column"], 30), "First in", "was", "Last in", "was", "Change"), rows)]
