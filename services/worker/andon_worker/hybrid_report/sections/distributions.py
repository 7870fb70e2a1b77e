"""Section "distributions": how the values of each column spread."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon.reports.options import MEASURABLE, TEMPORAL
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.figures.across import across
from andon_worker.hybrid_report.figures.table import Table, clean, double, open_table
from andon_worker.hybrid_report.figures.values import Values, doubles, sampled, values_of
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Result, Section, Sentence
from andon_worker.hybrid_report.wording import MISSING, Wording, label

BINS = 40
_FEWEST_BINS = 8
_FEWEST_IN_TAIL = 20
_FEW_MOMENTS, _MOST_MOMENTS = 20_000, 200_000  # to be counted one by one
_STANDING_OUT = 0.03
_LOPSIDED = 0.8  # the share of the most frequent value from which it is told
TOP = 10
_CYCLE = 31  # whole numbers up to so many, as hours and days of a month, are all shown
QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}
_ENDS = (0.005, 0.995)
_PATTERNS = 6
_DOTS, _FEWEST_PLACES = 1_500, 3
_UP, _EAST = re.compile(r"(?i)lat|breite"), re.compile(r"(?i)lon|lng|länge|laenge")
_TELLING = 0.1  # the share of the most frequent values below which a column is told by its shapes instead
_SKEWED = 3.0  # from this skewness on, a column of positive values is drawn by its logarithm

# Digits as 9, letters as A or a, in runs: what the shape of a text column is told by.
_SHAPE = (
    "regexp_replace(regexp_replace(regexp_replace(left({0}, 60), '[0-9]+', '9', 'g'), '\\p{{Lu}}+', 'A', 'g'), "
    "'[\\p{{Ll}}\\p{{Lo}}]+', 'a', 'g')"
)


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{exactQuantiles, columns: [...], columnsOmitted, places}`; each has `name`, `type`, `role`, `period` (whether it
    is one of a table's columns per year, month or day), `kind`, `count`, and by kind

    - `numeric`: `mean, std, min, max, skewness, quantiles: {p01, ..., p99}, histogram`; of years and coordinates
      `mean`, `std` and `skewness` are null, as they mean nothing
    - `temporal`: `min, max` (ISO 8601), `histogram`, `even` (whether each stands as often as any other)
    - `categorical`: `distinct, top: [{value, count}], other` (the count of all values that aren't in `top`), and of
      text with hardly a value twice `length: {min, median, max}` and `patterns: [{pattern, count}]`

    A histogram is `{edges, counts, below, above, log}`: it spans the middle 99 % where the tails are long, and says
    how many values lie outside; with `log` its edges are evenly spaced in their logarithms. A column without values
    has `count` 0 and nulls. `places` is `{latitude, longitude, rows, points}` of a sample, or null.
    """
    with open_table(parquet, options, control) as table:
        chosen = table.columns[: options.max_columns]
        spread = _Spread(table, chosen)
        periods = across(table.columns, options)
        columns = [
            {
                "name": column.name,
                "type": column.type,
                "role": column.role,
                "period": bool(periods and column.name in periods.starts),
                **spread.of(column),
            }
            for column in chosen
        ]
        control.progress(0.95, "places")
        return clean(
            {
                "exactQuantiles": table.exact,
                "columns": columns,
                "places": _places(table),
                "columnsOmitted": len(table.columns) - len(chosen),
            }
        )


def _places(table: Table) -> dict[str, Any] | None:
    """Where the rows are, if a column of latitudes stands beside one of longitudes."""
    geo = {c.name: table.seen[c.name] for c in table.of("geo") if c.type in MEASURABLE}
    up = next(
        (name for name, s in geo.items() if _UP.search(name) and max(abs(s.low or 0), abs(s.high or 0)) <= 90), None
    )
    east = next((name for name in geo if _EAST.search(name)), None)
    if up is None or east is None:
        return None
    asked = [f"CAST({identifier(name)} AS DOUBLE)" for name in (east, up)]
    both = np.column_stack([doubles(each) for each in sampled(table, asked, _DOTS)])
    both = both[np.isfinite(both).all(axis=1)][: 2 * _DOTS]
    if len(np.unique(both, axis=0)) < _FEWEST_PLACES:
        return None
    return {"latitude": up, "longitude": east, "rows": table.rows, "points": both.tolist()}


