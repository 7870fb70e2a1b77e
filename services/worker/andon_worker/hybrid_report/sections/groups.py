"""Section "groups": totals, shares, means with bootstrap intervals and spreads; one grouping against another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from andon.reports import Column, Control, ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar, Box, Interval
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import cramers_v
from andon_worker.hybrid_report.figures.resampling import Bins, Floats, interval, resampled_means, seed_of
from andon_worker.hybrid_report.figures.table import Table, clean, double, open_table
from andon_worker.hybrid_report.figures.values import Values, codes, doubles, sampled, values_of
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Result, Section, Sentence
from andon_worker.hybrid_report.wording import MISSING, Wording, label, some

BINS = 2_048
# Fewer rows than this make a mean too unsure to be called the highest or the lowest, unless all groups are small.
FEWEST_ROWS, FEWEST_OF_SMALL = 30, 5
_ERRORS = 3.0  # by which the mean of a small group lies apart for sure
_SPREAD = (0.05, 0.25, 0.5, 0.75, 0.95)
_SPREAD_ROWS = 100_000
_CROSSED = 4
_CROSS_ROWS, _CROSS_COLUMNS = 10, 8
_TOGETHER = 0.1  # Cramér's V from which two groupings are said to go together
_LARGEST = 5
_EVEN, _MONEYED, _COUNTED = 0.05, 0.45, 0.25  # the share of the first above an even one, and what its telling is worth
_ALIKE = 0.02  # eta below which groups are said to hardly differ


def compute(parquet: Path, options: ReportOptions, control: Control) -> Result:
    """`{resamples, confidence, comparisons: [...], cross}`, a comparison for each grouping and measure.

    A comparison is `{groupBy, measure, role, total, fewest, groupsOmitted, rowsOmitted, eta, sums, groups: [{value,
    rows, ranked, sum, mean, std, low, high, spread}], difference}`. `total` counts all groups, exactly. `sums` is
    `{all, ungrouped, shares}` where a sum of the measure means something, else null: that of all rows with a group,
    that of the rows without one, and whether no group's is negative, so that they have shares. A group is `ranked` if
    it has at least `fewest` rows: 30, or 5 where most groups have fewer than 30. A smaller one of 5 rows is ranked,
    too, if its mean lies beyond all of theirs for sure. Shown are the ranked by falling mean, then the others: the 30
    of most rows, and whichever have the highest and the lowest mean and the largest sums. `low` and
    `high` bound the mean; null without resamples, or if the group has a single row. `spread` are the quantiles 5, 25,
    50, 75, 95 %, of the comparison of the largest `eta` alone. `difference` is between the first and the last ranked
    group: `{highest, lowest, estimate, low, high}`; null if there are not two.

    `cross` counts the rows of two groupings, those that go together most:
    `{a, b, v, rows: [value], columns: [value], counts, omitted}`; null if there are not two.
    """
    with open_table(parquet, options, control, by_period=True) as table:
        measures = choose.measures(table, options)
        values = values_of(table, measures)
        roles = {name: table.column(name).role for name in measures}
        pairs = [(g, m) for g in choose.groupings(table, options) for m in measures if g != m]
        loaded = []
        for place, (group_by, measure) in enumerate(pairs):
            control.progress(0.2 * place / len(pairs), f"{measure} by {group_by}")
            loaded.append(_load(table, group_by, values[measure], _is_flow(table.column(measure), values[measure])))
        if loaded:
            strongest = max(loaded, key=lambda each: each.eta)
            strongest.spread = _spreads(table, strongest)
        control.progress(0.2, "one grouping against another")
        cross = _cross(table, options)
    # Resampling needs no database: its memory is free by now.
    comparisons = []
    for place, found in enumerate(loaded):
        group_by, measure = pairs[place]
        share = _Share(control, 0.2 + 0.8 * place / len(pairs), 0.8 / len(pairs), f"{measure} by {group_by}")
        comparisons.append(
            {"role": roles[measure]} | _compare(found, options, seed_of(options.seed, group_by, measure), share)
        )
    return clean(
        {"resamples": options.resamples, "confidence": options.confidence, "comparisons": comparisons, "cross": cross}
    )


def _is_flow(column: Column, values: Values) -> bool:
    """Whether a total of it means something; delays that may be negative have none."""
    return column.summed and not (column.role == "duration" and values.low < 0)


class _Share:
    """Progress over one comparison's groups, with a check in each call."""

    def __init__(self, control: Control, start: float, width: float, note: str) -> None:
        self._control, self._start, self._width, self._note = control, start, width, note

    def __call__(self, fraction: float) -> None:
        self._control.check()
        self._control.progress(self._start + self._width * fraction, self._note)


