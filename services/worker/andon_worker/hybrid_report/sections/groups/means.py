"""Where a mean is highest and lowest, and for sure or not: in words, charts and a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.charts import Box, Interval
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.sections.groups.recommending import points
from andon_worker.hybrid_report.sections.groups.totals import amount_headers, amounts, others
from andon_worker.hybrid_report.wording import MISSING, Wording, answer, brief, label, mean_of, some

_ALIKE = 0.02  # eta below which groups are said to hardly differ

Comparison = dict[str, Any]


def compared(comparison: Comparison, confidence: float, wording: Wording) -> list[Sentence]:
    difference = comparison["difference"]
    by, measure, number = brief(comparison["groupBy"]), brief(comparison["measure"]), wording.number
    if difference is None:
        return []
    if not any(group["std"] for group in comparison["groups"]):
        return [Sentence(f"{measure} follows from {by}: each {by} has a single {measure}.")]
    if _hardly_differs(comparison):
        return []
    say = _say(comparison, wording)
    means = {group["value"]: group["mean"] for group in comparison["groups"]}
    high, low = difference["highest"], difference["lowest"]
    among = _among(comparison, means[low], means[high])
    said = (
        f"By {by}, {among}the {_mean(comparison)} is highest for {answer(label(high, 60), by)} ({say(means[high])}) "
        f"and lowest for {answer(label(low, 60), by)} ({say(means[low])})"
    )
    counts = {group["value"]: group["rows"] for group in comparison["groups"]}
    rows = sum(counts.values()) + comparison["rowsOmitted"]
    # Of many groups the ends differ by chance: sure is what the groups as a whole are.
    sure = evidence.ratio(comparison["eta"], rows, comparison["total"])
    certain = sure > 0
    if difference["low"] is not None:
        apart = difference["low"] > 0 or difference["high"] < 0
        certain = apart and (certain or comparison["total"] == 2)
        said += f": a difference of {number(difference['estimate'])}"
        if number(difference["low"]) != number(difference["high"]):  # of groups in which all values are one
            said += (
                f" ({number(100 * confidence)}% interval {number(difference['low'])} to {number(difference['high'])})"
            )
        said += "" if certain else f", which may be chance{_of_many(difference, comparison)}"
    about = (comparison["measure"], comparison["groupBy"])
    scores = {
        group["value"]: points(group["nps"], wording) for group in comparison["groups"] if group["nps"] is not None
    }
    if scores:
        said += f". Their Net Promoter Scores (9 and 10 less 0 to 6) are {scores[high]} and {scores[low]} points"
    effect = sure * _worth(comparison) if certain else 0.0
    return [Sentence(f"{said}.", effect, _key(comparison), about, min(counts[high], counts[low]))]


def _among(comparison: Comparison, low: float, high: float) -> str:
    """Which groups are compared, where small ones lie beyond."""
    small = [group["mean"] for group in comparison["groups"] if not group["ranked"]]
    if all(mean is None or low <= mean <= high for mean in small):
        return ""
    fewest = comparison["fewest"]
    few = any(group["ranked"] and group["rows"] < fewest for group in comparison["groups"])
    return "among groups that are ranked, " if few else f"among groups of at least {fewest} rows, "


def _of_many(difference: dict[str, Any], comparison: Comparison) -> str:
    """Why it may be chance although its interval says otherwise."""
    if difference["low"] <= 0 <= difference["high"]:
        return ""
    return f": it is the largest of those between {comparison['total']} groups"


def _mean(comparison: Comparison) -> str:
    return mean_of(brief(comparison["measure"]), comparison["divisor"])


def _worth(comparison: Comparison) -> float:
    """Nothing where one of two groups has none of the measure, as those who didn't buy have no revenue."""
    if len(comparison["groups"]) == 2 and any(g["mean"] == 0 and not g["std"] for g in comparison["groups"]):
        return 0.0
    return evidence.implied(comparison["eta"])


def alike(comparisons: Sequence[Comparison], wording: Wording) -> list[Sentence]:
    """By which columns which means hardly differ."""
    found: dict[str, list[str]] = {}
    for each in filter(_hardly_differs, comparisons):
        found.setdefault(each["groupBy"], []).append(brief(each["measure"]))
    eta = f"(eta under {wording.number(_ALIKE)})"
    return [
        Sentence(
            f"By {brief(by)}, the {'mean' if len(names) == 1 else 'means'} of {some(names)} hardly "
            f"{'differs' if len(names) == 1 else 'differ'} {eta}."
        )
        for by, names in found.items()
    ]


