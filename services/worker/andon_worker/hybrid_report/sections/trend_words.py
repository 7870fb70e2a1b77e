"""The section "trends" in sentences and charts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Series
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Result, Sentence
from andon_worker.hybrid_report.wording import Wording, label

_FEWEST_ROWS = 30  # of an hour of day that is called the highest or the lowest
_SEASONAL = 0.3
_WIDE = 0.05  # the least width of a season, as a share of the trend
_TINY = 0.05  # of the last level; how many times so small a first one has grown says nothing
_HOURLY = 0.05  # eta from which the hours of the day are said to differ
_MANY = 2  # measures beyond those told one by one, from which they are told as many
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = tuple(f"{datetime(2000, month, 1):%B}" for month in range(1, 13))


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if result["timeColumn"] is None:
        return [Sentence("There is no column of dates or times that varies, so there are no trends to show.")]
    told: list[Sentence] = []
    seen: set[str | None] = set()
    for series in result["series"]:
        told += _series(series, result["unit"], wording, brief=series["measure"] in seen)
        seen.add(series["measure"])
    told += _seasons(result, wording)
    told += _hours(result, wording)
    told += _lines(result, wording)
    told += _others(result, wording)
    told += _things(result, wording)
    return [*told, _extent(result, wording)]


def _series(series: dict[str, Any], unit: str, wording: Wording, brief: bool) -> list[Sentence]:
    """With `brief`, only what differs from the same measure told before: its mean beside its sum."""
    told = []
    what, figure = subject(series, unit), _key(series)
    if series["direction"]:
        told.append(_direction(series, what, figure, unit, wording))
    elif not brief:
        told.append(
            Sentence(f"{capital(what)} shows no clear direction over {periods_of(series['complete'], unit, wording)}.")
        )
    if brief:
        return told
    number = number_of(series, wording)
    latest, peak, dip = series["latest"], series["peak"], series["dip"]
    ends = {(series[end]["from"], series[end]["value"]) for end in ("first", "last")} if series["direction"] else set()
    if latest["before"] or latest["yearAgo"] or (latest["start"], latest["value"]) not in ends:
        told.append(_latest(series, what, unit, wording))
    if peak["value"] != dip["value"] and not {(each["start"], each["value"]) for each in (peak, dip)} <= ends:
        told.append(
            Sentence(
                f"{capital(what)} was highest {wording.at(peak['start'], unit)} "
                f"({number(peak['value'])}) and lowest {wording.at(dip['start'], unit)} "
                f"({number(dip['value'])})."
            )
        )
    if shift := series["shift"]:
        before, after = shift["before"], shift["after"]
        told.append(
            Sentence(
                f"The level of {what} changed with {wording.period(shift['start'], unit)}: "
                f"{number(before)} on average before, {number(after)} from then on.",
                effect=0.8 * _apart(before, after),
                figure=figure,
            )
        )
    return told


def _direction(series: dict[str, Any], what: str, figure: str, unit: str, wording: Wording) -> Sentence:
    first, last = series["first"], series["last"]
    number = number_of(series, wording)
    if first["periods"] == 1:
        ends = (wording.at(first["from"], unit), wording.at(last["from"], unit))
    else:
        width = periods_of(first["periods"], unit, wording)
        ends = (f"(mean of the first {width})", f"(mean of the last {width})")
    text = (
        f"{capital(what)} {series['direction']} from {number(first['value'])} {ends[0]} "
        f"to {number(last['value'])} {ends[1]}"
    )
    if series["change"] is not None and _TINY * last["value"] <= first["value"]:
        text += f": {wording.change(series['change'])}"
        if series["perYear"] is not None:
            text += f", {wording.change(series['perYear'])} a year"
    effect = abs(series["tau"]) * _apart(first["value"], last["value"]) ** 0.6
    about = (series["measure"] or "rows", "over time")
    return Sentence(text + ".", effect=effect, figure=figure, about=about)


def _latest(series: dict[str, Any], what: str, unit: str, wording: Wording) -> Sentence:
    latest = series["latest"]
    beside = [
        f"{_difference(latest['value'], other['value'], wording)} {wording.period(other['start'], unit)}"
        for other in (latest["before"], latest["yearAgo"])
        if other
    ]
    at = wording.at(latest["start"], unit)
    said = f"{at[0].upper()}{at[1:]}, {what} was {number_of(series, wording)(latest['value'])}"
    return Sentence(f"{said}: {' and '.join(beside)}." if beside else f"{said}.")


def number_of(series: dict[str, Any], wording: Wording) -> Callable[[float | None], str]:
    return wording.among([series["peak"]["value"], series["dip"]["value"]])


def _difference(now: float, then: float, wording: Wording) -> str:
    if now == then:
        return "as in"
    if now >= 0 and then > 0:
        return f"{wording.change(now / then - 1)} on"
    return f"{wording.number(abs(now - then))} {'more' if now > then else 'less'} than in"


def _seasons(result: Result, wording: Wording) -> list[Sentence]:
    told = []
    for by in ("month", "weekday"):
        found = [s for s in result["seasons"] if s["by"] == by and _is_season(s)]
        told += [_seasonal(season, by, wording) for season in _once(sorted(found, key=lambda s: -s["strength"]))[:3]]
    return told


def _is_season(season: dict[str, Any]) -> bool:
    """Whether the seasons differ surely, and by enough to matter."""
    values = list(season["deviations"].values())
    wide = not season["relative"] or (bool(values) and max(values) - min(values) >= _WIDE)
    return bool(season["strength"] >= _SEASONAL and wide)


def _seasonal(season: dict[str, Any], by: str, wording: Wording) -> Sentence:
    unit, on = ("day", "on") if by == "weekday" else ("month", "in")
    ordered = sorted(season["deviations"].items(), key=lambda each: each[1])
    low, high = (
        _deviation(_names(by)[int(name) - 1], value, season, wording) for name, value in (ordered[0], ordered[-1])
    )
    width = ordered[-1][1] - ordered[0][1] if season["relative"] else 1.0
    return Sentence(
        f"By {by}, {subject(season, unit)} is highest {on} {high} and lowest {on} {low}.",
        effect=season["strength"] * min(1.0, width) ** 0.5,
        figure=f"season-{by}-{_key(season)}",
    )


def _deviation(name: str, value: float, season: dict[str, Any], wording: Wording) -> str:
    if season["relative"]:
        return f"{name} ({wording.change(value)} on its trend)"
    return f"{name} (on average {wording.number(abs(value))} {'above' if value > 0 else 'below'} its trend)"


def _once(seasons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first of each measure: its sum and its mean share a season."""
    return [s for place, s in enumerate(seasons) if s["measure"] not in {e["measure"] for e in seasons[:place]}]