@dataclass(frozen=True)
class _Group:
    value: Any
    sum: float
    std: float | None
    bins: Bins

    @property
    def name(self) -> str:
        return label(self.value)


@dataclass
class _Loaded:
    """The groups of a comparison that are shown, in a measure's unit, and what is known of the others."""

    group_by: str
    values: Values
    groups: list[_Group]
    total: int
    rows_omitted: int
    fewest: int
    eta: float
    spread: dict[str, list[float | None]]
    sums: tuple[float, float, bool] | None = None
    """Of all groups, of the rows without one, and whether none is negative; None where they mean nothing."""


def _load(table: Table, group_by: str, values: Values, summed: bool) -> _Loaded:
    g, x = identifier(group_by), values.sql
    present = f"FROM data WHERE {g} IS NOT NULL AND {x} IS NOT NULL"
    table.connection.execute(
        "CREATE OR REPLACE TEMP TABLE found AS "
        f"SELECT {g} AS value, count(*) AS n, sum({x}) AS sum, avg({x}) AS mean, stddev_samp({x}) AS std {present} "
        "GROUP BY 1"
    )
    total, rows, enough, middle = table.one(
        f"SELECT count(*), sum(n), count(*) FILTER (n >= {FEWEST_ROWS}), sum(n * mean) / sum(n) FROM found"
    )
    if not total:
        return _Loaded(group_by, values, [], 0, 0, FEWEST_ROWS, 0.0, {})
    fewest = FEWEST_ROWS if enough >= max(2, total / 2) else FEWEST_OF_SMALL
    between, within = table.one(
        f"SELECT sum(n * (mean - {double(middle)}) ** 2), sum((n - 1) * coalesce(std, 0) ** 2) FROM found"
    )
    ends = f"SELECT value FROM found WHERE n >= {FEWEST_OF_SMALL} ORDER BY mean"
    shown = table.all(
        "WITH shown AS ("
        f"(SELECT value FROM found ORDER BY n DESC, value LIMIT {choose.MOST_GROUPS}) UNION "
        f"({ends}, value LIMIT 1) UNION ({ends} DESC, value LIMIT 1)"
        + (f" UNION (SELECT value FROM found ORDER BY sum DESC, value LIMIT {_LARGEST})" if summed else "")
        + ") SELECT value, sum, std, n FROM found JOIN shown USING (value)"
    )
    sums = None
    if summed:
        all_, shares = table.one("SELECT sum(sum), min(sum) >= 0 AND sum(sum) > 0 FROM found")
        (ungrouped,) = table.one(f"SELECT coalesce(sum({x}), 0) FROM data WHERE {g} IS NULL")
        sums = (all_, ungrouped, shares)
    binned = _bins(table, g, values, present, [value for value, *_ in shown])
    return _Loaded(
        group_by,
        values,
        [_Group(value, sum_, std, binned[value]) for value, sum_, std, _ in shown],
        total,
        int(rows) - sum(n for *_, n in shown),
        fewest,
        _eta(between, within, int(rows), total),
        {},
        sums,
    )


def _eta(between: float, within: float, rows: int, groups: int) -> float:
    """See `association.correlation_ratio`."""
    if rows <= groups or between + within <= 0:
        return 0.0
    return float(max(0.0, 1 - within / (between + within) * (rows - 1) / (rows - groups)) ** 0.5)


