"""The report in plain sentences, each of which states what the numbers show and no more.

Nothing here says why. A difference is called one only where its interval excludes zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from andon_worker.hybrid_report.groups import FEWEST_ROWS
from andon_worker.hybrid_report.wording import coefficient, count, label, listed, number, percent, period

_MOST_KEY_FINDINGS = 8
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Sentences = list[str]


def narrate(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """`{keyFindings: [sentence], sections: {name: [sentence]}}` for the sections in `results`.

    A section's most telling sentences come first; they are its share of the key findings.
    """
    told = {name: _TELLERS[name](result) for name, result in results.items()}
    key = [sentence for name, sentences in told.items() for sentence in sentences[: _KEY_SHARE[name]]]
    return {"keyFindings": key[:_MOST_KEY_FINDINGS], "sections": told}


def _overview(result: dict[str, Any]) -> Sentences:
    columns, rows = result["columns"], result["rows"]
    gaps = sorted((c for c in columns if c["missing"]), key=lambda c: -c["missing"])
    said = f"The dataset has {count(rows, 'row')} and {count(len(columns) + result['columnsOmitted'], 'column')}."
    if gaps:
        most = gaps[0]
        quality = (
            f"{percent(result['missingCells'], result['cells'])} of all values are missing, in "
            f"{count(len(gaps), 'column')}; most in {label(most['name'])} "
            f"({percent(most['missing'], rows)} of its rows)."
        )
    else:
        quality = "No value is missing."
    repeated = result["duplicateRows"]
    twice = f"{count(repeated, 'row')} ({percent(repeated, rows)}) repeat an earlier row exactly."
    sentences = [said, quality, twice if repeated != 1 else twice.replace("repeat", "repeats")]
    if not repeated:
        sentences[2] = "No row repeats another exactly."
    constant = [label(c["name"]) for c in columns if c["distinct"] == 1]
    if constant:
        sentences.append(f"{_some(constant)} {'holds' if len(constant) == 1 else 'hold'} a single value throughout.")
    empty = [label(c["name"]) for c in columns if c["distinct"] == 0]
    if empty:
        sentences.append(f"{_some(empty)} {'has' if len(empty) == 1 else 'have'} no values at all.")
    keys = [label(c["name"]) for c in columns if result["exactDistinct"] and c["distinct"] == rows > 1]
    if keys:
        sentences.append(
            f"{_some(keys)} {'identifies' if len(keys) == 1 else 'each identify'} every row: no value repeats."
        )
    if result["columnsOmitted"]:
        sentences.append(
            f"{count(result['columnsOmitted'], 'further column')} went unexamined, by the option maxColumns."
        )
    return sentences


def _some(names: list[str], most: int = 5) -> str:
    return listed(names) if len(names) <= most else f"{', '.join(names[:most])} and {len(names) - most} more"


def _distributions(result: dict[str, Any]) -> Sentences:
    numeric = [c for c in result["columns"] if c["kind"] == "numeric" and c["std"]]
    skewed = sorted(
        (c for c in numeric if c["skewness"] is not None and abs(c["skewness"]) >= 1), key=lambda c: -abs(c["skewness"])
    )
    sentences = []
    for column in skewed[:3]:
        side = "high" if column["skewness"] > 0 else "low"
        q = column["quantiles"]
        sentences.append(
            f"{label(column['name'])} has a long tail of {side} values: half of all lie between {number(q['p25'])} "
            f"and {number(q['p75'])}, the {'largest' if side == 'high' else 'smallest'} is "
            f"{number(column['max' if side == 'high' else 'min'])}; the mean is {number(column['mean'])}, "
            f"the median {number(q['p50'])}."
        )
    for column in result["columns"]:
        if column["kind"] == "categorical" and column["top"] and column["distinct"] > 1:
            top = column["top"][0]
            if top["count"] / column["count"] >= 0.5:
                sentences.append(
                    f"{percent(top['count'], column['count'])} of the values of {label(column['name'])} are "
                    f"“{label(top['value'], 40)}”."
                )
    if not sentences:
        sentences.append("No numeric column has a long tail (a skewness of 1 or more in size).")
    return sentences


def _trends(result: dict[str, Any]) -> Sentences:
    if result["timeColumn"] is None:
        return ["There is no column of dates or times that varies, so there are no trends to show."]
    unit, points = result["unit"], result["points"]
    first, last = points[0], points[-1]
    column = label(result["timeColumn"])
    sentences = []
    for place, name in enumerate(result["measures"]):
        mean = f"the mean of {label(name)}"
        if ends := _ends(points, place):
            low, high = (f"{period(end['start'], unit)} ({number(end['means'][place])})" for end in ends)
            sentences.append(f"The mean of {label(name)} was highest in {high} and lowest in {low}.")
        if ends := _ends(result["hours"], place):
            low, high = (f"{number(end['means'][place])} (at {end['hour']:02}:00)" for end in ends)
            sentences.append(f"By hour of {column}, {mean} ranges from {low} to {high}.")
        if ends := _ends(result["weekdays"], place):
            low, high = (f"{number(end['means'][place])} ({_WEEKDAYS[end['weekday'] - 1]})" for end in ends)
            sentences.append(f"By weekday of {column}, {mean} ranges from {low} to {high}.")
    sentences.append(
        f"{column} runs from {period(first['start'], unit)} to {period(last['start'], unit)}: "
        f"{count(len(points), unit)} with rows. The first and the last {unit} may be incomplete."
    )
    return sentences


def _ends(points: list[dict[str, Any]], place: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The points of the lowest and the highest mean, among those with enough rows; None if there are not two."""
    known = [point for point in points if point["means"][place] is not None and point["rows"] >= FEWEST_ROWS]
    if len(known) < 2:
        return None
    ordered = sorted(known, key=lambda point: point["means"][place])
    return ordered[0], ordered[-1]


