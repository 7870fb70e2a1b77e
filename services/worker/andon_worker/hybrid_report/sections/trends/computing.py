"""What the section computes, from one look at the rows per fine period."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from andon.reports import Control, ReportOptions
from andon.reports.duck import identifier, literal
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.alerts import date_placeholders
from andon_worker.hybrid_report.figures.computed.copies import copies
from andon_worker.hybrid_report.figures.computed.products import QUOTIENT, products
from andon_worker.hybrid_report.figures.computed.sums import largest, sums
from andon_worker.hybrid_report.figures.durations import open_measured
from andon_worker.hybrid_report.figures.table import Table, clean
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.rhythm import Rhythm, rhythm_of
from andon_worker.hybrid_report.figures.times.sequences import ages
from andon_worker.hybrid_report.figures.times.things import things
from andon_worker.hybrid_report.figures.values import values_of
from andon_worker.hybrid_report.section import Result
from andon_worker.hybrid_report.sections.trends.along import along
from andon_worker.hybrid_report.sections.trends.balance import balance_of
from andon_worker.hybrid_report.sections.trends.course import told
from andon_worker.hybrid_report.sections.trends.lines import lines_of
from andon_worker.hybrid_report.sections.trends.seasons import hours_of, season_in, seasons_of
from andon_worker.hybrid_report.sections.trends.timeline import Ask, Stretch, Timeline, asked, by_period, finest

_MOST_POINTS = 1_000
_REGULAR = frozenset({"minute", "hour", "day", "week"})  # grains of which steps are as long as each other
_MOST_OTHERS, _AT_ONCE = 60, 20  # measures told in a table, and of a query


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{timeColumn, apart, unit, grain, rows, leftOut, complete, from, to, measures, points, series, seasons, hours,
    lines, others, things, total, balance}`.

    `apart` says that several columns make the time.
    A point is a period, `{start, rows, sums: [...], means: [...], thin}`, in the order of `measures`; `thin` are
    the places of those of which values are lacking that it has otherwise. `grain` is how fine the times are; no
    unit and no season is finer. `leftOut` are dates so far off that they stand for none, `{value, rows}`;
    `complete` are the first and the last period that the data fill, `partial` those between in which rows are
    lacking that come regularly otherwise. `rhythm` is how regularly, `{seconds, lacking, since, until}`, the
    longest gap last; or null.
    `series` tells of the rows and of each measure's sum (where sums mean something) and mean what they do over the
    complete periods: `{measure, aggregate, first, last, direction, ...}`, see `course.told`. `seasons` are `{by:
    "weekday" | "month" | "quarter", measure, aggregate, values, cycle, agreed, strength, deviations: {season: share or
    difference}, relative}`; `hours` the means by hour of day, see `hours_of`, or null. `lines` is the first measure per
    group: `{groupBy, unit, measure, aggregate, groups: [{value, rows, points, direction, change, first, last, swing}],
    omitted}`, `swing` being whether it goes far and comes back, or
    null; the five largest groups have points, the others none. `others` tells of the measures beyond the first three
    as `series` does, of the sum or else the mean. `things` is of a table with a column per period what each of its
    rows does from its first value to its last: `{column, measure, total, rose, fell, rows: [{name, first, last,
    change}]}`, or null. `total` is the column that adds up most others, and then these. `balance` is
    of money that comes and goes, see `balance.balance_of`.
    Of people with the day on which they came, and no other dates, the rows alone are told along it.
    Without a column of dates that varies, `timeColumn` is null and `along` alone is there, see `along.along`.
    """
    with open_measured(parquet, options, control, by_period=True) as table:
        time = choose.time_column(table, options)
        column = time or next((c.name for c in table.columns if c.of_entry and table.seen[c.name].varies), None)
        if column is None:
            found = along(table, options)
            return clean({"timeColumn": None} | ({"along": found} if found else {}))
        if table.column(column).type == "integer":
            table.replace({column: f"make_date(CAST({identifier(column)} AS INTEGER), 1, 1)"})
        left_out = date_placeholders(table, [table.column(column)])
        table.replace({column: _without(column, [each["value"] for each in left_out])} if left_out else {})
        aged = ages(table, choose.varying(table)) - {*options.measures}
        aged |= {each.name for each in table.durations if each.unfinished}
        # Along the days on which people came their number alone goes, and not what they have now.
        names = [name for name in choose.measures(table, options) if time and name not in aged]
        rates = [] if options.measures or not time else _rate(table)
        names += [name for name in rates if name not in (*names, *aged)]
        values = values_of(table, names)
        c = identifier(column)
        rows, first, last = table.one(
            f"SELECT count({c}), CAST(min({c}) AS TIMESTAMP), CAST(max({c}) AS TIMESTAMP) FROM data"
        )
        control.progress(0.2, "how fine the times are")
        grain = periods.grain_of(table, column)
        span = last - first
        unit = periods.unit_for(span, grain)
        rhythm = rhythm_of(table, column) if grain in _REGULAR else None
        control.progress(0.3, f"per {unit}")
        fine = finest(grain, span)
        step = rhythm.step if rhythm else None
        ends = periods.start_of(first, grain), periods.end_of(periods.start_of(last, grain), grain)
        points = by_period(table, column, fine, list(values.values()))
        timeline = Timeline(points, fine, unit, Stretch(*ends, grain, step)).coarsened()
        unit = timeline.unit
        control.progress(0.6, "hours")
        clocked = grain in {"minute", "hour"} and span.days >= 3
        hours = hours_of(table, column, list(values.values())) if clocked else None
        asks = asked(timeline, [(table.column(name), each) for name, each in values.items()])
        seasons = {ask: seasons_of(ask, timeline, control.check) for ask in asks}
        control.progress(0.7, "groups")
        lines = lines_of(table, options, column, timeline, values, seasons)
        control.progress(0.8, "other measures")
        total = list(largest(sums(table))) if time else []
        known = {*names, *aged, *(copies(table).keys() - {*total})}
        untold = [name for name in choose.varying(table) if time and name not in known]
        others = _others(table, column, timeline, untold)
        balance = balance_of(table, column, unit) if time else None
        found_things = things(table, column, names) if table.periods > 1 else None
    control.progress(0.9, "what changes")
    complete = timeline.complete(unit)
    return clean(
        {
            "timeColumn": column,
            "apart": table.column(column).apart,
            "unit": unit,
            "grain": grain,
            "rows": rows,
            "complete": [periods.iso(p.start) for p in (*complete[:1], *complete[-1:])],
            "partial": [periods.iso(p.start) for p in timeline.points if not p.whole],
            "rhythm": _told(rhythm),
            "leftOut": [{"value": each["value"], "rows": each["rows"]} for each in left_out],
            "from": periods.iso(first),
            "to": periods.iso(last),
            "measures": names,
            "points": [
                {"start": periods.iso(p.start), "rows": p.rows, "sums": p.sums, "means": p.means, "thin": p.thin}
                for p in timeline.points[-_MOST_POINTS:]
            ],
            "pointsOmitted": max(0, len(timeline.points) - _MOST_POINTS),
            "series": [s for ask in asks if (s := told(ask, timeline, control.check, season_in(seasons[ask], unit)))],
            "seasons": [found for ask in asks for found in seasons[ask]],
            "hours": hours,
            "lines": lines,
            "others": others,
            "things": found_things,
            "total": total,
            "balance": balance,
        }
    )