def _bins(table: Table, g: str, values: Values, present: str, groups: list[Any]) -> dict[Any, Bins]:
    """Of each group its values, gathered in narrow bins."""
    low, high = values.low / values.unit, values.high / values.unit
    whole = values.unit == 1 and low == int(low) and high - low < BINS
    width = 1.0 if whole else (high - low) / BINS or 1.0
    x = values.sql
    rows = table.connection.execute(
        f"SELECT {g}, floor(({x} - {double(low)}) / {double(width)}), count(*), avg({x}), var_pop({x}) "
        f"{present} AND {g} IN (SELECT unnest(?)) GROUP BY 1, 2 ORDER BY 1, 2",
        [groups],
    ).fetchall()
    by_group: dict[Any, list[tuple[Any, ...]]] = {}
    for value, _, *numbers in rows:
        by_group.setdefault(value, []).append(tuple(numbers))
    return {value: _bins_of(found) for value, found in by_group.items()}


def _bins_of(rows: Sequence[tuple[Any, ...]]) -> Bins:
    counts, means, variances = zip(*rows, strict=True)
    return Bins(np.array(counts, dtype=np.int64), np.array(means, dtype=float), np.array(variances, dtype=float))


def _spreads(table: Table, loaded: _Loaded) -> dict[str, list[float | None]]:
    """Of each group its quantiles; in a large table those of a sample: they are drawn, not told."""
    group = f"CAST({identifier(loaded.group_by)} AS VARCHAR)"
    words, numbers = sampled(table, [group, loaded.values.sql], _SPREAD_ROWS)
    coded, names = codes(words)
    x = doubles(numbers)
    shown = {group.name for group in loaded.groups}
    found: dict[str, list[float | None]] = {}
    for place, name in enumerate(names):
        own = x[(coded == place) & np.isfinite(x)]
        if len(own) and label(name) in shown:
            found[label(name)] = [loaded.values.original(float(each)) for each in np.quantile(own, _SPREAD)]
    return found


def _compare(loaded: _Loaded, options: ReportOptions, seed: list[int], share: _Share) -> dict[str, Any]:
    original = loaded.values.original
    ranked = _ranked(loaded)
    ordered = sorted(loaded.groups, key=lambda each: (each.name not in ranked, -each.bins.mean, each.name))
    sure = [group.name for group in ordered if group.name in ranked]
    ends = {sure[0], sure[-1]} if len(sure) > 1 else set()
    kept: dict[str, Floats] = {}
    groups = []
    for place, group in enumerate(ordered):
        low = high = None
        if options.resamples and group.bins.rows > 1:
            drawn = _resample(group, options, seed, share, place, len(ordered))
            if group.name in ends:
                kept[group.name] = drawn.copy()
            low, high = interval(drawn, options.confidence)
        groups.append(
            {
                "value": group.name,
                "rows": group.bins.rows,
                "ranked": group.name in ranked,
                "sum": original(group.sum) if loaded.sums else None,
                "mean": original(group.bins.mean),
                "std": original(group.std),
                "low": original(low),
                "high": original(high),
                "spread": loaded.spread.get(group.name),
            }
        )
    means = {group.name: group.bins.mean for group in ordered}
    return {
        "groupBy": loaded.group_by,
        "measure": loaded.values.name,
        "total": loaded.total,
        "fewest": loaded.fewest,
        "groupsOmitted": loaded.total - len(groups),
        "rowsOmitted": loaded.rows_omitted,
        "eta": loaded.eta,
        "sums": loaded.sums
        and {"all": original(loaded.sums[0]), "ungrouped": original(loaded.sums[1]), "shares": loaded.sums[2]},
        "groups": groups,
        "difference": _difference(sure, means, kept, options, loaded.values) if ends else None,
    }