class _Spread:
    """What is asked of many columns at once, so that five hundred columns cost tens of queries."""

    def __init__(self, table: Table, columns: Sequence[Column]) -> None:
        self._table = table
        self._numeric = [
            c for c in columns if c.type in MEASURABLE and c.role not in {"id", "code", "flag", "category"}
        ]
        self._temporal = [c for c in columns if c.type in TEMPORAL]
        measured = {c.name for c in (*self._numeric, *self._temporal)}
        self._named = [c for c in columns if c.name not in measured]
        control = table.control
        control.progress(0.0, "numbers")
        self._values = values_of(table, [c.name for c in self._numeric])
        self._numbers = self._summaries()
        control.progress(0.4, "dates")
        self._dates = self._extents()
        control.progress(0.5, "histograms")
        self._histograms = self._counted()
        control.progress(0.7, "values")
        self._words = self._tops()

    def of(self, column: Column) -> dict[str, Any]:
        for found in (self._numbers, self._dates, self._words):
            if column.name in found:
                histogram = self._histograms.get(column.name)
                return found[column.name] | ({} if found is self._words else {"histogram": histogram})
        raise KeyError(column.name)

    def _summaries(self) -> dict[str, dict[str, Any]]:
        table, shares = self._table, [*QUANTILES.values(), *_ENDS]
        quantiles = "quantile_cont" if table.exact else "approx_quantile"
        names = [c.name for c in self._numeric]
        sql = {identifier(name): self._values[name].sql for name in names}
        moments = table.per_column(names, lambda c: (f"avg({sql[c]})", f"stddev_samp({sql[c]})", f"skewness({sql[c]})"))
        ranks = table.per_column(names, lambda c: (f"{quantiles}({sql[c]}, {shares})",), keeping=table.exact)
        made = {}
        for column in self._numeric:
            values = self._values[column.name]
            averaged = column.role not in {"year", "geo"}
            mean, std, skewness = moments[column.name] if averaged else (None, None, None)
            [found] = ranks[column.name]
            back = [values.original(each) for each in found or [None] * len(shares)]
            made[column.name] = {
                "kind": "numeric",
                "count": values.count,
                "mean": values.original(mean),
                "std": values.original(std),
                "min": values.low if values.count else None,
                "max": values.high if values.count else None,
                "skewness": skewness,
                "quantiles": dict(zip(QUANTILES, back, strict=False)),
                "ends": back[len(QUANTILES) :],
            }
        return made

    def _extents(self) -> dict[str, dict[str, Any]]:
        found = self._table.per_column(
            [c.name for c in self._temporal],
            lambda c: (f"count({c})", f"min({c})", f"max({c})", f"bool_and({c} = date_trunc('month', {c}))"),
        )
        even = self._even()
        self._monthly = {name for name, (*_, monthly) in found.items() if monthly}
        return {
            name: {
                "kind": "temporal",
                "count": count,
                "min": low.isoformat() if low is not None else None,
                "max": high.isoformat() if high is not None else None,
                "even": name in even,
            }
            for name, (count, low, high, _) in found.items()
        }

    def _even(self) -> set[str]:
        """The columns in which each moment stands as often as any other: there is nothing to see in their bars."""
        found = set()
        for column in self._temporal:
            c, seen = identifier(column.name), self._table.seen[column.name]
            unique = seen.distinct > 0.9 * seen.count and seen.count <= _MOST_MOMENTS
            if seen.count and (seen.distinct <= _FEW_MOMENTS or unique):
                self._table.control.check()
                (least, most) = self._table.one(
                    f"SELECT min(n), max(n) FROM (SELECT count(*) AS n FROM data WHERE {c} IS NOT NULL GROUP BY {c})"
                )
                if least == most:
                    found.add(column.name)
        return found

    def _counted(self) -> dict[str, dict[str, Any] | None]:
        bins: dict[str, _Bins] = {}
        for column in self._numeric:
            found = self._numbers[column.name]
            start, end = found.pop("ends")
            plan = _bins_of(column, found, self._values[column.name], start, end)
            if plan:
                bins[column.name] = plan
        for column in self._temporal:
            monthly = column.name in self._monthly
            plan = _bins_of_time(identifier(column.name), self._dates[column.name], monthly)
            if plan:
                bins[column.name] = plan
        sql = {identifier(name): plan.place for name, plan in bins.items()}
        counts = self._table.per_column(list(bins), lambda c: (f"histogram({sql[c]})",), keeping=True)
        return {name: plan.histogram(counts[name][0] or {}) for name, plan in bins.items()}

    def _tops(self) -> dict[str, dict[str, Any]]:
        table, made = self._table, {}
        found = table.distinct(self._named)
        for place, column in enumerate(self._named):
            table.control.progress(0.7 + 0.3 * place / len(self._named), column.name)
            count, values = found[column.name]
            made[column.name] = _named(table, column, count, values)
        return made