def left_out(comparison: Comparison, wording: Wording) -> str:
    """Which groups are small, or aren't shown, and what is done with them."""
    parts = []
    if not all(group["ranked"] for group in comparison["groups"]):
        small = [group for group in comparison["groups"] if group["rows"] < comparison["fewest"]]
        named = [f"{label(g['value'], 30)} ({wording.count(g['rows'], 'row')})" for g in small]
        parts.append(
            f"groups of fewer than {comparison['fewest']} rows are ranked only where their mean lies beyond those of "
            f"all others for sure: {some(named, 4)}"
        )
    if comparison["groupsOmitted"]:
        largest = "the largest totals" if comparison["sums"] else "most rows"
        parts.append(
            f"{len(comparison['groups'])} of {wording.count(comparison['total'], 'group')} are shown: those with "
            f"{largest}, and those of the highest and the lowest mean; "
            f"{wording.count(comparison['rowsOmitted'], 'row')} lie in the others"
        )
    said = "; ".join(parts)
    return f"Of {brief(comparison['groupBy'])}, {said}." if said else ""


def mean_figures(comparison: Comparison, result: dict[str, Any], wording: Wording) -> list[Figure]:
    """The means with their intervals; the spreads of the comparison that has them."""
    known = in_order([g for g in comparison["groups"] if g["mean"] is not None], lambda g: str(g["value"]))
    if not known or _hardly_differs(comparison):
        return []
    what = f"{brief(comparison['measure'])} by {brief(comparison['groupBy'])}"
    rows = [Interval(label(g["value"], 40), g["mean"], g["low"], g["high"], not g["ranked"]) for g in known]
    notes = [f"with {wording.number(100 * result['confidence'])}% intervals"] if result["resamples"] else []
    if not all(g["ranked"] for g in known):
        notes.append(f"grey: fewer than {comparison['fewest']} rows, not ranked")
    if charts.is_logarithmic(rows):
        notes.append("logarithmic scale")
    drawing = charts.intervals(f"Mean of {what}", rows, wording)
    made = [Figure(_key(comparison), f"Mean of {what}", "; ".join(notes), drawing)]
    if boxes := [_box(g) for g in known if g["spread"] and None not in g["spread"]]:
        note = "box: the middle half, line: median, dot: mean, whiskers: 5% to 95%"
        note += "; logarithmic scale" if charts.is_logarithmic(boxes) else ""
        drawing = charts.boxes(f"Spread of {what}", boxes, wording)
        made.append(Figure(f"{_key(comparison)}-spread", f"Spread of {what}", note, drawing))
    return made


def mean_grid(comparison: Comparison, result: dict[str, Any], wording: Wording) -> Grid:
    say, number = _say(comparison, wording), wording.number
    ends = f"{number(100 * result['confidence'])}%"
    nps = ("NPS",) if any(g["nps"] is not None for g in comparison["groups"]) else ()
    rows = [
        (
            label(g["value"], 48),
            number(g["rows"]),
            *amounts(g["sum"], comparison, wording),
            *(say(g[key]) if key != "std" else number(g[key]) for key in ("mean", "std", "low", "high")),
            *([points(g["nps"], wording)] if g["nps"] is not None else []),
        )
        for g in in_order(comparison["groups"], lambda g: str(g["value"]))
    ]
    if comparison["groupsOmitted"]:
        sums, many = comparison["sums"], comparison["rowsOmitted"]
        mean = say(sums["others"] / many) if sums and sums["others"] is not None else MISSING
        rest = amounts(sums["others"], comparison, wording) if sums else ()
        rows.append(
            (others(comparison, wording), number(many), *rest, mean, MISSING, MISSING, MISSING, *[MISSING] * len(nps))
        )
    return Grid(
        f"{brief(comparison['measure'])} by {brief(comparison['groupBy'])}",
        ("Group", "Rows", *amount_headers(comparison), "Mean", "Std. dev.", f"{ends} from", f"{ends} to", *nps),
        rows,
    )


def _hardly_differs(comparison: Comparison) -> bool:
    difference = comparison["difference"]
    return difference is not None and comparison["eta"] < _ALIKE and not _surely(difference, comparison)


def _surely(difference: dict[str, Any], comparison: Comparison) -> bool:
    """Whether the ends differ by a tenth of a standard deviation and more than by chance."""
    spread = next((g["std"] for g in comparison["groups"] if g["value"] == difference["lowest"]), None)
    if difference["low"] is None or difference["low"] <= 0 or not spread:
        return False
    return bool(difference["estimate"] > 0.1 * spread)


def _box(group: dict[str, Any]) -> Box:
    low, q1, median, q3, high = group["spread"]
    return Box(label(group["value"], 40), low, q1, median, q3, high, group["mean"])


def _say(comparison: Comparison, wording: Wording) -> Callable[[float | None], str]:
    return wording.among(group["mean"] for group in comparison["groups"])


def _key(comparison: Comparison) -> str:
    return f"{comparison['measure']}-by-{comparison['groupBy']}"
