"""The first measure, or the rows, of each of the largest groups: computed, told, drawn and listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Series
from andon_worker.hybrid_report.evidence import FEWEST
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.series import swing
from andon_worker.hybrid_report.figures.values import Values
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.sections.trends.course import course
from andon_worker.hybrid_report.sections.trends.naming import capital, change_of, moves, subject, with_gaps
from andon_worker.hybrid_report.sections.trends.seasons import season_in
from andon_worker.hybrid_report.sections.trends.timeline import Ask, Timeline, by_group
from andon_worker.hybrid_report.wording import MISSING, Wording, brief, label

_DRAWN = 5
_ALL = 0.95  # of the rows, of which a group that has more is told as the whole
_FEWEST_POINTS, _MOST_POINTS, _PER_POINT = 3, 53, 5  # points of a line; rows of a point
_FEW = 6  # groups, of which none has a direction by chance
_FEWEST_PERIODS = 6  # periods from which a group's course is told

Lines = dict[str, Any]


def lines_of(
    table: Table,
    options: ReportOptions,
    column: str,
    timeline: Timeline,
    values: dict[str, Values],
    seasons: Mapping[Ask, list[dict[str, Any]]],
) -> Lines | None:
    """`lines`, as `compute` says of them."""
    groupings = [name for name in choose.groupings(table, options) if name != column]
    groupings = [name for name in groupings if name in options.group_by or not table.column(name).part_of_time]
    one = all(period.rows == 1 for period in timeline.points)
    if not groupings or one or len(timeline.points) < _FEWEST_POINTS:
        return None
    group, name = identifier(groupings[0]), next(iter(values), None)
    ask = Ask(name, "sum" if name and table.column(name).summed else "mean" if name else "rows")
    found = table.all(
        f"SELECT {group}, count(*) FROM data WHERE {group} IS NOT NULL AND {identifier(column)} IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    largest = [value for value, _ in found[: choose.MOST_GROUPS]]
    unit = _unit(timeline, [rows for _, rows in found[:_DRAWN]], ask)
    if unit is None:
        return None
    full = [period.start for period in timeline.complete(unit)]
    season = season_in([each for of, told in seasons.items() if of.measure == name for each in told], unit)
    groups: list[dict[str, Any]] = []
    per_group = by_group(table, groupings[0], largest, column, unit, list(values.values())[:1])
    for value, own in per_group.items():
        told = {period.start: ask.value(period) for period in own}
        # Where a group has no rows, its total is nothing; a mean there is none of, and the line has a gap.
        nothing = None if ask.aggregate == "mean" else 0.0
        whole = [(at, told.get(at, nothing)) for at in full]
        points = [[periods.iso(at), each] for at, each in whole]
        drawn = {"points": points} if len(groups) < _DRAWN else {}
        known = [(at, each) for at, each in whole if each is not None]
        if not known:
            continue
        rows = sum(period.rows for period in own)
        groups.append(
            {
                "value": label(value),
                "rows": rows,
                **drawn,
                **_moved(known, unit, name is None or table.column(name).relative, season),
            }
        )
    return {
        "groupBy": groupings[0],
        "unit": unit,
        "measure": name,
        "aggregate": ask.aggregate,
        "groups": groups,
        "omitted": len(found) - len(groups),
    }


def _unit(timeline: Timeline, rows: list[int], ask: Ask) -> str | None:
    """The unit in which several lines can be told apart, and in which their points rest on a few rows each, unless
    each period has as many; None where there are fewer than three periods of means that do."""
    found, even = None, timeline.even
    for unit in periods.UNITS[periods.UNITS.index(timeline.unit) :]:
        many = len(timeline.complete(unit))
        thin = not even and sum(rows) < _PER_POINT * many * len(rows)
        if many >= _FEWEST_POINTS and not (thin and ask.aggregate == "mean"):
            found = unit
        if many < _FEWEST_POINTS or (many <= _MOST_POINTS and not thin):
            break
    return found


def _moved(
    known: list[tuple[datetime, float]], unit: str, relative: bool, season: Callable[[datetime], int] | None
) -> dict[str, Any]:
    if len(known) < _FEWEST_PERIODS:
        return {"direction": None, "change": None, "first": None, "last": None}
    seasons = [season(at) for at, _ in known] if season else []
    values = np.array([value for _, value in known])
    found = course(values, unit, seasons=seasons)
    change = found.change if relative else None
    turned = not seasons and bool(swing(values, found.direction))
    return {
        "direction": found.direction,
        "change": change,
        "first": found.first,
        "last": found.last,
        "swing": turned,
    }


def lines_sentences(lines: Lines | None, wording: Wording) -> list[Sentence]:
    if not lines:
        return []
    groups = lines["groups"]
    said = moves([(group["value"], group) for group in groups], wording)
    if not said or max(group["rows"] for group in groups) > _ALL * sum(group["rows"] for group in groups):
        return []
    enough = [group for group in groups if group["rows"] >= FEWEST]
    moved = [group["change"] for group in enough if group["direction"] and group["change"] is not None]
    # One that goes its own way among a few is news as well; of many one would by chance.
    known = moved + [0.0] * (len(moved) < len(enough) <= _FEW)
    effect = min(0.6, (max(known) - min(known)) / 2) if moved and len(known) > 1 else 0.0
    largest = " largest" if lines["omitted"] else ""
    what = subject(lines, lines["unit"])
    text = f"By {brief(lines['groupBy'])}, {what}: of the {len(groups)}{largest} groups {said}."
    return [Sentence(text, effect, "lines")]


def lines_figures(lines: Lines | None, wording: Wording) -> list[Figure]:
    if not lines:
        return []
    drawn = [
        Series(label(g["value"], 60), with_gaps([(at, v) for at, v in g["points"]]))
        for g in _from_the_top([group for group in lines["groups"] if "points" in group])
        if any(v is not None for _, v in g["points"])
    ]
    if len(drawn) < 2:
        return []
    total = len(lines["groups"]) + lines["omitted"]
    note = f"the {len(drawn)} of most rows among {total} groups" if total > len(drawn) else ""
    what = capital(subject(lines, lines["unit"]))
    drawing = charts.line(f"{what} by {lines['groupBy']}", drawn, wording, zero=lines["aggregate"] != "mean")
    return [Figure("lines", f"{what} by {brief(lines['groupBy'])}", note, drawing)]


def _from_the_top(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As their lines end on the right: so they are found in the legend."""
    ends = {g["value"]: next((v for _, v in reversed(g["points"]) if v is not None), 0.0) for g in groups}
    return in_order(sorted(groups, key=lambda g: -ends[g["value"]]), lambda g: str(g["value"]))


def lines_grid(lines: Lines | None, wording: Wording) -> list[Grid]:
    if not lines or not any(group["direction"] for group in lines["groups"]):
        return []
    say = wording.among(group[end] for group in lines["groups"] for end in ("first", "last"))
    rows = [
        (
            label(group["value"], 48),
            say(group["first"]),
            say(group["last"]),
            change_of(group, wording),
            group["direction"] or MISSING,
        )
        for group in lines["groups"]
    ]
    what = capital(subject(lines, lines["unit"]))
    caption = f"{what} by {brief(lines['groupBy'])}"
    if lines["omitted"]:
        caption += f" ({len(rows)} of {wording.count(len(rows) + lines['omitted'], 'group')})"
    return [Grid(caption, ("Group", "First", "Last", "Change", "Direction"), rows)]
