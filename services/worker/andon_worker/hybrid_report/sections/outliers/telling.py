"""What lies outside in words, a chart and tables."""

from __future__ import annotations

from typing import Any

from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.drawing import FULL
from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.outliers.computing import EXTREMES
from andon_worker.hybrid_report.wording import MISSING, WHOLE, Wording, brief, label, listed

_MOST_BARS = 15
_FEW = 0.1  # of the values, beyond which the fences don't fit the column
_FENCED = ("min", "lower", "below", "upper", "above", "max")
_MANY = 100  # values of a column, from which one that stands alone is as much of a finding as it may be
_SEVERAL = 3  # columns, of which one row is told
_ALONE = 3  # how many times the fifth farthest value the farthest is, to be told of


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    number = wording.number
    above = [_beyond_all(each, wording) for each in result["above"]]
    if not result["columns"]:
        return above or [
            Sentence("There is no numeric column of ten different values or more, which outliers could stand out of.")
        ]
    told = above
    outside = [c for c in result["columns"] if c["below"] + c["above"]]
    beyond = [c for c in outside if c["below"] + c["above"] <= _FEW * c["count"]]
    figure = "outside" if _are_drawn(result) else ""
    if one := _of_one_row(result, outside, wording):
        return [one]
    for column in sorted(beyond, key=lambda c: -(c["largestZ"] or 0))[:4]:
        sides = []
        if column["above"]:
            sides.append(f"{wording.count(column['above'], 'value')} above {number(column['upper'])}")
        if column["below"]:
            sides.append(f"{wording.count(column['below'], 'value')} below {number(column['lower'])}")
        share = (column["above"] + column["below"]) / column["count"]
        far = max((column["max"], column["min"]), key=lambda end: _distance(end, column))
        of = (
            "its quartiles"
            if column["usual"] is None
            else f"the quartiles of the values other than {number(column['usual'])}"
        )
        told.append(
            Sentence(
                f"{brief(column['name'])} has {listed(sides)}, 1.5 quartile ranges outside {of} "
                f"({wording.percent(column['above'] + column['below'], column['count'])} of its values); "
                f"the farthest is {number(far)}.",
                effect=_effect(column, share),
                figure=figure,
                rows=column["count"],
            )
        )
    columns = {column["name"]: column for column in result["columns"]}
    far_off = [(each, columns[each["column"]]) for each in result["extremes"]]
    told += [_alone(each, column, figure, wording) for each, column in far_off if _times(each, column) >= _ALONE]
    told += [_too_many(c, wording) for c in outside if c not in beyond][:3]
    told += [
        Sentence(
            f"{wording.percent(c['usualCount'], c['count'])} of the values of {brief(c['name'])} are "
            f"{number(c['usual'])}; "
            + (
                "too few or too similar others remain to call any of them far."
                if c["lower"] is None
                else "what is far is judged by the others."
            )
        )
        for c in result["columns"]
        if c["usual"] is not None and c["usualCount"]
    ][:3]
    if not told:
        return [Sentence("No numeric column has values outside its fences.")]
    return told


def _are_drawn(result: Result) -> bool:
    """Whether columns differ in how much of them is outside: of one alone, or of bars that are alike, the sentence says
    all."""
    return len({(c["below"] + c["above"]) / c["count"] for c in result["columns"] if c["below"] + c["above"]}) > 1


def _of_one_row(result: Result, outside: list[dict[str, Any]], wording: Wording) -> Sentence | None:
    """Where one row is all that lies outside, in several columns."""
    rows = [each["rows"] for each in result["extremes"]]
    if len(rows) < _SEVERAL or any(len(each) > 1 for each in rows) or len({each[0]["row"] for each in rows}) > 1:
        return None
    if any(c["below"] + c["above"] > 1 for c in outside):
        return None
    first = rows[0][0]
    named = listed([label(key, 40) for key in first["keys"] if key is not None] or [""])
    values = [f"{brief(e['column'])} ({wording.exact(e['rows'][0]['value'])})" for e in result["extremes"]]
    which = f"Row {wording.number(first['row'])}" + (f" ({named})" if named else "")
    return Sentence(
        f"{which} alone lies outside the fences, in {wording.count(len(outside), 'column')} alike: as in "
        f"{listed(values)}."
    )


