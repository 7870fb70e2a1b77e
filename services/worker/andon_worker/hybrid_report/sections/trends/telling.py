"""The section in words, charts and tables: what is most telling first."""

from __future__ import annotations

from typing import Any

from andon_worker.hybrid_report import evidence
from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.trends.along import along_figures, along_sentences
from andon_worker.hybrid_report.sections.trends.balance import balance_figures, balance_grid, balance_sentences
from andon_worker.hybrid_report.sections.trends.lines import lines_figures, lines_grid, lines_sentences
from andon_worker.hybrid_report.sections.trends.naming import capital, change_of, complete_points, subject
from andon_worker.hybrid_report.sections.trends.returning import (
    hour_figures,
    hour_sentences,
    season_figures,
    season_sentences,
)
from andon_worker.hybrid_report.sections.trends.series import series_figures, series_grid, series_sentences, values_of
from andon_worker.hybrid_report.wording import WHOLE, Wording, brief, label, some

_LAST_PERIODS = 12
_SPANS = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if result["timeColumn"] is None:
        if found := result.get("along"):
            return along_sentences(found, wording)
        return [
            Sentence("There is no column of dates or times along which the rows go, so there are no trends to show.")
        ]
    return [
        *balance_sentences(result["balance"], wording),
        *series_sentences(result, wording),
        *season_sentences(result, wording),
        *hour_sentences(result, wording),
        *lines_sentences(result["lines"], wording),
        *_things(result, wording),
        _extent(result, wording),
    ]


def _things(result: Result, wording: Wording) -> list[Sentence]:
    things = result["things"]
    if not things or not things["total"]:
        return []
    by, what, number = brief(things["column"]), brief(things["measure"]), wording.number
    said = (
        f"From its first to its last value, {what} rose in {number(things['rose'])} of {number(things['total'])} rows "
        f"and fell in {number(things['fell'])}"
    )
    moved = sorted((row for row in things["rows"] if row["change"] is not None), key=lambda row: -row["change"])
    if len(moved) > 1:
        high, low = (f"{label(row['name'], 40)} ({change_of(row, wording)})" for row in (moved[0], moved[-1]))
        said += f"; by {by}, most in {high} and least in {low}"
    share = evidence.share(max(things["rose"], things["fell"]), things["total"])
    return [Sentence(f"{said}.", effect=0.5 * share if share > 0.5 else 0.0, rows=things["total"])]


def _extent(result: Result, wording: Wording) -> Sentence:
    unit = result["unit"]
    # Of months and years alone there is no day to tell.
    coarse = result["grain"] if result["grain"] in {"month", "quarter", "year"} else None
    first, last = (
        wording.period(result[end], coarse) if coarse else wording.moment(result[end]) for end in ("from", "to")
    )
    said = f"{brief(result['timeColumn'])} {'run' if result['apart'] else 'runs'} from {first} to {last}"
    shown = {p["start"] for p in complete_points(result)}
    partial = [p["start"] for p in result["points"] if p["start"] not in shown]
    if partial:
        each = some([wording.period(start, unit) for start in partial], 3)
        said += f". {capital(each)} {'is' if len(partial) == 1 else 'are'} incomplete and left out"
    if nothing := [wording.period(p["start"], unit) for p in complete_points(result) if not p["rows"]]:
        said += f". {capital(some(nothing, 3))} {'has' if len(nothing) == 1 else 'have'} no rows"
    said += _rhythm(result["rhythm"], wording)
    for odd in result["leftOut"]:
        said += f". {wording.count(odd['rows'], 'row')} of {wording.moment(odd['value'])} are left out as well"
    return Sentence(said + ".")


def _rhythm(rhythm: dict[str, Any] | None, wording: Wording) -> str:
    """What is lacking of rows that come every so often."""
    if not rhythm or not rhythm["lacking"]:
        return ""
    size, unit = next(each for each in _SPANS if rhythm["seconds"] % each[0] == 0)
    many, lacking = int(rhythm["seconds"] / size), rhythm["lacking"]
    since, until = wording.moment(rhythm["since"]), wording.moment(rhythm["until"])
    are = (
        "1 is lacking: the gap is" if lacking == 1 else f"{wording.number(lacking)} are lacking, the longest gap being"
    )
    return f". Rows come every {unit if many == 1 else wording.count(many, unit)}; {are} from {since} to {until}"


def figures(result: Result, wording: Wording) -> list[Figure]:
    if result["timeColumn"] is None:
        return along_figures(found, wording) if (found := result.get("along")) else []
    return [
        *balance_figures(result["balance"], wording),
        *series_figures(result, wording),
        *lines_figures(result["lines"], wording),
        *season_figures(result, wording),
        *hour_figures(result, wording),
    ]


def grids(result: Result, wording: Wording) -> list[Grid]:
    if result["timeColumn"] is None:
        return []
    return [
        *balance_grid(result["balance"], wording),
        *([series_grid(result, wording)] if result["series"] or result["others"] else []),
        *lines_grid(result["lines"], wording),
        *_things_grid(result, wording),
        *_last_periods(result, wording),
    ]


def _things_grid(result: Result, wording: Wording) -> list[Grid]:
    things, unit = result["things"], result["unit"]
    if not things or not things["rows"]:
        return []
    rows = [
        (
            label(row["name"], WHOLE),
            *(
                cell
                for end in ("first", "last")
                for cell in (wording.short_period(row[end]["start"], unit), wording.number(row[end]["value"]))
            ),
            change_of(row, wording),
        )
        for row in things["rows"]
    ]
    caption = f"{brief(things['measure'])} by {brief(things['column'])}"
    if len(rows) < things["total"]:
        caption += f" ({len(rows)} of {wording.number(things['total'])}: the largest, and those that changed most)"
    return [Grid(caption, (label(things["column"], WHOLE), "First in", "was", "Last in", "was", "Change"), rows)]


def _last_periods(result: Result, wording: Wording) -> list[Grid]:
    """The newest first."""
    unit, points = result["unit"], result["points"][-_LAST_PERIODS:]
    if not result["series"]:
        return []
    complete = {p["start"] for p in complete_points(result)}
    names = [
        wording.short_period(point["start"], unit) + ("" if point["start"] in complete else " (incomplete)")
        for point in points
    ]
    columns = [
        [*map(wording.among(values), values)]
        for series in result["series"]
        for values in [values_of(series, result, points)]
    ]
    headers = [label(capital(subject(series, unit, short=True)), 60) for series in result["series"]]
    first = "Week of" if unit == "week" else "Period"
    rows = [*zip(names, *columns, strict=True)][::-1]
    return [Grid(f"The last {wording.count(len(points), unit)} with rows", (first, *headers), rows)]
