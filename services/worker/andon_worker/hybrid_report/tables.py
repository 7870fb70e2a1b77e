"""Which tables a section has, as text ready to be set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from andon_worker.hybrid_report.wording import MISSING, coefficient, label, number, percent


@dataclass(frozen=True)
class Grid:
    """A table: its first `words` columns are words, the others numbers, set flush right."""

    caption: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    words: int = 1


def grids(section: str, result: dict[str, Any]) -> list[Grid]:
    return [grid for grid in _MAKERS[section](result) if grid.rows]


def _overview(result: dict[str, Any]) -> list[Grid]:
    about = "" if result["exactDistinct"] else "about "
    rows = [
        (
            label(c["name"], 48),
            c["type"],
            number(c["missing"]),
            percent(c["missing"], result["rows"]),
            about + number(c["distinct"]),
        )
        for c in result["columns"]
    ]
    return [Grid("Columns", ("Column", "Type", "Missing", "Share", "Distinct values"), rows, words=2)]


def _distributions(result: dict[str, Any]) -> list[Grid]:
    numeric = [c for c in result["columns"] if c["kind"] == "numeric" and c["count"]]
    quantiles = ("p05", "p25", "p50", "p75", "p95")
    headers = ("Column", "Mean", "Std. dev.", "Min", "5%", "25%", "Median", "75%", "95%", "Max")
    rows = [
        (
            label(c["name"], 32),
            *(number(value) for value in (c["mean"], c["std"], c["min"])),
            *(number(c["quantiles"][name]) for name in quantiles),
            number(c["max"]),
        )
        for c in numeric
    ]
    caption = "Numeric columns" if result["exactQuantiles"] else "Numeric columns (quantiles are approximate)"
    temporal = [
        (label(c["name"], 48), c["min"].replace("T", " "), c["max"].replace("T", " "))
        for c in result["columns"]
        if c["kind"] == "temporal" and c["count"]
    ]
    return [Grid(caption, headers, rows), Grid("Dates and times", ("Column", "Earliest", "Latest"), temporal)]


def _trends(result: dict[str, Any]) -> list[Grid]:
    return []


def _correlations(result: dict[str, Any]) -> list[Grid]:
    rows = [
        (
            label(pair["a"], 32),
            label(pair["b"], 32),
            coefficient(pair["pearson"]),
            coefficient(pair["spearman"]),
            number(pair["rows"]),
        )
        for pair in result["strongest"]
    ]
    return [Grid("Strongest pairs", ("Column", "with", "Pearson", "Spearman", "Rows"), rows, words=2)]


def _outliers(result: dict[str, Any]) -> list[Grid]:
    rows = [
        (
            label(c["name"], 32),
            *(number(c[key]) for key in ("min", "lower", "below", "upper", "above", "max")),
            percent(c["below"] + c["above"], c["count"]),
            MISSING if c["robust"] is None else number(c["robust"]),
        )
        for c in result["columns"]
    ]
    headers = ("Column", "Min", "Lower fence", "Below", "Upper fence", "Above", "Max", "Outside", "|robust z| > 3.5")
    return [Grid("Fences and what lies outside", headers, rows)]


def _groups(result: dict[str, Any]) -> list[Grid]:
    ends = f"{100 * result['confidence']:g}%"
    headers = ("Group", "Rows", "Mean", "Std. dev.", f"{ends} from", f"{ends} to")
    return [
        Grid(
            f"{label(each['measure'], 40)} by {label(each['groupBy'], 40)}"
            + (f" (the {len(each['groups'])} largest groups)" if each["groupsOmitted"] else ""),
            headers,
            [
                (label(g["value"], 48), *(number(g[key]) for key in ("rows", "mean", "std", "low", "high")))
                for g in each["groups"]
            ],
        )
        for each in result["comparisons"]
    ]


_MAKERS: dict[str, Callable[[dict[str, Any]], list[Grid]]] = {
    "overview": _overview,
    "distributions": _distributions,
    "trends": _trends,
    "correlations": _correlations,
    "outliers": _outliers,
    "groups": _groups,
}