def _ranked(loaded: _Loaded) -> set[str]:
    """The groups of enough rows, and the small ones whose mean lies beyond all of theirs by some standard errors."""
    many = [group for group in loaded.groups if group.bins.rows >= loaded.fewest]
    reach = {group.name: _ERRORS * (group.std or 0.0) / group.bins.rows**0.5 for group in loaded.groups}
    low = min((group.bins.mean - reach[group.name] for group in many), default=-math.inf)
    high = max((group.bins.mean + reach[group.name] for group in many), default=math.inf)
    apart = [
        group
        for group in loaded.groups
        if group.bins.rows >= FEWEST_OF_SMALL
        and (group.bins.mean - reach[group.name] > high or group.bins.mean + reach[group.name] < low)
    ]
    return {group.name for group in (*many, *apart)}


def _resample(group: _Group, options: ReportOptions, seed: list[int], share: _Share, place: int, count: int) -> Floats:
    def after_chunk(done: int) -> None:
        share((place + done / options.resamples) / count)

    return resampled_means(group.bins, options.resamples, [*seed, *seed_of(place, group.name)], after_chunk)


def _difference(
    sure: list[str], means: dict[str, float], kept: dict[str, Floats], options: ReportOptions, values: Values
) -> dict[str, Any]:
    highest, lowest = sure[0], sure[-1]
    low = high = None
    if highest in kept and lowest in kept:
        low, high = interval(kept[highest] - kept[lowest], options.confidence)
    return {
        "highest": highest,
        "lowest": lowest,
        "estimate": values.original(means[highest] - means[lowest]),
        "low": values.original(low),
        "high": values.original(high),
    }


def _cross(table: Table, options: ReportOptions) -> dict[str, Any] | None:
    """The two groupings that go together most, counted against each other."""
    best: tuple[float, str, str, dict[tuple[str, str], int]] | None = None
    chosen = choose.groupings(table, options, _CROSSED)
    for a, b in combinations(chosen, 2):
        if a not in options.group_by and table.column(a).part_of_time and table.column(b).part_of_time:
            continue  # by the calendar
        found = table.all(
            f"SELECT CAST({identifier(a)} AS VARCHAR), CAST({identifier(b)} AS VARCHAR), count(*) FROM data "
            f"WHERE {identifier(a)} IS NOT NULL AND {identifier(b)} IS NOT NULL GROUP BY 1, 2"
        )
        counts = {(one, other): n for one, other, n in found}
        v = cramers_v(_matrix(counts, sorted({a for a, _ in counts}), sorted({b for _, b in counts})))
        # One that follows from the other, as a code from its name, has nothing to show.
        if v < 0.999 and (best is None or v > best[0]):
            best = (v, a, b, counts)
    if best is None:
        return None
    v, a, b, counts = best
    rows, columns = (_frequent(counts, side, most) for side, most in ((0, _CROSS_ROWS), (1, _CROSS_COLUMNS)))
    return {
        "a": a,
        "b": b,
        "v": v,
        "rows": [label(value, 40) for value in rows],
        "columns": [label(value, 40) for value in columns],
        "counts": _matrix(counts, rows, columns).astype(int).tolist(),
        "omitted": sum(n for (one, other), n in counts.items() if one not in rows or other not in columns),
    }


def _frequent(counts: dict[tuple[str, str], int], side: int, most: int) -> list[str]:
    totals: dict[str, int] = {}
    for pair, n in counts.items():
        totals[pair[side]] = totals.get(pair[side], 0) + n
    return sorted(totals, key=lambda value: (-totals[value], value))[:most]


def _matrix(counts: dict[tuple[str, str], int], rows: list[str], columns: list[str]) -> Floats:
    return np.array([[counts.get((row, column), 0) for column in columns] for row in rows], dtype=float)


def sentences(result: Result, wording: Wording) -> list[Sentence]:
    if not result["comparisons"]:
        return [
            Sentence(
                "There is no column that splits the rows into a few groups together with a numeric column to compare."
            )
        ]
    told = []
    said: set[str] = set()
    for each in result["comparisons"]:
        told += [*_totalled(each, wording), *_compared(each, result["confidence"], wording)]
        if (left := _left_out(each, wording)) and each["groupBy"] not in said:
            told.append(Sentence(left))
            said.add(each["groupBy"])
    told += _crossed(result["cross"], wording)
    if result["resamples"]:
        told.append(
            Sentence(
                f"Intervals hold {wording.number(100 * result['confidence'])}% of the means of "
                f"{wording.count(result['resamples'], 'bootstrap resample')}; each is for one mean by itself, "
                "and among many comparisons some will differ by chance."
            )
        )
    return told


