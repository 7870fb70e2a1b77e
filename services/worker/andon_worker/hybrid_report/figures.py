"""Which charts a section has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.drawing import Drawing
from andon_worker.hybrid_report.wording import label, number, percent

_MOST_BARS = 15
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOURS = tuple(str(hour) for hour in range(24))


@dataclass(frozen=True)
class Figure:
    """A chart with its heading and a note; half as wide as the page, or all of it."""

    heading: str
    note: str
    drawing: Drawing

    @property
    def wide(self) -> bool:
        return self.drawing.width > charts.HALF


def figures(section: str, result: dict[str, Any]) -> list[Figure]:
    return _MAKERS[section](result)


def _overview(result: dict[str, Any]) -> list[Figure]:
    gaps = sorted((c for c in result["columns"] if c["missing"]), key=lambda c: -c["missing"])[:_MOST_BARS]
    if not gaps:
        return []
    rows = [(label(c["name"], 40), c["missing"], percent(c["missing"], result["rows"])) for c in gaps]
    return [Figure("Missing values", "share of rows", charts.bars("Missing values by column", rows, charts.FULL))]


def _distributions(result: dict[str, Any]) -> list[Figure]:
    made = (_spread(column) for column in result["columns"] if column["count"])
    return [figure for figure in made if figure]


def _spread(column: dict[str, Any]) -> Figure | None:
    name = label(column["name"], 40)
    if column["kind"] == "categorical":
        if len(column["top"]) < 2 or column["top"][0]["count"] < 2:
            return None
        rows = [(label(t["value"], 40), t["count"], percent(t["count"], column["count"])) for t in column["top"]]
        note = f"{number(column['distinct'])} values" + (f", the {len(rows)} most frequent" if column["other"] else "")
        return Figure(name, note, charts.bars(f"Most frequent values of {name}", rows))
    histogram = column["histogram"]
    if not histogram or column["min"] == column["max"]:
        return None
    if column["kind"] == "temporal":
        names = (column["min"][:10], column["max"][:10])
        edges = [float(place) for place in range(len(histogram["edges"]))]
        return Figure(name, "rows", charts.histogram(f"Rows over {name}", edges, histogram["counts"], names))
    beyond = histogram["below"] + histogram["above"]
    note = f"mean {number(column['mean'])}, median {number(column['quantiles']['p50'])}"
    if beyond:
        note += f"; not shown: {percent(beyond, column['count'])} at the ends"
    return Figure(name, note, charts.histogram(f"Histogram of {name}", histogram["edges"], histogram["counts"]))


def _trends(result: dict[str, Any]) -> list[Figure]:
    if result["timeColumn"] is None:
        return []
    points, unit = result["points"], result["unit"]
    made = [
        Figure(f"Rows per {unit}", "", charts.line(f"Rows per {unit}", [(p["start"], p["rows"]) for p in points], True))
    ]
    for place, measure in enumerate(result["measures"]):
        name = label(measure, 40)
        series = [(p["start"], p["means"][place]) for p in points]
        made.append(Figure(f"Mean of {name}", f"per {unit}", charts.line(f"Mean of {name} per {unit}", series)))
    for place, measure in enumerate(result["measures"]):
        name = label(measure, 40)
        for by, profile in (
            ("weekday", _profile(result["weekdays"], "weekday", _WEEKDAYS, place)),
            ("hour of day", _profile(result["hours"], "hour", _HOURS, place)),
        ):
            if profile:
                drawing = charts.columns(f"Mean of {name} by {by}", profile)
                made.append(Figure(f"Mean of {name}", f"by {by}", drawing))
    return made


def _profile(
    points: list[dict[str, Any]], key: str, names: tuple[str, ...], place: int
) -> list[tuple[str, float | None]]:
    """A value for each weekday or hour, also for those without rows; nothing if fewer than two have any."""
    start = 1 if key == "weekday" else 0
    means = {point[key] - start: point["means"][place] for point in points}
    return [(name, means.get(at)) for at, name in enumerate(names)] if len(means) > 1 else []


def _correlations(result: dict[str, Any]) -> list[Figure]:
    if len(result["columns"]) < 2:
        return []
    names = [label(name, 40) for name in result["columns"]]
    return [Figure("Pearson correlation", "", charts.heat_map("Pearson correlation matrix", names, result["pearson"]))]


def _outliers(result: dict[str, Any]) -> list[Figure]:
    beyond = [(c, c["below"] + c["above"]) for c in result["columns"]]
    shown = sorted((each for each in beyond if each[1]), key=lambda each: -each[1] / each[0]["count"])[:_MOST_BARS]
    if not shown:
        return []
    rows = [(label(c["name"], 40), 100 * many / c["count"], percent(many, c["count"])) for c, many in shown]
    drawing = charts.bars("Values outside the fences by column", rows, charts.FULL)
    return [Figure("Values outside the fences", "share of a column's values", drawing)]


def _groups(result: dict[str, Any]) -> list[Figure]:
    made = []
    for comparison in result["comparisons"]:
        known = [group for group in comparison["groups"] if group["mean"] is not None]
        if not known:
            continue
        what = f"{label(comparison['measure'], 40)} by {label(comparison['groupBy'], 40)}"
        rows = [(label(g["value"], 40), g["mean"], g["low"], g["high"]) for g in known]
        note = f"with {100 * result['confidence']:g}% intervals" if result["resamples"] else ""
        made.append(Figure(f"Mean of {what}", note, charts.intervals(f"Mean of {what}", rows)))
    return made


_MAKERS: dict[str, Callable[[dict[str, Any]], list[Figure]]] = {
    "overview": _overview,
    "distributions": _distributions,
    "trends": _trends,
    "correlations": _correlations,
    "outliers": _outliers,
    "groups": _groups,
}