def _correlations(result: dict[str, Any]) -> Sentences:
    strong = [pair for pair in result["strongest"] if abs(pair["pearson"]) >= 0.5]
    if len(result["columns"]) < 2:
        return ["There are fewer than two numeric columns that vary, so there is nothing to correlate."]
    sentences = []
    for pair in strong[:5]:
        way = "rise and fall together" if pair["pearson"] > 0 else "move in opposite directions"
        sentences.append(
            f"{label(pair['a'])} and {label(pair['b'])} {way}: their Pearson correlation is "
            f"{coefficient(pair['pearson'])} (Spearman {coefficient(pair['spearman'])}) "
            f"over {count(pair['rows'], 'row')}."
        )
    if not strong:
        sentences.append("No two numeric columns have a Pearson correlation of 0.5 or more in size.")
    return [*sentences, "A correlation says that two columns move together, not that one moves the other."]


def _outliers(result: dict[str, Any]) -> Sentences:
    beyond = sorted(result["columns"], key=lambda c: -(c["below"] + c["above"]) / max(1, c["count"]))
    beyond = [c for c in beyond if c["below"] + c["above"]]
    if not beyond:
        return ["No numeric column has values outside its fences."]
    sentences = []
    for column in beyond[:3]:
        sides = []
        if column["above"]:
            sides.append(f"{count(column['above'], 'value')} above {number(column['upper'])}")
        if column["below"]:
            sides.append(f"{count(column['below'], 'value')} below {number(column['lower'])}")
        sentences.append(
            f"{label(column['name'])} has {listed(sides)}, 1.5 quartile ranges outside its quartiles "
            f"({percent(column['above'] + column['below'], column['count'])} of its values)."
        )
    return [*sentences, "An outlier is a value far from the middle; it may well be right."]


def _groups(result: dict[str, Any]) -> Sentences:
    if not result["comparisons"]:
        return ["There is no column that splits the rows into a few groups together with a numeric column to compare."]
    sentences = [sentence for each in result["comparisons"] if (sentence := _compared(each, result["confidence"]))]
    if result["resamples"]:
        sentences.append(
            f"Intervals hold {100 * result['confidence']:g}% of the means of "
            f"{count(result['resamples'], 'bootstrap resample')}; each is for one mean by itself, "
            "and among many comparisons some will differ by chance."
        )
    return sentences


def _compared(comparison: dict[str, Any], confidence: float) -> str | None:
    difference = comparison["difference"]
    if difference is None:
        return None
    means = {group["value"]: group["mean"] for group in comparison["groups"]}
    high, low = difference["highest"], difference["lowest"]
    said = (
        f"By {label(comparison['groupBy'])}, the mean of {label(comparison['measure'])} is highest "
        f"for {label(high, 40)} ({number(means[high])}) and lowest for {label(low, 40)} ({number(means[low])})"
    )
    if difference["low"] is None:
        return said + "."
    certain = difference["low"] > 0 or difference["high"] < 0
    return (
        f"{said}: a difference of {number(difference['estimate'])}, {100 * confidence:g}% interval "
        f"{number(difference['low'])} to {number(difference['high'])}"
        f"{'.' if certain else ', which includes zero: it may be chance.'}"
    )


_TELLERS: dict[str, Callable[[dict[str, Any]], Sentences]] = {
    "overview": _overview,
    "distributions": _distributions,
    "trends": _trends,
    "correlations": _correlations,
    "outliers": _outliers,
    "groups": _groups,
}
_KEY_SHARE = {"overview": 2, "distributions": 1, "trends": 2, "correlations": 1, "outliers": 1, "groups": 1}
