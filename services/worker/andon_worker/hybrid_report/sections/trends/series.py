"""Each series in two or three short sentences and a chart; all of them in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.charts import Series
from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.trends.naming import (
    Told,
    apart,
    capital,
    change_of,
    complete_points,
    key_of,
    moves,
    number_of,
    subject,
    with_gaps,
)
from andon_worker.hybrid_report.sections.trends.returning import seasons_told
from andon_worker.hybrid_report.wording import MINUS, MISSING, Wording, brief, label, listed, some

_ALONE, _MOST = 0.5, 0.95  # how much more a shift is worth where all else held
_NOTHING = 0.001  # of the last level; how many times a first one near zero has grown says nothing
_TELLING = 6  # periods from which a series can be said to have a direction, or none
_TURNED = 3  # of these that are told by how far they went and came back
_OF_TOTAL, _OF_MANY = 0.5, 0.8  # the effect of what became of a total; what that of one among many others counts
_MANY = 2  # measures beyond those told one by one, from which they are told as many


def series_sentences(result: Result, wording: Wording) -> list[Sentence]:
    unit = result["unit"]
    first: dict[str | None, Told] = {}
    for series in result["series"]:
        first.setdefault(series["measure"], series)
    moved = [series for series in result["series"] if series["direction"] and _is_news(series, first)]
    moved.sort(key=lambda series: -_effect(series))
    points = complete_points(result)
    told: list[Sentence] = []
    for place, series in enumerate(moved):
        course = _course(series, unit, points, wording)
        of_total = series["measure"] is not None and series["measure"] in (result.get("total") or [])[:1]
        breaks = _breaks(series, result, points, wording)
        if of_total:
            course, *breaks = (replace(each, effect=max(each.effect, _OF_TOTAL)) for each in (course, *breaks))
        told += [course, *([] if place else _latest(series, unit, points, wording)), *breaks]
    still = [series for series in first.values() if not series["direction"] and not _broken(series)]
    turned = [series for series in first.values() if not series["direction"] and _broken(series)]
    told += [_each(series, result, points, wording) for series in still if series["complete"] < _TELLING]
    told += _still([series for series in still if series["complete"] >= _TELLING], result, wording)
    if not moved and len(still) == 1:
        told += _latest(still[0], unit, points, wording)
    told += [sentence for series in turned for sentence in _breaks(series, result, points, wording)]
    return [*told, *_others(result, points, wording), *_parts(result, wording)]


def _broken(series: Told) -> bool:
    """Whether its level changed, or it went far and came back: it has a direction that changes."""
    return any(series[each] for each in ("shift", "leap", "swing")) and series["complete"] >= _TELLING


def _is_news(series: Told, first: dict[str | None, Told]) -> bool:
    """A measure's mean beside its sum is news if it goes another way."""
    same = first[series["measure"]]
    return same is series or same["direction"] != series["direction"]


def _effect(series: Told) -> float:
    return float(abs(series["tau"]) * apart(series["first"]["value"], series["last"]["value"]) ** 0.6)


def _course(series: Told, unit: str, points: Sequence[Told], wording: Wording) -> Sentence:
    what, number, first, last = subject(series, unit), number_of(series, wording), series["first"], series["last"]
    if first["periods"] == 1:
        ends = (wording.at(first["from"], unit), wording.at(last["from"], unit))
    else:
        width = wording.count(first["periods"], unit)
        ends = (f"on average in the first {width}", f"in the last {wording.number(first['periods'])}")
    text = (
        f"{capital(what)} {series['direction']} from {number(first['value'])} {ends[0]} "
        f"to {number(last['value'])} {ends[1]}"
    )
    if series["change"] is not None and _NOTHING * last["value"] <= first["value"]:
        text += f": {change_of(series, wording)}"
        if series["perYear"] is not None:
            text += f", {change_of(series, wording, 'perYear')} a year"
    elif not series["relative"]:
        apart_by = last["value"] - first["value"]
        text += f": {'+' if apart_by > 0 else MINUS}{wording.number(abs(apart_by))}"
    rows = sum(point["rows"] for point in points)
    return Sentence(f"{text}.", _effect(series), key_of(series), (series["measure"] or "rows", "over time"), rows)