def _hours(result: Result, wording: Wording) -> list[Sentence]:
    told: list[Sentence] = []
    if not result["hours"]:
        return told
    known = [point for point in result["hours"]["points"] if point["rows"] >= _FEWEST_ROWS]
    for place, name in enumerate(result["measures"]):
        if result["hours"]["etas"][place] < _HOURLY:
            continue
        ordered = sorted((p for p in known if p["means"][place] is not None), key=lambda p: p["means"][place])
        if len(ordered) > 1:
            low, high = ordered[0], ordered[-1]
            told.append(
                Sentence(
                    f"By hour of day, the mean of {label(name)} ranges from {wording.number(low['means'][place])} "
                    f"(at {low['hour']:02}:00) to {wording.number(high['means'][place])} (at {high['hour']:02}:00).",
                    effect=0.8 * result["hours"]["etas"][place],
                    figure=f"hours-{name}",
                )
            )
    return told


def _lines(result: Result, wording: Wording) -> list[Sentence]:
    lines = result["lines"]
    if not lines:
        return []
    moved = sorted(
        (g for g in drawn_lines(lines) if g["direction"] and g["change"] is not None), key=lambda g: -g["change"]
    )
    if not moved:
        return []
    each = [f"{label(g['value'], 40)} {g['direction']} ({wording.change(g['change'])})" for g in moved]
    still = len(drawn_lines(lines)) - len(moved)
    said = f"By {label(lines['groupBy'])}, {subject(lines, result['unit'])}: {', '.join(each)}"
    if still:
        said += f"; {wording.count(still, 'group')} without a clear direction"
    spread = moved[0]["change"] - moved[-1]["change"]
    return [Sentence(said + ".", effect=min(0.6, spread / 2) if len(moved) > 1 else 0.0, figure="lines")]


