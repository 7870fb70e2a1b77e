"""The values of each column in words, charts and tables."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Result, Sentence
from andon_worker.hybrid_report.sections.distributions.places import places_figure
from andon_worker.hybrid_report.wording import MISSING, WHOLE, Wording, brief, label, some

_FEWEST_IN_TAIL = 20
_STANDING_OUT = 0.03
_LEANING = 0.1  # how much longer one side is than the other, as a share of both
_FILLED = 0.95  # of the rows, below which it is said how many have a value
_CENTS, _CENTS_UP_TO = 2, 100_000  # decimals, and amounts of which they count
_LOPSIDED = 0.8  # the share of the most frequent value from which it is told


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    told = []
    columns = [each for each in _without_copies(result["columns"]) if not each.get("sameAs")]
    numeric = [c for c in columns if c["kind"] == "numeric" and c["std"] and not c["period"]]
    skewed = sorted(
        (
            c
            for c in numeric
            if c["count"] >= _FEWEST_IN_TAIL
            and c["skewness"] is not None
            and abs(c["skewness"]) >= 1
            and c["quantiles"]["p25"] != c["quantiles"]["p75"]
            and _leans(c)
        ),
        key=lambda c: -abs(c["skewness"]),
    )
    told += [_tail(column, wording) for column in skewed[:3]]
    for column in result["columns"]:
        if "answers" in column:
            told += _answers(column, wording)
        elif column["kind"] == "categorical" and column["top"] and column["distinct"] > 1:
            top = column["top"][0]
            if top["count"] / column["count"] >= _LOPSIDED:
                share = wording.percent(top["count"], column["count"])
                value = label(top["value"], 40)
                told.append(Sentence(f"{share} of the values of {brief(column['name'])} are “{value}”."))
        if said := column.get("patterns") and _shapes(column, wording):
            told.append(Sentence(said))
    told += _evenly(
        [c for c in result["columns"] if c["kind"] == "categorical" and "answers" not in c and _alike(c)], wording
    )
    for column in result["columns"]:
        if column["kind"] == "numeric" and column["std"] is None and column["count"] and column["min"] != column["max"]:
            plain = column["role"] == "year"
            low, high = (f"{column[end]:.0f}" if plain else wording.number(column[end]) for end in ("min", "max"))
            told.append(Sentence(f"{brief(column['name'])} runs from {low} to {high}."))
    return told[:12]


def _answers(column: dict[str, Any], wording: Wording) -> list[Sentence]:
    if not column["top"]:
        return []
    most = column["top"][0]
    return [
        Sentence(
            f"The cells of {brief(column['name'])} hold {wording.number(column['answers'] / column['count'])} of "
            f"{wording.count(column['distinct'], 'answer')} on average, in "
            f"{wording.count(column['combinations'], 'combination')}; “{label(most['value'], 40)}” is the most "
            f"frequent, in {wording.percent(most['count'], column['count'])} of them."
        )
    ]


def _evenly(columns: list[dict[str, Any]], wording: Wording) -> list[Sentence]:
    match columns:
        case []:
            return []
        case [c]:
            times, many = wording.count(c["top"][0]["count"], "time"), wording.number(c["distinct"])
            return [Sentence(f"Each of the {many} values of {brief(c['name'])} stands {times}.")]
    names = some([f"{brief(c['name'])} ({wording.number(c['distinct'])})" for c in columns])
    return [Sentence(f"Of {names}, each value stands as often as any other of its column.")]


def _leans(column: dict[str, Any]) -> bool:
    """Whether more than a single value is far off: the tail shows in the middle 98 % as well."""
    q = column["quantiles"]
    lean = (q["p99"] - q["p50"]) - (q["p50"] - q["p01"])
    return bool(lean * math.copysign(1, column["skewness"]) > _LEANING * (q["p99"] - q["p01"]))


def _tail(column: dict[str, Any], wording: Wording) -> Sentence:
    high = column["skewness"] > 0
    q = column["quantiles"]
    largest = "largest" if high else "smallest"
    return Sentence(
        f"{brief(column['name'])} has a long tail of {'high' if high else 'low'} values: half of all lie between "
        f"{wording.number(q['p25'])} and {wording.number(q['p75'])}, the {largest} is "
        f"{wording.number(column['max' if high else 'min'])}; the mean is {wording.number(column['mean'])}, "
        f"the median {wording.number(q['p50'])}.",
        # Less twice the standard error that a symmetric column's has (R. A. Fisher, 1930).
        effect=min(0.45, max(0.0, abs(column["skewness"]) - 2 * math.sqrt(6 / column["count"])) / 25),
        figure=f"of-{column['name']}",
        about=(column["name"],),
        rows=column["count"],
    )


def _shapes(column: dict[str, Any], wording: Wording) -> str:
    """How long the values are, and which shape most have that some don't; empty of names, whose shapes say nothing."""
    top, length, name = column["patterns"][0], column["length"], brief(column["name"])
    same = length["min"] == length["max"]
    if same and top["pattern"] == "9" and top["count"] == column["count"]:
        return f"The values of {name} are {wording.count(length['max'], 'digit')} long."
    if not _is_shaped(column) and column["role"] != "text":
        return ""
    longest = wording.count(length["max"], "character")
    long = longest if same else f"{wording.number(length['min'])} to {longest}"
    shape = (
        f"; {wording.percent(top['count'], column['count'])} have the shape “{top['pattern']}” "
        "(A and a for letters, 9 for digits)"
        if _is_shaped(column)
        else ""
    )
    return f"The values of {name} are {long} long{shape}."


