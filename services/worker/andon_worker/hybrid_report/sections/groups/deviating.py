"""How far what came is from what was planned: in all, by group, and from when on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Series
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.planned import Planned, planned
from andon_worker.hybrid_report.figures.resampling import Floats
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.values import Values, values_of
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.wording import MINUS, MISSING, Wording, brief, label

_PAIRS, _GROUPINGS = 2, 3
_FEWEST_PERIODS, _EDGE = 6, 2  # periods, and those on either side of a change
_STEP = 4  # times what periods of one side are apart, from which a deviation has changed
_NOTABLE = 0.05  # of what was planned
_LARGE = 0.15  # from which more makes no difference
_LEAST, _MOST = 0.5, 0.95

Deviation = dict[str, Any]


def deviations(table: Table, options: ReportOptions) -> list[Deviation]:
    """`{actual, plan, kinds, summed, role, rows, came, meant, unit, points: [{start, came, meant}], groups: [{groupBy,
    values: [{value, rows, came, meant}], points, since}]}` of up to two pairs of planned and actual columns, over the
    rows in which both are known.

    `came` and `meant` are totals, or means where a total means nothing (`summed`); `kinds` is the column that said
    which is which, where they were rows. Values come by how large the deviation is for what was planned of each (as in
    K. Pearson's chi-squared). `points` are the periods of the first, and `since` tells from which on it deviates
    otherwise: `{start, until, before, after}`, `until` being the period before, the others shares of what was planned;
    null where all periods are alike, or there is no time.
    """
    return [_deviation(table, options, pair) for pair in planned(table.columns)[:_PAIRS]]


def _deviation(table: Table, options: ReportOptions, pair: Planned) -> Deviation:
    values = values_of(table, [pair.actual, pair.plan])
    column = table.column(pair.actual)
    aggregate = "sum" if column.summed else "avg"
    ask = _Ask(table, [values[pair.actual], values[pair.plan]], aggregate)
    rows, came, meant = ask.totals()
    time = choose.time_column(table, options)
    unit = _unit(table, time)
    groups = []
    for name in choose.groupings(table, options, _GROUPINGS):
        found = ask.groups(name)
        if len(found) > 1:
            found.sort(key=_apart, reverse=True)
            points = ask.points(time, unit, name, found[0]["value"]) if time and unit else []
            shown = [each | {"value": label(each["value"])} for each in found[: choose.MOST_GROUPS]]
            groups.append({"groupBy": name, "values": shown, "points": points, "since": _since(points)})
    return {
        "actual": pair.actual,
        "plan": pair.plan,
        "kinds": table.kinds,
        "summed": aggregate == "sum",
        "role": column.role,
        "rows": rows,
        "came": came,
        "meant": meant,
        "unit": unit,
        "points": ask.points(time, unit) if time and unit else [],
        "groups": groups,
    }


class _Ask:
    """What is asked of the rows that have both."""

    def __init__(self, table: Table, pair: list[Values], aggregate: str) -> None:
        self._table, self._pair = table, pair
        one, other = (each.sql for each in pair)
        self._asked = f"count(*), {aggregate}({one}), {aggregate}({other})"
        self._rows = f"FROM data WHERE {one} IS NOT NULL AND {other} IS NOT NULL"

    def totals(self) -> tuple[int, float | None, float | None]:
        rows, *both = self._table.one(f"SELECT {self._asked} {self._rows}")
        return rows, *self._original(both)

    def groups(self, name: str) -> list[dict[str, Any]]:
        g = identifier(name)
        found = self._table.all(f"SELECT {g}, {self._asked} {self._rows} AND {g} IS NOT NULL GROUP BY 1 ORDER BY 1")
        return [
            {"value": value, "rows": rows, **dict(zip(("came", "meant"), self._original(both), strict=True))}
            for value, rows, *both in found
        ]

    def points(self, time: str, unit: str, by: str | None = None, value: Any = None) -> list[dict[str, Any]]:
        start = f"date_trunc('{unit}', CAST({identifier(time)} AS TIMESTAMP))"
        own = f" AND {identifier(by)} = $1" if by else ""
        found = self._table.connection.execute(
            f"SELECT {start}, {self._asked} {self._rows} AND {identifier(time)} IS NOT NULL{own} GROUP BY 1 ORDER BY 1",
            [value] if by else [],
        ).fetchall()
        return [
            {"start": periods.iso(at), **dict(zip(("came", "meant"), self._original(both), strict=True))}
            for at, _, *both in found
        ]

    def _original(self, both: list[float | None]) -> tuple[float | None, float | None]:
        came, meant = (each.original(value) for each, value in zip(self._pair, both, strict=True))
        return came, meant


def _unit(table: Table, time: str | None) -> str | None:
    """Months, or quarters or years where the dates are these, or there are many."""
    if time is None or not table.column(time).temporal:
        return None
    c, units = f"CAST({identifier(time)} AS TIMESTAMP)", ("month", "quarter", "year")
    for unit in units[units.index(table.seen[time].unit or "month") :]:
        (many,) = table.one(f"SELECT count(DISTINCT date_trunc('{unit}', {c})) FROM data")
        if many <= 2 * choose.MOST_GROUPS:
            return unit if many > 1 else None
    return None


def _share(each: dict[str, Any]) -> float | None:
    """Above or below the plan, as a share of it."""
    came, meant = each["came"], each["meant"]
    return came / meant - 1 if came is not None and meant is not None and meant > 0 else None


def _apart(each: dict[str, Any]) -> float:
    came, meant = each["came"] or 0.0, each["meant"] or 0.0
    return (came - meant) ** 2 / abs(meant) if meant else 0.0


def _since(points: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one change that parts the deviations best, if its sides are farther apart than their periods."""
    known = [(point, share) for point in points if (share := _share(point)) is not None]
    shares = np.array([share for _, share in known])
    if len(shares) < _FEWEST_PERIODS:
        return None
    at = max(range(_EDGE, len(shares) - _EDGE + 1), key=lambda place: _gain(shares, place))
    before, after = shares[:at], shares[at:]
    spread = math.sqrt((before.var() * len(before) + after.var() * len(after)) / (len(shares) - 2))
    moved = abs(after.mean() - before.mean())
    if moved < max(_NOTABLE, _STEP * spread * math.sqrt(1 / len(before) + 1 / len(after))):
        return None
    sides = []
    for side in (known[:at], known[at:]):
        came, meant = (sum(point[key] for point, _ in side) for key in ("came", "meant"))
        sides.append(came / meant - 1)
    return {"start": known[at][0]["start"], "until": known[at - 1][0]["start"], "before": sides[0], "after": sides[1]}


def _gain(shares: Floats, at: int) -> float:
    apart = float(shares[at:].mean() - shares[:at].mean())
    return apart * apart * at * (len(shares) - at)


def deviated(found: list[Deviation], wording: Wording) -> list[Sentence]:
    """How far all is from the plan; by each grouping what is farthest, with the period from which it is."""
    told = []
    for each in found:
        share = _share(each)
        if each["came"] is None or each["meant"] is None or not each["rows"]:
            continue
        actual, plan = brief(each["actual"]), brief(each["plan"])
        effect = _worth(share) if share is not None and abs(share) >= _NOTABLE else 0.0
        what = "" if each["summed"] else "on average "
        text = f"{actual} is {what}{_beside(each, wording)} {plan}: {_both(each, wording)}"
        about = (each["actual"], each["plan"])
        told.append(Sentence(f"{text}.", effect, "deviation" if len(each["points"]) > 1 else "", about))
        told += [_of_groups(each, by, wording) for by in each["groups"]]
    if kinds := next((each["kinds"] for each in found if each["kinds"]), None):
        sides = f"{brief(found[0]['actual'])} and {brief(found[0]['plan'])}"
        where = "in the sections on trends, drivers, outliers and groups"
        told.append(Sentence(f"{brief(kinds)} says what is planned: {sides} are columns side by side {where}."))
    return told


def _of_groups(each: Deviation, by: dict[str, Any], wording: Wording) -> Sentence:
    first, *others = by["values"]
    name, value = brief(by["groupBy"]), label(first["value"], 60)
    text = (
        f"By {name}, {brief(each['actual'])} is farthest from {brief(each['plan'])} for {value}: "
        f"{_beside(first, wording)} it ({_both(first, wording)})"
    )
    if (since := by["since"]) is not None:
        unit = each["unit"]
        text += (
            f", {wording.change(since['before'])} up to {wording.period(since['until'], unit)} and "
            f"{wording.change(since['after'])} from {wording.period(since['start'], unit)} on"
        )
    if others:
        next_ = others[0]
        text += f"; then {label(next_['value'], 60)} ({_deviation_of(next_, wording)})"
    apart = [abs((g["came"] or 0.0) - (g["meant"] or 0.0)) for g in by["values"]]
    share = _share(first)
    most = max([abs(share or 0.0)] + ([abs(since["after"]), abs(since["before"])] if since else []))
    effect = _worth(most) * (0.5 + 0.5 * apart[0] / (sum(apart) or 1.0)) if most >= _NOTABLE else 0.0
    figure = f"deviation-{by['groupBy']}" if by is each["groups"][0] and len(by["points"]) > 1 else ""
    return Sentence(f"{text}.", effect, figure, (each["actual"], each["plan"], by["groupBy"]))


def _worth(share: float) -> float:
    return _LEAST + (_MOST - _LEAST) * min(1.0, abs(share) / _LARGE)


def _beside(each: dict[str, Any], wording: Wording) -> str:
    """`15.7% above`, or by how much where a share would mean nothing."""
    apart = (each["came"] or 0.0) - (each["meant"] or 0.0)
    share = _share(each)
    by = wording.number(abs(apart)) if share is None else wording.percent(abs(share), 1)
    return "equal to" if not apart else f"{by} {'above' if apart > 0 else 'below'}"


def _both(each: dict[str, Any], wording: Wording) -> str:
    say = wording.among([each["came"], each["meant"]])
    return f"{say(each['came'])} against {say(each['meant'])}"


def _deviation_of(each: dict[str, Any], wording: Wording) -> str:
    share = _share(each)
    if share is not None:
        return wording.change(share)
    apart = (each["came"] or 0.0) - (each["meant"] or 0.0)
    return f"{'+' if apart > 0 else MINUS}{wording.number(abs(apart))}"


def deviation_figures(found: list[Deviation], wording: Wording) -> list[Figure]:
    """What came and what was planned over time, of all and of the group that is farthest off."""
    made = []
    for each in found[:1]:
        for by in (None, *each["groups"][:1]):
            points = by["points"] if by else each["points"]
            if len(points) < 2:
                continue
            of = f", {label(by['values'][0]['value'], 40)}" if by else ""
            title = f"{brief(each['actual'])} and {brief(each['plan'])}{of}"
            series = [
                Series(brief(each[name]), [(point["start"], point[key]) for point in points])
                for name, key in (("actual", "came"), ("plan", "meant"))
            ]
            drawing = charts.line(title, series, wording, zero=bool(each["summed"]))
            key = f"deviation-{by['groupBy']}" if by else "deviation"
            made.append(Figure(key, title, f"per {each['unit']}", drawing))
    return made


def deviation_grids(found: list[Deviation], wording: Wording) -> list[Grid]:
    return [
        Grid(
            f"{brief(each['actual'])} less {brief(each['plan'])} by {brief(by['groupBy'])}",
            ("Group", brief(each["actual"]), brief(each["plan"]), "Difference", "Share"),
            [
                (
                    label(group["value"], 48),
                    wording.number(group["came"]),
                    wording.number(group["meant"]),
                    wording.number((group["came"] or 0.0) - (group["meant"] or 0.0)),
                    MISSING if (share := _share(group)) is None else wording.change(share),
                )
                for group in by["values"]
            ],
        )
        for each in found
        for by in each["groups"]
    ]