def drawn_lines(lines: dict[str, Any]) -> list[dict[str, Any]]:
    return [group for group in lines["groups"] if "points" in group]


def _others(result: Result, wording: Wording) -> list[Sentence]:
    """How many of all series rose and fell, where there are more than are told of one by one."""
    every = every_series(result)
    ways = {way: [s for s in every if s["direction"] == way] for way in ("rose", "fell")}
    if len(result["others"]) < _MANY or not any(ways.values()):
        return []
    known = sorted((s for s in every if s["direction"] and s["change"] is not None), key=lambda s: s["change"])
    counts = [f"{wording.number(len(found))} {way}" for way, found in ways.items()]
    said = f"Of {wording.count(len(every), 'measure')} over time {' and '.join(counts)}"
    if len(known) > 1:
        ends = [f"{label(s['measure'], 40)} ({wording.change(s['change'])})" for s in (known[-1], known[0])]
        said += f", from {ends[0]} to {ends[1]}"
    moved = sum(map(len, ways.values()))
    if still := len(every) - moved:
        said += f"; {wording.number(still)} without a clear direction"
    return [Sentence(f"{said}.", effect=0.9 * moved / len(every) if len(known) > 1 else 0.0)]


def every_series(result: Result) -> list[dict[str, Any]]:
    """All measures that are told of, each once."""
    first: dict[str, dict[str, Any]] = {}
    for series in (*result["series"], *result["others"]):
        if series["measure"] is not None:
            first.setdefault(series["measure"], series)
    return list(first.values())


def _things(result: Result, wording: Wording) -> list[Sentence]:
    things = result["things"]
    if not things or not things["total"]:
        return []
    by, what, number = label(things["column"]), label(things["measure"], 40), wording.number
    said = (
        f"From its first to its last value, {what} rose in {number(things['rose'])} of {number(things['total'])} rows "
        f"and fell in {number(things['fell'])}"
    )
    moved = sorted((row for row in things["rows"] if row["change"] is not None), key=lambda row: -row["change"])
    if len(moved) > 1:
        high, low = (f"{label(row['name'], 40)} ({wording.change(row['change'])})" for row in (moved[0], moved[-1]))
        said += f"; by {by}, most in {high} and least in {low}"
    share = max(things["rose"], things["fell"]) / things["total"]
    return [Sentence(f"{said}.", effect=0.5 * share if things["total"] > 2 else 0.0)]


def _extent(result: Result, wording: Wording) -> Sentence:
    unit = result["unit"]
    # Of months and years alone there is no day to tell.
    coarse = result["grain"] if result["grain"] in {"month", "quarter", "year"} else None
    first, last = (
        wording.period(result[end], coarse) if coarse else wording.moment(result[end]) for end in ("from", "to")
    )
    said = f"{label(result['timeColumn'])} runs from {first} to {last}"
    shown = {p["start"] for p in complete_points(result)}
    partial = [p["start"] for p in result["points"] if p["start"] not in shown]
    if partial:
        each = " and ".join(wording.period(start, unit) for start in partial[:2])
        said += f". {capital(each)} {'is' if len(partial) == 1 else 'are'} incomplete and left out"
    for odd in result["leftOut"]:
        said += f". {wording.count(odd['rows'], 'row')} of {wording.moment(odd['value'])} are left out as well"
    return Sentence(said + ".")


def complete_points(result: Result) -> list[dict[str, Any]]:
    """The points of complete periods."""
    ends = result["complete"]
    return [p for p in result["points"] if ends and ends[0] <= p["start"] <= ends[-1]]


def figures(result: Result, wording: Wording) -> list[Figure]:
    if result["timeColumn"] is None:
        return []
    unit, points = result["unit"], complete_points(result)
    made = [_line(series, result, points, wording) for series in result["series"]]
    if lines := result["lines"]:
        drawn = [
            Series(label(g["value"], 60), [(at, v) for at, v in g["points"]])
            for g in _from_the_top(drawn_lines(lines))
            if any(v is not None for _, v in g["points"])
        ]
        if len(drawn) > 1:
            total = len(lines["groups"]) + lines["omitted"]
            note = f"the {len(drawn)} largest of {total} groups" if total > len(drawn) else ""
            what = capital(subject(lines, unit))
            drawing = charts.line(f"{what} by {lines['groupBy']}", drawn, wording, zero=lines["aggregate"] != "mean")
            made.append(Figure("lines", f"{what} by {label(lines['groupBy'], 40)}", note, drawing))
    made += [_season(season, wording) for season in result["seasons"] if _is_season(season)]
    for place, name in enumerate(result["measures"]):
        found = result["hours"] or {"points": [], "etas": []}
        hours = {p["hour"]: p["means"][place] for p in found["points"]}
        if hours and found["etas"][place] >= _HOURLY and sum(mean is not None for mean in hours.values()) > 1:
            drawing = charts.columns(
                f"Mean of {name} by hour of day", [(str(hour), hours.get(hour)) for hour in range(24)], wording
            )
            made.append(Figure(f"hours-{name}", f"Mean of {label(name, 40)}", "by hour of day", drawing))
    return made