def _still(found: list[Told], result: Result, wording: Wording) -> list[Sentence]:
    """Those without a direction: one by one where they never move, or where there is only one."""
    unit, seasonal = result["unit"], {season["measure"] for season in seasons_told(result)}
    fixed = [series for series in found if series["peak"]["value"] == series["dip"]["value"]]
    told = [
        Sentence(
            f"{capital(subject(series, unit))} is {number_of(series, wording)(series['peak']['value'])} in each of "
            f"{wording.count(series['complete'], unit)}."
        )
        for series in fixed
    ]
    match [series for series in found if series not in fixed]:
        case []:
            return told
        case [series]:
            number, peak, dip = number_of(series, wording), series["peak"], series["dip"]
            said = (
                f"{capital(subject(series, unit))} shows no clear direction "
                f"{'but its season ' if series['measure'] in seasonal else ''}over "
                f"{wording.count(series['complete'], unit)}: it was highest {wording.at(peak['start'], unit)} "
                f"({number(peak['value'])}) and lowest {wording.at(dip['start'], unit)} ({number(dip['value'])})."
            )
        case several:
            names = some([subject(series, unit) for series in several])
            said = (
                f"{names[0].upper()}{names[1:]} show no clear direction."
                if names.startswith("the ")
                else (f"{names} show no clear direction.")
            )
    return [*told, Sentence(said)]


def _each(series: Told, result: Result, points: Sequence[Told], wording: Wording) -> Sentence:
    """Of a few periods, of which none can be said to go one way."""
    number, unit = number_of(series, wording), result["unit"]
    known = [(p["start"], v) for p, v in zip(points, values_of(series, result, points), strict=True) if v is not None]
    said = listed([f"{number(value)} {wording.at(start, unit)}" for start, value in known])
    now = known[-1][1]
    others = [{"start": start, "value": value} for start, value in (known[-2], known[0])]
    beside = [
        _beside(now, other, series["relative"], unit, wording)
        for other in others[: len(known) - 1]
        if not _rests_on_few(series, points, known[-1][0], other["start"])
    ]
    change = f": {listed(beside)}" if beside else ", some of it in too few rows for a change to be told"
    return Sentence(f"{capital(subject(series, unit))} was {said}{change}.", figure=key_of(series))


def _rests_on_few(series: Told, points: Sequence[Told], *starts: str) -> bool:
    """Whether the value of a measure in one of these periods rests on few rows, where others have many more."""
    most = max((point["rows"] for point in points), default=0)
    least = min((point["rows"] for point in points if point["start"] in starts), default=most)
    return series["measure"] is not None and least < min(evidence.FEWEST, most / 2)


def _latest(series: Told, unit: str, points: Sequence[Told], wording: Wording) -> list[Sentence]:
    """The last period beside the one before and a year ago."""
    latest, relative = series["latest"], series["relative"]
    beside = [
        _beside(latest["value"], other, relative, unit, wording)
        for other in (latest["before"], latest["yearAgo"])
        if other and not _rests_on_few(series, points, latest["start"], other["start"])
    ]
    if not beside or series["peak"]["value"] == series["dip"]["value"] or series["complete"] < _TELLING:
        return []
    at = wording.at(latest["start"], unit)
    value = number_of(series, wording)(latest["value"])
    return [Sentence(f"{at[0].upper()}{at[1:]} it was {value}: {' and '.join(beside)}.")]


def _beside(now: float, other: dict[str, Any], relative: bool, unit: str, wording: Wording) -> str:
    then = other["value"]
    if now != then and relative and now >= 0 and then > 0:
        return f"{wording.change(now / then - 1)} on {wording.period(other['start'], unit)}"
    at = wording.at(other["start"], unit)
    if now == then:
        return f"as {at}"
    return f"{wording.number(abs(now - then))} {'more' if now > then else 'less'} than {at}"


def _breaks(series: Told, result: Result, points: Sequence[Told], wording: Wording) -> list[Sentence]:
    """How far it went and came back, and where its level changed for good; else the one step that is like no other."""
    shift, swing = _shift(series, result, points, wording), series["swing"]
    told = swing if shift else series["leap"] or swing
    return [*([_path(series, told, points, wording)] if told else []), *shift]


