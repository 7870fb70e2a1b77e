"""Seasons and hours of the day in words and charts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.section import Figure, Result, Sentence
from andon_worker.hybrid_report.sections.trends.naming import capital, key_of, subject
from andon_worker.hybrid_report.sections.trends.seasons import SEASONAL
from andon_worker.hybrid_report.wording import Wording, brief

_FEWEST_ROWS = 30  # of an hour of day that is called the highest or the lowest
_REGULAR = 0.8  # the strength from which a narrow season is one, too
_WIDE = 0.05  # the least width of a season, as a share of the trend
_HOURLY = 0.05  # eta from which the hours of the day are said to differ
_FEWEST_CYCLES = 3  # years or weeks: what came twice may be chance
_TOLD = 2  # measures of which a season is told; and those that have nothing else
_AGAIN = ("what comes again",)  # it comes again in all measures, by the hour, the weekday and the month: one finding
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAMES = {
    "weekday": _WEEKDAYS,
    "month": tuple(f"{datetime(2000, month, 1):%B}" for month in range(1, 13)),
    "quarter": ("the first quarter", "the second quarter", "the third quarter", "the fourth quarter"),
}
_UNITS = {"weekday": "day", "month": "month", "quarter": "quarter"}

Season = dict[str, Any]


def season_sentences(result: Result, wording: Wording) -> list[Sentence]:
    told = []
    still = {series["measure"] for series in result["series"] if not series["direction"]}
    for by in ("quarter", "month", "weekday"):
        found = [season for season in seasons_told(result) if season["by"] == by]
        found.sort(key=lambda s: -s["strength"])
        told += [_seasonal(s, wording) for place, s in enumerate(found) if place < _TOLD or s["measure"] in still]
    return told


def season_figures(result: Result, wording: Wording) -> list[Figure]:
    return [_figure(season, wording) for season in seasons_told(result)]


def seasons_told(result: Result) -> list[Season]:
    """Those in which the seasons differ surely, and by enough to matter; of a measure's sum and mean, which share them,
    the stronger."""
    best: dict[tuple[str, str | None], Season] = {}
    for season in result["seasons"]:
        values, same = list(season["deviations"].values()), (season["by"], season["measure"])
        wide = not season["relative"] or season["strength"] >= _REGULAR
        wide = wide or (bool(values) and max(values) - min(values) >= _WIDE)
        stronger = same not in best or season["strength"] > best[same]["strength"]
        # Of those whose trend is known the first and the last half cycle are no part.
        often = season["values"] >= (_FEWEST_CYCLES - 1) * len(values)
        if often and season["agreed"] and season["strength"] >= SEASONAL and _sure(season) > 0 and wide and stronger:
            best[same] = season
    return list(best.values())


def _sure(season: Season) -> float:
    """The strength that is sure; of whole cycles alone chance makes one. The trend takes a value of each cycle."""
    free = season["values"] - season["values"] // season["cycle"]
    return evidence.ratio(season["strength"] ** 0.5, free, len(season["deviations"])) ** 2


def _seasonal(season: Season, wording: Wording) -> Sentence:
    on = "on" if season["by"] == "weekday" else "in"
    ordered = sorted(season["deviations"].items(), key=lambda each: each[1])
    names = _NAMES[season["by"]]
    low, high = (_deviation(names[int(name) - 1], value, season, wording) for name, value in (ordered[0], ordered[-1]))
    width = ordered[-1][1] - ordered[0][1] if season["relative"] else 1.0
    return Sentence(
        f"By {season['by']}, {subject(season, _UNITS[season['by']])} is highest {on} {high} and lowest {on} {low}.",
        effect=_sure(season) * min(1.0, width) ** 0.5,
        figure=_key(season),
        about=_AGAIN,
        rows=season["values"],
    )


def _deviation(name: str, value: float, season: Season, wording: Wording) -> str:
    if season["relative"]:
        return f"{name} ({wording.change(value)} on its trend)"
    return f"{name} (on average {wording.number(abs(value))} {'above' if value > 0 else 'below'} its trend)"


def _figure(season: Season, wording: Wording) -> Figure:
    by = season["by"]
    factor = 100 if season["relative"] else 1
    columns = [
        (f"Q{place}" if by == "quarter" else name[:3], None if value is None else factor * value)
        for place, name in enumerate(_NAMES[by], 1)
        for value in [season["deviations"].get(str(place))]
    ]
    what = capital(subject(season, _UNITS[by], short=True))
    note = f"by {by}, {'% from' if season['relative'] else 'from'} its trend"
    return Figure(_key(season), what, note, charts.columns(f"{what} {note}", columns, wording))


def _key(season: Season) -> str:
    return f"season-{season['by']}-{key_of(season)}"


def hour_sentences(result: Result, wording: Wording) -> list[Sentence]:
    told = []
    for place, name, points in _hourly(result):
        known = [p for p in points if p["rows"] >= _FEWEST_ROWS and p["means"][place] is not None]
        if len(known) < 2:
            continue
        low, high = (pick(known, key=lambda p: p["means"][place]) for pick in (min, max))
        among = "" if len(known) == len(points) else f", among hours of at least {_FEWEST_ROWS} rows"
        told.append(
            Sentence(
                f"By hour of day{among}, the mean of {brief(name)} ranges from {wording.number(low['means'][place])} "
                f"(at {low['hour']:02}:00) to {wording.number(high['means'][place])} (at {high['hour']:02}:00).",
                effect=0.8 * _hours_sure(result, place),
                figure=f"hours-{name}",
                about=_AGAIN,
                rows=min(low["rows"], high["rows"]),
            )
        )
    return told


def hour_figures(result: Result, wording: Wording) -> list[Figure]:
    made = []
    for place, name, points in _hourly(result):
        hours = {p["hour"]: p["means"][place] for p in points}
        if sum(mean is not None for mean in hours.values()) > 1:
            title = f"Mean of {name} by hour of day"
            drawing = charts.columns(title, [(str(hour), hours.get(hour)) for hour in range(24)], wording)
            made.append(Figure(f"hours-{name}", f"Mean of {brief(name)}", "by hour of day", drawing))
    return made


def _hourly(result: Result) -> list[tuple[int, str, list[dict[str, Any]]]]:
    """The measures that differ by the hour."""
    hours = result["hours"]
    if not hours:
        return []
    named = enumerate(result["measures"])
    return [
        (place, name, hours["points"])
        for place, name in named
        if hours["etas"][place] >= _HOURLY and _hours_sure(result, place) > 0
    ]


def _hours_sure(result: Result, place: int) -> float:
    points = result["hours"]["points"]
    return evidence.ratio(result["hours"]["etas"][place], sum(p["rows"] for p in points), len(points))