def _from_the_top(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As their lines end on the right: so they are found in the legend."""
    ends = {g["value"]: next((v for _, v in reversed(g["points"]) if v is not None), 0.0) for g in groups}
    return in_order(sorted(groups, key=lambda g: -ends[g["value"]]), lambda g: str(g["value"]))


def _line(series: dict[str, Any], result: Result, points: Sequence[dict[str, Any]], wording: Wording) -> Figure:
    place = result["measures"].index(series["measure"]) if series["measure"] else 0
    key = {"rows": "rows", "sum": "sums", "mean": "means"}[series["aggregate"]]
    values = [(p["start"], p["rows"] if key == "rows" else p[key][place]) for p in points]
    marks = [
        (each["start"], each["value"], number_of(series, wording)(each["value"]))
        for each in (series["peak"], series["dip"])
        if series["peak"]["value"] != series["dip"]["value"]
    ]
    what = capital(subject(series, result["unit"], short=True))
    drawing = charts.line(
        what, [Series(what, _with_gaps(values))], wording, zero=series["aggregate"] != "mean", marks=marks
    )
    return Figure(_key(series), what, f"per {result['unit']}", drawing)


def _with_gaps(values: list[tuple[str, float | None]]) -> list[tuple[str, float | None]]:
    """Where far more time than usual passes without a row, the line is broken."""
    times = [datetime.fromisoformat(start) for start, _ in values]
    steps = sorted(b - a for a, b in pairwise(times))
    if not steps:
        return values
    usual = steps[len(steps) // 2]
    made = values[:1]
    for before, after, value in zip(times, times[1:], values[1:], strict=False):
        if after - before > 4 * usual:
            made.append((periods.iso(before), None))
        made.append(value)
    return made


def _season(season: dict[str, Any], wording: Wording) -> Figure:
    by = season["by"]
    names = _names(by)
    factor = 100 if season["relative"] else 1
    columns = [
        (name[:3], factor * value if (value := season["deviations"].get(str(place))) is not None else None)
        for place, name in enumerate(names, 1)
    ]
    what = capital(subject(season, "day" if by == "weekday" else "month", short=True))
    note = f"by {by}, {'% from' if season['relative'] else 'from'} its trend"
    return Figure(f"season-{by}-{_key(season)}", what, note, charts.columns(f"{what} {note}", columns, wording))


def subject(series: dict[str, Any], unit: str, short: bool = False) -> str:
    """What a series is of."""
    per = "" if short else f" per {unit}"
    if series["measure"] is None:
        return f"number of rows{per}" if short else f"the number of rows{per}"
    name = label(series["measure"], 40)
    if series.get("one"):
        return name
    if series["aggregate"] == "sum":
        return f"total {name}{per}" if short else f"the total of {name}{per}"
    return f"mean of {name}" if short else f"the mean of {name}"


def _key(series: dict[str, Any]) -> str:
    return series["aggregate"] if series["measure"] is None else f"{series['aggregate']}-{series['measure']}"


def _names(by: str) -> tuple[str, ...]:
    return _WEEKDAYS if by == "weekday" else _MONTHS


def periods_of(many: int, unit: str, wording: Wording) -> str:
    return wording.count(many, unit)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:] if text.startswith(("the ", "total ", "mean ", "number ")) else text


def _apart(a: float, b: float) -> float:
    """How far apart two levels are, from 0 to 1, whatever their unit."""
    if a * b <= 0:
        return 0.5
    a, b = abs(a), abs(b)
    return 1 - min(a, b) / max(a, b)