def _too_many(column: dict[str, Any], wording: Wording) -> Sentence:
    outside, values = column["below"] + column["above"], wording.count(column["count"], "value")
    return Sentence(
        f"{wording.number(outside)} of {values} of {brief(column['name'])} {'lies' if outside == 1 else 'lie'} outside "
        f"the fences ({wording.percent(outside, column['count'])}): too many to call far."
    )


def _beyond_all(above: dict[str, Any], wording: Wording) -> Sentence:
    many = wording.count(above["cells"], "value")
    return Sentence(
        f"{many} of {brief(above['name'])} {'lies' if above['cells'] == 1 else 'lie'} beyond the highest number, "
        f"{wording.exact(above['max'])}: a bound alone is known, as “{above['bound']}”.",
        effect=0.5,
        about=(above["name"], "above"),
    )


def _times(extreme: dict[str, Any], column: dict[str, Any]) -> float:
    """How many times as far from the middle of the fences the farthest value is as the fifth farthest, if all are on
    one side."""
    middle = column["lower"] / 2 + column["upper"] / 2
    apart = [row["value"] - middle for row in extreme["rows"] if row["value"] is not None]
    one_side = len(apart) == EXTREMES and (min(apart) > 0 or max(apart) < 0)
    return float(apart[0] / apart[-1]) if one_side else 0.0


def _alone(extreme: dict[str, Any], column: dict[str, Any], figure: str, wording: Wording) -> Sentence:
    first, *_, fifth = extreme["rows"]
    times = _times(extreme, column)
    return Sentence(
        f"The farthest value of {brief(extreme['column'])}, {wording.exact(first['value'])} in row "
        f"{wording.number(first['row'])}, stands alone: from the middle of all it is {wording.number(times)} times as "
        f"far as the fifth farthest, {wording.exact(fifth['value'])}.",
        effect=min(0.6, 0.1 * times) * min(1.0, column["count"] / _MANY),
        figure=figure,
        rows=column["count"],
    )


def _distance(end: float, column: dict[str, Any]) -> float:
    return float(max(end - column["upper"], column["lower"] - end))


def _effect(column: dict[str, Any], share: float) -> float:
    """Few values, very far away, are news; many a little beyond are a skewed column, which is told elsewhere."""
    z = column["largestZ"] or 0.0
    return min(0.7, z / 60) if share < 0.01 and z > 8 else 0.0


def figures(result: Result, wording: Wording) -> list[Figure]:
    beyond = [(c, c["below"] + c["above"]) for c in result["columns"]]
    shown = sorted((each for each in beyond if each[1]), key=lambda each: -each[1] / each[0]["count"])
    if not _are_drawn(result):
        return []
    rows = [
        Bar(brief(c["name"]), 100 * many / c["count"], wording.percent(many, c["count"]))
        for c, many in shown[:_MOST_BARS]
    ]
    note = "share of a column's values"
    if len(shown) > len(rows):
        note += f"; the {len(rows)} columns with most of {len(shown)}"
    drawing = charts.bars("Values outside the fences by column", rows, FULL)
    return [Figure("outside", "Values outside the fences", note, drawing)]


def grids(result: Result, wording: Wording) -> list[Grid]:
    number = wording.number
    rows = [
        (
            label(c["name"], WHOLE),
            *((number if key in ("below", "above") else say)(c[key]) for key in _FENCED),
            wording.percent(c["below"] + c["above"], c["count"]),
            MISSING if c["robust"] is None else number(c["robust"]),
        )
        for c in result["columns"]
        if c["below"] + c["above"]
        for say in [wording.among([c["min"], c["lower"], c["upper"], c["max"]])]
    ]
    headers = ("Column", "Min", "Lower fence", "Below", "Upper fence", "Above", "Max", "Outside", "|robust z| > 3.5")
    keys = [label(key, 30) for key in result["keys"]]
    farthest = [
        (
            label(each["column"], WHOLE),
            *(MISSING if key is None else key for key in row["keys"]),
            say(row["value"]),
            number(row["row"]),
        )
        for each in result["extremes"]
        for say in [wording.exactly([row["value"] for row in each["rows"]])]
        for row in each["rows"]
    ]
    return [
        Grid("The rows of the farthest values", ("Column", *keys, "Value", "Row"), farthest, words=1 + len(keys)),
        Grid("Fences and what lies outside", headers, rows),
    ]