def _is_shaped(column: dict[str, Any]) -> bool:
    """Whether most values have one shape, with digits, and a few haven't."""
    top = column["patterns"][0]
    return "9" in top["pattern"] and 0.5 * column["count"] < top["count"] < column["count"]


def figures(result: Result, wording: Wording) -> list[Figure]:
    places = result["places"]
    drawn = {places["latitude"], places["longitude"]} if places else set()
    told = [c for c in result["columns"] if c["count"] and not c["period"] and c["name"] not in drawn]
    told = [c for c in told if not c.get("sameAs")]
    rows = max((c["count"] for c in result["columns"]), default=0)
    made = [
        figure
        for column in _without_copies(told)
        if (figure := _figure(column, rows, result["exactQuantiles"], wording))
    ]
    return [*([places_figure(places, wording)] if places else []), *made]


def _without_copies(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns without those of numbers or moments that have the picture of one before, as copies have."""
    keys = ("kind", "min", "max", "mean", "histogram")

    def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
        return a["kind"] != "categorical" and all(a.get(key) == b.get(key) for key in keys)

    return [each for place, each in enumerate(columns) if not any(same(each, other) for other in columns[:place])]


def _figure(column: dict[str, Any], rows: int, exact: bool, wording: Wording) -> Figure | None:
    name, key = brief(column["name"]), f"of-{column['name']}"
    if column["kind"] == "categorical":
        return _bars(column, rows, key, exact, wording)
    histogram = column["histogram"]
    if not histogram or column["min"] == column["max"]:
        return None
    edges, counts = histogram["edges"], histogram["counts"]
    if column["kind"] == "temporal":
        if column["even"]:
            return None
        return Figure(key, name, "rows", charts.spans(f"Rows over {name}", edges, counts, wording))
    notes = []
    if column["mean"] is not None:
        say = _say(column, wording)
        notes.append(f"mean {say(column['mean'])}, median {say(column['quantiles']['p50'])}")
    if histogram["log"]:
        notes.append("logarithmic scale")
    if beyond := histogram["below"] + histogram["above"]:
        notes.append(f"not shown: {wording.percent(beyond, column['count'])} at the ends")
    drawing = charts.histogram(
        f"Histogram of {name}",
        edges,
        counts,
        wording,
        histogram["log"],
        plain=column["role"] == "year",
        whole=column["type"] == "integer",
    )
    return Figure(key, name, "; ".join(notes), drawing)


def _bars(column: dict[str, Any], all_rows: int, key: str, exact: bool, wording: Wording) -> Figure | None:
    name, count = brief(column["name"]), column["count"]
    if (patterns := column.get("patterns")) and not _is_shaped(column):
        return None  # the sentence says it, or there is nothing to say
    if patterns:
        rows = [Bar(p["pattern"], p["count"], wording.percent(p["count"], count)) for p in patterns]
        rest, others = count - sum(p["count"] for p in patterns), "others"
        note = "shapes of the values: A and a for letters, 9 for digits"
        title = f"Shapes of {name}"
    elif len(column["top"]) < 2 or column["top"][0]["count"] < 2 or _flat(column) or _alike(column):
        return None
    else:
        shown = in_order(column["top"], lambda t: str(t["value"])) if not column["other"] else column["top"]
        rows = [Bar(label(t["value"], 40), t["count"], wording.percent(t["count"], count)) for t in shown]
        rest, title = column["other"], f"Most frequent values of {name}"
        others = ("" if exact else "about ") + wording.count(column["distinct"] - len(rows), "other")
        said = "answer" if "answers" in column else "value"
        note = wording.count(column["distinct"], said) + (f", the {len(rows)} most frequent" if rest else "")
        note += "; a cell may hold several" if "answers" in column else ""
    if count < _FILLED * all_rows:
        note += f", in {wording.count(count, 'row')} of {wording.number(all_rows)}"
    if rest:
        rows.append(Bar(others, rest, wording.percent(rest, count), soft=True))
    return Figure(key, name, note, charts.bars(title, rows))


def _alike(column: dict[str, Any]) -> bool:
    """Whether each value is as frequent as any other, and more than once there."""
    top, distinct = column["top"], column["distinct"]
    return bool(top and distinct > 1 and top[0]["count"] > 1 and top[0]["count"] * distinct == column["count"])


def _flat(column: dict[str, Any]) -> bool:
    """Whether no value of an id or a code stands out among many."""
    return column["role"] in {"id", "code"} and bool(column["top"][0]["count"] < _STANDING_OUT * column["count"])


def grids(result: Result, wording: Wording) -> list[Grid]:
    number = wording.number
    numeric = [c for c in result["columns"] if c["kind"] == "numeric" and c["count"]]
    rows = []
    for c in numeric:
        ranked = [c["min"], *(c["quantiles"][name] for name in ("p05", "p25", "p50", "p75", "p95")), c["max"]]
        say = _year if c["role"] == "year" else _in_cents(c, wording) or wording.among(ranked)
        numbers = ((_in_cents(c, wording) or _say(c, wording))(c["mean"]), number(c["std"]), *map(say, ranked))
        rows.append((label(c["name"], WHOLE), *numbers))
    headers = ("Column", "Mean", "Std. dev.", "Min", "5%", "25%", "Median", "75%", "95%", "Max")
    caption = "Numeric columns" if result["exactQuantiles"] else "Numeric columns (quantiles are approximate)"
    temporal = [
        (
            label(c["name"], WHOLE),
            *(c[end][:4] if c["role"] == "year" else wording.dated(c[end], c["firstsOf"]) for end in ("min", "max")),
        )
        for c in result["columns"]
        if c["kind"] == "temporal" and c["count"]
    ]
    return [Grid(caption, headers, rows), Grid("Dates and times", ("Column", "Earliest", "Latest"), temporal)]


def _say(column: dict[str, Any], wording: Wording) -> Callable[[float | None], str]:
    """How its mean and median are written: a small mean of large values that cancel out keeps its decimals."""
    return wording.among([column["min"], column["max"], column["mean"], column["quantiles"]["p50"]])


def _in_cents(column: dict[str, Any], wording: Wording) -> Callable[[float | None], str] | None:
    """How amounts that have cents are written, up to where these no longer count; and a single value."""
    low, high = column["min"], column["max"]
    if low == high:
        return wording.exactly([low], _CENTS if column["role"] == "money" else 0)
    fractional = any(value != int(value) for value in (low, high, column["quantiles"]["p50"]))
    if column["role"] != "money" or not fractional or max(-low, high) >= _CENTS_UP_TO:
        return None
    return lambda value: MISSING if value is None else wording.fixed(value, _CENTS)


def _year(value: float | None) -> str:
    return MISSING if value is None else f"{value:.0f}"