def _named(table: Table, column: Column, count: int, distinct: int) -> dict[str, Any]:
    c = identifier(column.name)
    # Of a key no value is more frequent than another, and to group by it would take the longest of all.
    top = (
        []
        if distinct > 0.9 * count and distinct > 1_000
        else table.all(
            f"SELECT CAST({c} AS VARCHAR), count(*) FROM data WHERE {c} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {TOP if column.type != 'integer' or distinct > _CYCLE else _CYCLE}"
        )
    )
    told = {
        "kind": "categorical",
        "count": count,
        "distinct": distinct,
        "top": [{"value": label(value), "count": n} for value, n in top],
        "other": count - sum(n for _, n in top),
    }
    shown = sum(n for _, n in top)
    if column.type == "text" and count and distinct > 5 * TOP and shown < _TELLING * count:
        shortest, median, longest = table.one(
            f"SELECT min(length({c})), quantile_disc(length({c}), 0.5), max(length({c})) FROM data"
        )
        shapes = table.all(
            f"SELECT {_SHAPE.format(c)}, count(*) FROM data WHERE {c} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_PATTERNS}"
        )
        told["length"] = {"min": shortest, "median": median, "max": longest}
        told["patterns"] = [{"pattern": label(shape, 40), "count": n} for shape, n in shapes]
    return told


@dataclass(frozen=True)
class _Bins:
    """Where the edges lie, and the SQL of the place of a value among them: -1 below the first, `len` above the last."""

    edges: Sequence[Any]
    place: str
    log: bool = False

    def histogram(self, counts: dict[int, int]) -> dict[str, Any]:
        bins = len(self.edges) - 1
        return {
            "edges": list(self.edges),
            "counts": [counts.get(place, 0) for place in range(bins)],
            "below": counts.get(-1, 0),
            "above": counts.get(bins, 0),
            "log": self.log,
        }


def _place(value: str, start: float, stop: float, width: float, bins: int) -> str:
    """The bin of a value; its last edge is in the last bin. What is missing has no place."""
    return (
        f"CASE WHEN {value} < {double(start)} THEN -1 WHEN {value} > {double(stop)} THEN {bins} "
        f"WHEN {value} IS NOT NULL THEN "
        f"least(greatest(CAST(floor(({value} - {double(start)}) / {double(width)}) AS INTEGER), 0), {bins - 1}) END"
    )


def _bins_of(
    column: Column, found: dict[str, Any], values: Values, start: float | None, end: float | None
) -> _Bins | None:
    if not values.count or start is None or end is None:
        return None
    if found["min"] > 0 and (found["skewness"] or 0) >= _SKEWED and end > 20 * start:
        return _log_bins(values)
    most = _most_bins(values.count)
    low, high, sql, unit = values.low / values.unit, values.high / values.unit, values.sql, values.unit
    start, end = start / unit, end / unit
    # Tails are cut only if they are long: else the histogram would hide ends that it has room for.
    start, end = (low, high) if (high - low) <= 2 * (end - start) or start == end else (start, end)
    if column.type == "integer" and unit == 1:
        start = math.floor(start)
        width = max(1.0, math.ceil((math.floor(end) - start + 1) / most))
        bins = math.ceil((math.floor(end) - start + 1) / width)
        start -= 0.5
    else:
        bins, width = most, (end - start) / most
        if not width or start + width == start:
            start, width, bins = start - 0.5, 1.0, 1
    edges = [(start + place * width) * unit for place in range(bins + 1)]
    if not all(map(math.isfinite, edges)):
        return None
    return _Bins(edges, _place(sql, start, start + bins * width, width, bins))


def _most_bins(values: int) -> int:
    """As many bars as so few values fill."""
    return min(BINS, max(_FEWEST_BINS, math.ceil(2 * math.sqrt(values))))


def _log_bins(values: Values) -> _Bins | None:
    low, high = math.log10(values.low), math.log10(values.high)
    bins = _most_bins(values.count)
    width = (high - low) / bins
    if not width:
        return None
    edges = [10.0 ** (low + place * width) for place in range(bins + 1)]
    edges[0], edges[-1] = values.low, values.high
    own = f"CAST({identifier(values.name)} AS DOUBLE)"
    return _Bins(edges, _place(f"log10({own})", low, high, width, bins), log=True)