def _rate(table: Table) -> list[str]:
    """The first share or quotient, as what was bought per visit: what amounts and counts don't tell."""
    divided = {each["columns"][0] for each in products(table) if each["formula"] == QUOTIENT}
    return [name for name in choose.varying(table) if name in divided or table.column(name).role == "percent"][:1]


def _told(rhythm: Rhythm | None) -> dict[str, Any] | None:
    if rhythm is None:
        return None
    since, until = periods.iso(rhythm.since), periods.iso(rhythm.until)
    return {"seconds": rhythm.step.total_seconds(), "lacking": rhythm.lacking, "since": since, "until": until}


def _without(column: str, moments: Sequence[str]) -> str:
    c = identifier(column)
    odd = ", ".join(f"TIMESTAMP {literal(moment)}" for moment in moments)
    return f"CASE WHEN CAST({c} AS TIMESTAMP) NOT IN ({odd}) THEN {c} END"


def _others(table: Table, column: str, timeline: Timeline, names: list[str]) -> list[dict[str, Any]]:
    """The measures that are shown in a table alone."""
    found: list[dict[str, Any]] = []
    names = names[:_MOST_OTHERS]
    for start in range(0, len(names), _AT_ONCE):
        table.control.check()
        some = names[start : start + _AT_ONCE]
        values = values_of(table, some)
        own = timeline.of(by_period(table, column, timeline.unit, list(values.values())))
        one = all(period.rows == 1 for period in own.points)
        for place, (name, each) in enumerate(values.items()):
            measure = table.column(name)
            ask = Ask.of(measure, each, "sum" if measure.summed and not one else "mean", place, one)
            check = table.control.check
            if series := told(ask, own, check, season_in(seasons_of(ask, own, check), own.unit)):
                found.append(series)
    return found