def _compared(comparison: dict[str, Any], confidence: float, wording: Wording) -> list[Sentence]:
    difference = comparison["difference"]
    by, measure, number = label(comparison["groupBy"]), label(comparison["measure"]), wording.number
    told: list[Sentence] = []
    say = _say(comparison, wording)
    if difference is not None and not any(group["std"] for group in comparison["groups"]):
        told.append(Sentence(f"{measure} follows from {by}: each {by} has a single {measure}."))
    elif _hardly_differs(comparison):
        told.append(Sentence(f"By {by}, the mean of {measure} hardly differs: eta is under {number(_ALIKE)}."))
    elif difference is not None:
        means = {group["value"]: group["mean"] for group in comparison["groups"]}
        high, low = difference["highest"], difference["lowest"]
        small = [group["mean"] for group in comparison["groups"] if not group["ranked"]]
        beyond = any(mean is not None and not means[low] <= mean <= means[high] for mean in small)
        among = f"among groups of at least {comparison['fewest']} rows, " if beyond else ""
        said = (
            f"By {by}, {among}the mean of {measure} is highest for {label(high, 60)} ({say(means[high])}) "
            f"and lowest for {label(low, 60)} ({say(means[low])})"
        )
        certain = True
        if difference["low"] is not None:
            certain = difference["low"] > 0 or difference["high"] < 0
            said += f": a difference of {number(difference['estimate'])}"
            if number(difference["low"]) != number(difference["high"]):  # of groups in which all values are one
                said += (
                    f", {number(100 * confidence)}% interval {number(difference['low'])} to "
                    f"{number(difference['high'])}{'' if certain else ', which includes zero: it may be chance'}"
                )
        told.append(
            Sentence(
                f"{said}.",
                effect=comparison["eta"] if certain else 0.0,
                figure=_key(comparison),
                about=(comparison["measure"], comparison["groupBy"]),
            )
        )
    return told


def _totalled(comparison: dict[str, Any], wording: Wording) -> list[Sentence]:
    """Who has how much of the total."""
    sums, groups = comparison["sums"], [g for g in comparison["groups"] if g["sum"] is not None]
    if not sums or sums["all"] is None or len(groups) < 2:
        return []
    by, measure, number = label(comparison["groupBy"]), label(comparison["measure"]), wording.number
    largest = sorted(groups, key=lambda g: -g["sum"])
    first, last = largest[0], largest[-1]
    beside = f" Rows without a {by} hold {number(sums['ungrouped'])} more." if sums["ungrouped"] else ""
    about, figure = (comparison["measure"], comparison["groupBy"], "total"), _total_key(comparison)
    if not sums["shares"]:
        said = f"By {by}, the total of {measure} is highest for {label(first['value'], 60)} ({number(first['sum'])})"
        if not comparison["groupsOmitted"]:
            said += f" and lowest for {label(last['value'], 60)} ({number(last['sum'])})"
        return [Sentence(f"{said}; all together make {number(sums['all'])}.{beside}", 0.3, figure, about)]
    rows = sum(g["rows"] for g in groups) + comparison["rowsOmitted"]
    share = first["sum"] / sums["all"]
    then = [f"{label(g['value'], 60)} {wording.percent(g['sum'], sums['all'])}" for g in largest[1:3]]
    said = (
        f"By {by}, {label(first['value'], 60)} has {wording.percent(share, 1)} of the total of {measure} "
        f"({number(first['sum'])} of {number(sums['all'])}, with {wording.percent(first['rows'], rows)} of the rows), "
        f"{' and '.join(then)}"
    )
    if comparison["total"] > 2 * _LARGEST:
        part = sum(g["sum"] for g in largest[:_LARGEST])
        said += f"; the {_LARGEST} largest of {number(comparison['total'])} have {wording.percent(part, sums['all'])}"
    excess = share - 1 / comparison["total"]
    worth = {"money": _MONEYED, "count": _COUNTED}.get(comparison["role"], 0.0)
    telling = worth and comparison["total"] > 2 and excess > _EVEN
    return [Sentence(f"{said}.{beside}", min(0.85, worth + excess) if telling else 0.0, figure, about)]