def _path(series: Told, told: dict[str, Any], points: Sequence[Told], wording: Wording) -> Sentence:
    """From one turn to the next."""
    unit, path = told["unit"], told["path"]
    number = wording.among([each["value"] for each in path])
    said: list[str] = []
    for before, after in pairwise(path):
        way = "rose" if after["value"] > before["value"] else "fell"
        since = "" if said else f" from {number(before['value'])} {wording.at(before['start'], unit)}"
        share = series["relative"] and before["value"] > 0 and after["value"] >= _NOTHING * before["value"]
        by = f" ({wording.change(after['value'] / before['value'] - 1)})" if share else ""
        said.append(f"{way}{since} to {number(after['value'])} {wording.at(after['start'], unit)}{by}")
    ending = ", the largest step by far" if told is series["leap"] else ""
    before, after = path[:2]
    rows = min((p["rows"] for p in points if p["start"] in (before["start"], after["start"])), default=0)
    far = apart(before["value"], after["value"])
    effect = 0.6 * far
    if told is series["swing"] and series["relative"]:
        effect = max(effect, evidence.worth(far, far / 2))
    about = (series["measure"] or "rows", "on its way")
    text = f"{capital(subject(series, unit))} {listed(said)}{ending}."
    return Sentence(text, effect, key_of(series), about, series["complete"] if series["one"] else rows)


def _shift(series: Told, result: Result, points: Sequence[Told], wording: Wording) -> list[Sentence]:
    shift, unit = series["shift"], result["unit"]
    if not shift or shift["low"] <= 0 <= shift["high"]:
        return []
    before, after, number = shift["before"], shift["after"], number_of(series, wording)
    sides = Counter[bool]()
    for point in points:
        sides[point["start"] < shift["start"]] += point["rows"]
    when = f"with {wording.period(shift['start'], unit)}"
    if shift["gap"]:
        when = f"between {wording.period(shift['gap'], unit)} and {wording.period(shift['start'], unit)}"
    said = (
        f"The level of {subject(series, unit)} changed {when}: "
        f"{number(before)} on average before, {number(after)} from then on (a difference of "
        f"{wording.number(after - before)}, 95% interval {wording.number(shift['low'])} to "
        f"{wording.number(shift['high'])})"
    )
    held = [subject(each, unit) for each in _held(series, result)]
    said += f"; {listed(held)} {'shows' if len(held) == 1 else 'show'} none." if held else "."
    nearer = min(shift["low"], shift["high"], key=abs)
    effect = 0.8 * apart(before, before + nearer)
    if series["relative"] and (larger := max(before, after)):
        effect = max(effect, evidence.worth(abs(after - before) / larger, abs(nearer) / larger))
    effect = min(_MOST, effect + _ALONE * effect) if held else effect
    about = (series["measure"] or "rows", "over time")
    return [Sentence(said, effect, key_of(series), about, min(sides[True], sides[False]))]


def _held(series: Told, result: Result) -> list[Told]:
    """The other measures of a log, whose rows come every so often, where none of them went anywhere."""
    others = [each for each in result["series"] if each["measure"] not in (None, series["measure"])]
    still = all(each["shift"] is None and each["direction"] is None for each in others)
    return others if still and result["rhythm"] and series["measure"] is not None else []


def _by_measure(result: Result) -> dict[str, Told]:
    every: dict[str, Told] = {}
    for series in (*result["series"], *result["others"]):
        if series["measure"] is not None:
            every.setdefault(series["measure"], series)
    return every


def _parts(result: Result, wording: Wording) -> list[Sentence]:
    """Which parts of the total that is most measures' went against it."""
    every, (total, *parts) = _by_measure(result), result.get("total") or [""]
    if total not in every or not (way := every[total]["direction"]):
        return []
    known = [(name, every[name]) for name in parts if name in every]
    against = [(name, told) for name, told in known if told["direction"] not in (None, way)]
    if len(known) < _MANY:
        return []
    other = "fell" if way == "rose" else "rose"
    said = f"Of the {wording.count(len(known), 'part')} of {brief(total)}"
    if not against:
        return [Sentence(f"{said}, none {other} while it {way}.")]
    against.sort(key=lambda each: -abs(each[1]["change"] or 0))
    named = some([f"{label(name, 40)} ({change_of(told, wording)})" for name, told in against], 4)
    text = f"{said}, {wording.number(len(against))} {other} while it {way}: {named}."
    return [Sentence(text, _OF_TOTAL, about=("parts", "over time"))]