def _bins_of_time(c: str, found: dict[str, Any], monthly: bool) -> _Bins | None:
    """Bins of whole days, or of whole months: of others some would hold a day more than others, or no month's first.

    `monthly` is whether all are months' firsts.
    """
    if not found["count"]:
        return None
    low, high = datetime.fromisoformat(found["min"]), datetime.fromisoformat(found["max"])
    seconds = (high - low).total_seconds()
    if not seconds:
        return None
    days, months = seconds / 86_400, 12 * (high.year - low.year) + high.month - low.month
    if days <= 3:
        width = seconds / BINS
        edges = [(low + timedelta(seconds=round(place * width))).isoformat() for place in range(BINS)]
        start = (low - datetime(1970, 1, 1)).total_seconds()
        return _Bins([*edges, high.isoformat()], _place(f"epoch({c})", start, start + seconds, width, BINS))
    if days <= _DAYS[-1] * BINS and not monthly:
        step = next(step for step in _DAYS if days / step <= BINS)
        first = datetime(low.year, low.month, low.day)
        bins = int((high - first).days // step) + 1
        start = (first - datetime(1970, 1, 1)).total_seconds()
        stops = [first + timedelta(days=step * place) for place in range(bins + 1)]
        place = _place(f"epoch({c})", start, start + bins * step * 86_400, step * 86_400, bins)
        return _Bins([stop.isoformat() for stop in stops], place)
    yearly = monthly and low.month == high.month == 1 and months > 24
    step = next(step for step in _MONTHS if months / step < BINS and (step >= 12 or not yearly))
    begin = (12 * low.year + low.month - 1) // step * step
    bins = (12 * high.year + high.month - 1 - begin) // step + 1
    counted = [begin + step * place for place in range(bins + 1)]
    edges = [datetime(month // 12, month % 12 + 1, 1).isoformat() for month in counted]
    return _Bins(edges, _place(f"(12 * year({c}) + month({c}) - 1)", begin, begin + bins * step, step, bins))


_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000)


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    told = []
    numeric = [c for c in result["columns"] if c["kind"] == "numeric" and c["std"] and not c["period"]]
    skewed = sorted(
        (
            c
            for c in numeric
            if c["count"] >= _FEWEST_IN_TAIL
            and c["skewness"] is not None
            and abs(c["skewness"]) >= 1
            and c["quantiles"]["p25"] != c["quantiles"]["p75"]
        ),
        key=lambda c: -abs(c["skewness"]),
    )
    told += [_tail(column, wording) for column in skewed[:3]]
    for column in result["columns"]:
        if column["kind"] == "categorical" and column["top"] and column["distinct"] > 1:
            top = column["top"][0]
            if top["count"] / column["count"] >= _LOPSIDED:
                share = wording.percent(top["count"], column["count"])
                value = label(top["value"], 40)
                told.append(Sentence(f"{share} of the values of {label(column['name'])} are “{value}”."))
        if column.get("patterns"):
            told.append(_shapes(column, wording))
    for column in result["columns"]:
        if column["kind"] == "numeric" and column["std"] is None and column["count"] and column["min"] != column["max"]:
            plain = column["role"] == "year"
            low, high = (f"{column[end]:.0f}" if plain else wording.number(column[end]) for end in ("min", "max"))
            told.append(Sentence(f"{label(column['name'])} runs from {low} to {high}."))
    return told[:12]


def _tail(column: dict[str, Any], wording: Wording) -> Sentence:
    high = column["skewness"] > 0
    q = column["quantiles"]
    largest = "largest" if high else "smallest"
    return Sentence(
        f"{label(column['name'])} has a long tail of {'high' if high else 'low'} values: half of all lie between "
        f"{wording.number(q['p25'])} and {wording.number(q['p75'])}, the {largest} is "
        f"{wording.number(column['max' if high else 'min'])}; the mean is {wording.number(column['mean'])}, "
        f"the median {wording.number(q['p50'])}.",
        effect=min(0.45, abs(column["skewness"]) / 25),
        figure=f"of-{column['name']}",
    )


def _shapes(column: dict[str, Any], wording: Wording) -> Sentence:
    top, length = column["patterns"][0], column["length"]
    long = (
        wording.count(length["min"], "character")
        if length["min"] == length["max"]
        else f"{wording.number(length['min'])} to {wording.count(length['max'], 'character')}"
    )
    shape = (
        f"; {wording.percent(top['count'], column['count'])} have the shape “{top['pattern']}” "
        "(A and a for letters, 9 for digits)"
        if top["count"] > 0.5 * column["count"]
        else ""
    )
    return Sentence(f"The values of {label(column['name'])} are {long} long{shape}.")


def figures(result: Result, wording: Wording) -> list[Figure]:
    places = result["places"]
    drawn = {places["latitude"], places["longitude"]} if places else set()
    told = [c for c in result["columns"] if c["count"] and not c["period"] and c["name"] not in drawn]
    made = [figure for column in told if (figure := _figure(column, wording))]
    return [*([_map(places, wording)] if places else []), *made]


def _map(places: dict[str, Any], wording: Wording) -> Figure:
    points = [(x, y) for x, y in places["points"]]
    shown = "all rows" if len(points) == places["rows"] else f"{wording.number(len(points))} of the rows"
    names = f"{label(places['latitude'], 30)} up, {label(places['longitude'], 30)} across; {shown}"
    return Figure("places", "Places", names, charts.places("Places", points, wording))


def _figure(column: dict[str, Any], wording: Wording) -> Figure | None:
    name, key = label(column["name"], 40), f"of-{column['name']}"
    if column["kind"] == "categorical":
        return _bars(column, name, key, wording)
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
        say = wording.among([column["min"], column["max"]])
        notes.append(f"mean {say(column['mean'])}, median {say(column['quantiles']['p50'])}")
    if histogram["log"]:
        notes.append("logarithmic scale")
    if beyond := histogram["below"] + histogram["above"]:
        notes.append(f"not shown: {wording.percent(beyond, column['count'])} at the ends")
    drawing = charts.histogram(
        f"Histogram of {name}", edges, counts, wording, histogram["log"], plain=column["role"] == "year"
    )
    return Figure(key, name, "; ".join(notes), drawing)


def _bars(column: dict[str, Any], name: str, key: str, wording: Wording) -> Figure | None:
    count = column["count"]
    if (patterns := column.get("patterns")) and len(patterns) == 1:
        return None  # the sentence says it
    if patterns:
        rows = [Bar(p["pattern"], p["count"], wording.percent(p["count"], count)) for p in patterns]
        rest = count - sum(p["count"] for p in patterns)
        note = "shapes of the values: A and a for letters, 9 for digits"
        title = f"Shapes of {name}"
    elif len(column["top"]) < 2 or column["top"][0]["count"] < 2 or _flat(column):
        return None
    else:
        shown = in_order(column["top"], lambda t: str(t["value"])) if not column["other"] else column["top"]
        rows = [Bar(label(t["value"], 40), t["count"], wording.percent(t["count"], count)) for t in shown]
        rest, title = column["other"], f"Most frequent values of {name}"
        note = wording.count(column["distinct"], "value") + (f", the {len(rows)} most frequent" if rest else "")
    if rest:
        rows.append(Bar("other", rest, wording.percent(rest, count), soft=True))
    return Figure(key, name, note, charts.bars(title, rows))


def _flat(column: dict[str, Any]) -> bool:
    """Whether no value of an id or a code stands out among many."""
    return column["role"] in {"id", "code"} and bool(column["top"][0]["count"] < _STANDING_OUT * column["count"])


def grids(result: Result, wording: Wording) -> list[Grid]:
    number = wording.number
    numeric = [c for c in result["columns"] if c["kind"] == "numeric" and c["count"]]
    rows = []
    for c in numeric:
        say = wording.among([c["min"], c["max"]])
        if c["role"] == "year":
            say = _year
        quantiles = (c["quantiles"][name] for name in ("p05", "p25", "p50", "p75", "p95"))
        numbers = (say(c["mean"]), number(c["std"]), say(c["min"]), *map(say, quantiles), say(c["max"]))
        rows.append((label(c["name"], 32), *numbers))
    headers = ("Column", "Mean", "Std. dev.", "Min", "5%", "25%", "Median", "75%", "95%", "Max")
    caption = "Numeric columns" if result["exactQuantiles"] else "Numeric columns (quantiles are approximate)"
    temporal = [
        (
            label(c["name"], 48),
            *(c[end][:4] if c["role"] == "year" else wording.moment(c[end]) for end in ("min", "max")),
        )
        for c in result["columns"]
        if c["kind"] == "temporal" and c["count"]
    ]
    return [Grid(caption, headers, rows), Grid("Dates and times", ("Column", "Earliest", "Latest"), temporal)]


def _year(value: float | None) -> str:
    return MISSING if value is None else f"{value:.0f}"


SECTION = Section("distributions", "Distributions", compute, sentences, figures, grids)