def _hardly_differs(comparison: dict[str, Any]) -> bool:
    difference = comparison["difference"]
    return difference is not None and comparison["eta"] < _ALIKE and not _surely(difference, comparison)


def _surely(difference: dict[str, Any], comparison: dict[str, Any]) -> bool:
    """Whether the ends differ by a tenth of a standard deviation and more than by chance."""
    spread = next((g["std"] for g in comparison["groups"] if g["value"] == difference["lowest"]), None)
    if difference["low"] is None or difference["low"] <= 0 or not spread:
        return False
    return bool(difference["estimate"] > 0.1 * spread)


def _left_out(comparison: dict[str, Any], wording: Wording) -> str:
    """What of the groups isn't ranked or isn't shown, and by which rule."""
    parts = []
    small = [group for group in comparison["groups"] if not group["ranked"]]
    if small:
        named = [f"{label(g['value'], 30)} ({wording.count(g['rows'], 'row')})" for g in small]
        parts.append(f"groups of fewer than {comparison['fewest']} rows aren't ranked: {some(named, 4)}")
    if comparison["groupsOmitted"]:
        parts.append(
            f"{len(comparison['groups'])} of {wording.count(comparison['total'], 'group')} are shown: those with most "
            "rows, and those of the highest and the lowest mean; "
            f"{wording.count(comparison['rowsOmitted'], 'row')} lie in the others"
        )
    said = "; ".join(parts)
    return f"Of {label(comparison['groupBy'])}, {said}." if said else ""