def _others(result: Result, points: Sequence[Told], wording: Wording) -> list[Sentence]:
    """How many of all measures rose and fell, where there are more than are told of one by one; and which of them went
    farthest there or back on their way."""
    every = _by_measure(result)
    said = moves(list(every.items()), wording)
    if len(result["others"]) < _MANY or not said:
        return []
    known = sum(series["direction"] is not None and series["change"] is not None for series in every.values())
    moved = sum(series["direction"] is not None for series in every.values())
    effect = 0.9 * moved / len(every) if known > 1 else 0.0
    turned = [series for series in result["others"] if series["swing"] and series["relative"]]
    turned.sort(key=lambda series: -_turn(series))
    return [
        Sentence(f"Of {wording.count(len(every), 'measure')} over time {said}.", effect),
        *(
            replace(path, effect=_OF_MANY * path.effect, figure="")
            for path in (_path(each, each["swing"], points, wording) for each in turned[:_TURNED])
        ),
    ]


def _turn(series: Told) -> float:
    """How far it went on the first part of its way."""
    before, after = series["swing"]["path"][:2]
    return apart(before["value"], after["value"])


def series_figures(result: Result, wording: Wording) -> list[Figure]:
    points = complete_points(result)
    return [_line(series, result, points, wording) for series in result["series"]]


def _line(series: Told, result: Result, points: Sequence[dict[str, Any]], wording: Wording) -> Figure:
    values = list(zip([p["start"] for p in points], values_of(series, result, points), strict=True))
    marks = [
        (each["start"], each["value"], number_of(series, wording)(each["value"]))
        for each in (series["peak"], series["dip"])
        if series["peak"]["value"] != series["dip"]["value"]
    ]
    what = capital(subject(series, result["unit"], short=True))
    drawing = charts.line(
        what, [Series(what, with_gaps(values))], wording, zero=series["aggregate"] != "mean", marks=marks
    )
    return Figure(key_of(series), what, f"per {result['unit']}", drawing)


def values_of(series: Told, result: Result, points: Sequence[dict[str, Any]]) -> list[float | None]:
    """The series' value in each of the points; None where it rests on too few of the values that it has otherwise."""
    if series["measure"] is None:
        return [point["rows"] for point in points]
    place = result["measures"].index(series["measure"])
    return [None if place in point["thin"] else point[f"{series['aggregate']}s"][place] for point in points]


def series_grid(result: Result, wording: Wording) -> Grid:
    unit, every = result["unit"], [*result["series"], *result["others"]]
    yearly = any(series["latest"]["yearAgo"] for series in every)
    rows = []
    for series in every:
        number = number_of(series, wording)
        ends = ((series[end]["value"], wording.short_period(series[end]["start"], unit)) for end in ("peak", "dip"))
        highest, lowest = (f"{number(value)} ({start})" for value, start in ends)
        rows.append(
            (
                label(capital(subject(series, unit, short=True)), 60),
                *(number(series[end]["value"]) for end in ("first", "last")),
                *(change_of(series, wording, key) for key in ("change", "perYear")),
                series["direction"] or MISSING,
                highest,
                lowest,
                *([_on_a_year_ago(series, wording)] if yearly else []),
            )
        )
    width, *others = {series["first"]["periods"] for series in every}
    means = f" (first and last: means of {wording.count(width, unit)})" if width > 1 and not others else ""
    headers = ("Series", "First", "Last", "Change", "Per year", "Direction", "Highest", "Lowest")
    ago = (f"Last {unit} on a year ago",) if yearly else ()
    return Grid(f"All series per {unit}{means}", headers + ago, rows)


def _on_a_year_ago(series: Told, wording: Wording) -> str:
    latest = series["latest"]
    now, then = latest["value"], latest["yearAgo"] and latest["yearAgo"]["value"]
    return MISSING if then is None or then <= 0 or now < 0 or not series["relative"] else wording.change(now / then - 1)