def _crossed(cross: dict[str, Any] | None, wording: Wording) -> list[Sentence]:
    if cross is None or cross["v"] < _TOGETHER:
        return []
    counts = np.array(cross["counts"], dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    whole = counts.sum(axis=0) / counts.sum()
    weight = np.sqrt(counts.sum(axis=1, keepdims=True) / counts.sum())
    i, j = np.unravel_index(int(np.argmax((shares - whole) * weight)), counts.shape)
    a, b = label(cross["a"]), label(cross["b"])
    return [
        Sentence(
            f"{a} and {b} go together: where {a} is {cross['rows'][i]}, "
            f"{b} is {cross['columns'][j]} in {wording.percent(float(shares[i, j]), 1)} of the rows, "
            f"in all of them in {wording.percent(float(whole[j]), 1)} (Cramér's V {wording.coefficient(cross['v'])}).",
            effect=cross["v"],
            figure="cross",
            about=(cross["a"], cross["b"]),
        )
    ]


def figures(result: Result, wording: Wording) -> list[Figure]:
    made = []
    for comparison in result["comparisons"]:
        known = in_order([g for g in comparison["groups"] if g["mean"] is not None], lambda g: str(g["value"]))
        if not known:
            continue
        what = f"{label(comparison['measure'], 40)} by {label(comparison['groupBy'], 40)}"
        if comparison["sums"] and all(g["sum"] is not None for g in known):
            made.append(_totals(comparison, what, wording))
        if _hardly_differs(comparison):
            continue
        rows = [Interval(label(g["value"], 40), g["mean"], g["low"], g["high"], not g["ranked"]) for g in known]
        notes = [f"with {wording.number(100 * result['confidence'])}% intervals"] if result["resamples"] else []
        if not all(g["ranked"] for g in known):
            notes.append(f"grey: fewer than {comparison['fewest']} rows")
        drawing = charts.intervals(f"Mean of {what}", rows, wording)
        made.append(Figure(_key(comparison), f"Mean of {what}", "; ".join(notes), drawing))
        if boxes := [_box(g) for g in known if g["spread"] and None not in g["spread"]]:
            note = "box: the middle half, line: median, dot: mean, whiskers: 5% to 95%"
            drawing = charts.boxes(f"Spread of {what}", boxes, wording)
            made.append(Figure(f"{_key(comparison)}-spread", f"Spread of {what}", note, drawing))
    if (cross := result["cross"]) and cross["v"] >= _TOGETHER:
        shares = [[n / max(1, sum(row)) for n in row] for row in cross["counts"]]
        title = f"{label(cross['b'], 40)} within {label(cross['a'], 40)}"
        down = in_order(range(len(cross["rows"])), lambda i: str(cross["rows"][i]))
        across = in_order(range(len(cross["columns"])), lambda j: str(cross["columns"][j]))
        ordered = [[shares[i][j] for j in across] for i in down]
        names = [cross["rows"][i] for i in down], [cross["columns"][j] for j in across]
        drawing = charts.cross_tab(title, *names, ordered, wording)
        note = "share of a row's rows"
        if cross["omitted"]:
            note += f"; {wording.count(cross['omitted'], 'row')} of rarer values are not shown"
        made.append(Figure("cross", title, note, drawing))
    return made


def _totals(comparison: dict[str, Any], what: str, wording: Wording) -> Figure:
    sums = comparison["sums"]
    groups = in_order(sorted(comparison["groups"], key=lambda g: -g["sum"]), lambda g: str(g["value"]))
    told = [(label(g["value"], 40), g["sum"], False) for g in groups]
    if comparison["groupsOmitted"]:
        told.append(("other", sums["all"] - sum(value for _, value, _ in told), True))
    rows = [
        Bar(
            name,
            value,
            wording.number(value) + (f" ({wording.percent(value, sums['all'])})" if sums["shares"] else ""),
            soft,
        )
        for name, value, soft in told
    ]
    note = f"of {wording.number(sums['all'])}"
    return Figure(_total_key(comparison), f"Total of {what}", note, charts.bars(f"Total of {what}", rows))


def _box(group: dict[str, Any]) -> Box:
    low, q1, median, q3, high = group["spread"]
    return Box(label(group["value"], 40), low, q1, median, q3, high, group["mean"])


def _key(comparison: dict[str, Any]) -> str:
    return f"{comparison['measure']}-by-{comparison['groupBy']}"


def _total_key(comparison: dict[str, Any]) -> str:
    return f"total-{_key(comparison)}"


def _amounts(group: dict[str, Any], comparison: dict[str, Any], wording: Wording) -> tuple[str, ...]:
    sums = comparison["sums"]
    if not sums:
        return ()
    if not sums["shares"]:
        return (wording.number(group["sum"]),)
    share = MISSING if group["sum"] is None else wording.percent(group["sum"], sums["all"])
    return (wording.number(group["sum"]), share)


def _amount_headers(comparison: dict[str, Any]) -> tuple[str, ...]:
    sums = comparison["sums"]
    return () if not sums else ("Total", "Share") if sums["shares"] else ("Total",)


def grids(result: Result, wording: Wording) -> list[Grid]:
    ends = f"{wording.number(100 * result['confidence'])}%"
    return [
        Grid(
            f"{label(each['measure'], 40)} by {label(each['groupBy'], 40)}"
            + (f" ({len(each['groups'])} of {wording.count(each['total'], 'group')})" if each["groupsOmitted"] else ""),
            (
                *("Group", "Rows", *_amount_headers(each)),
                *("Mean", "Std. dev.", f"{ends} from", f"{ends} to"),
            ),
            [
                (
                    label(g["value"], 48),
                    wording.number(g["rows"]),
                    *_amounts(g, each, wording),
                    *(
                        say(g[key]) if key != "std" else wording.number(g[key])
                        for key in ("mean", "std", "low", "high")
                    ),
                )
                for g in each["groups"]
            ],
        )
        for each in result["comparisons"]
        for say in [_say(each, wording)]
    ]


def _say(comparison: dict[str, Any], wording: Wording) -> Callable[[float | None], str]:
    return wording.among(group["mean"] for group in comparison["groups"])


SECTION = Section("groups", "Group comparisons", compute, sentences, figures, grids)
