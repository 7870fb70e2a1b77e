"""Who has how much of a total: in words, bars and cells of a table."""

from __future__ import annotations

from typing import Any

from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.charts import Bar
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Grid, Sentence
from andon_worker.hybrid_report.wording import MISSING, Wording, brief, label, sum_of

_FIRST = 5
_EVEN, _MONEYED, _COUNTED = 0.05, 0.45, 0.25  # the share above an even one, and what its telling is worth
_EQUAL, _RICHER, _MOST = 0.02, 0.1, 0.95  # beyond the share of the rows: no news, worth all; and the most
_BEYOND = 0.15  # of its share of the rows, up to which a share of the sum is no news
_EVENLY, _EVEN_OF_MANY = 0.15, 0.4  # of an even share, up to which the groups may differ to be called even

Groups = dict[str, Any]
"""A comparison, or totals of many names: `compute` says what it holds."""


def totalled(groups: Groups, wording: Wording) -> list[Sentence]:
    sums, shown = groups["sums"], [g for g in groups["groups"] if g["sum"] is not None]
    if not sums or sums["all"] is None or len(shown) < 2:
        return []
    by, measure, number = brief(groups["groupBy"]), brief(groups["measure"]), wording.number
    ordered = sorted(shown, key=lambda g: -g["sum"])
    first, last = ordered[0], ordered[-1]
    beside = f" Rows in which {by} is missing hold {number(sums['ungrouped'])} more." if sums["ungrouped"] else ""
    about, figure = (str(groups.get("of", groups["measure"])), str(groups["groupBy"])), _key(groups)
    rows = sum(g["rows"] for g in groups["groups"]) + groups["rowsOmitted"]
    if not sums["shares"]:
        said = (
            f"By {by}, the {sum_of(measure)} is highest for {label(first['value'], 60)} ({number(first['sum'])}) "
            f"and lowest for {label(last['value'], 60)} ({number(last['sum'])}); all together make "
            f"{number(sums['all'])}"
        )
        return [Sentence(f"{said}.{beside}", 0.3, figure, about, rows)]
    share = first["sum"] / sums["all"]
    then = [f"{label(g['value'], 60)} {wording.percent(g['sum'], sums['all'])}" for g in ordered[1:3]]
    said = (
        f"By {by}, {label(first['value'], 60)} has {wording.percent(share, 1)} of the {sum_of(measure)} "
        f"({number(first['sum'])} of {number(sums['all'])}, with {wording.percent(first['rows'], rows)} of the rows), "
        f"{' and '.join(then)}"
    )
    if _evenly(groups):
        ends = f"{label(first['value'], 60)} has {wording.percent(share, 1)}"
        if not groups["groupsOmitted"]:
            ends += f", {label(last['value'], 60)} {wording.percent(last['sum'], sums['all'])}"
        return [Sentence(f"By {by}, the {sum_of(measure)} is spread evenly: {ends}.{beside}")]
    excess = share - 1 / groups["total"]
    # Who has most of the rows has most of their sum: the news is how far its share lies beyond theirs.
    richer = _richer(share, first["rows"] / rows)
    if groups["total"] > 2 * _FIRST:
        part = sum(g["sum"] for g in ordered[:_FIRST]) / sums["all"]
        said += f"; the {_FIRST} largest of {number(groups['total'])} have {wording.percent(part, 1)}"
        excess = max(excess, (part - _FIRST / groups["total"]) / 2)
        richer = max(richer, _richer(part, sum(g["rows"] for g in ordered[:_FIRST]) / rows) / 2)
    worth = {"money": _MONEYED, "count": _COUNTED}.get(groups["role"], 0.0)
    telling = worth and groups["total"] > 2 and ordered[1]["sum"] > 0 and excess > _EVEN and richer > _EQUAL
    effect = (worth + excess) * min(1.0, richer / _RICHER) + richer / 2
    return [Sentence(f"{said}.{beside}", min(_MOST, effect) if telling else 0.0, figure, about, rows)]


def _richer(share: float, of_rows: float) -> float:
    return share - of_rows if share > (1 + _BEYOND) * of_rows else 0.0


def largest(groups: Groups) -> dict[str, Any]:
    """The group that has most."""
    return max((g for g in groups["groups"] if g["sum"] is not None), key=lambda g: float(g["sum"]))


def _evenly(groups: Groups) -> bool:
    """Whether no group has much more than any other: there is nothing to see in their bars."""
    sums, found = groups["sums"], [group["sum"] for group in groups["groups"]]
    if not sums["shares"]:
        return False
    if many := groups["groupsOmitted"]:
        found.append(sums["others"] / many)
    return bool((max(found) - min(found)) * groups["total"] <= (_EVEN_OF_MANY if many else _EVENLY) * sums["all"])


def total_figures(groups: Groups, wording: Wording) -> list[Figure]:
    sums, shown = groups["sums"], sorted(groups["groups"], key=lambda g: -(g["sum"] or 0.0))
    if not sums or sums["all"] is None or len(shown) < 2 or any(g["sum"] is None for g in shown) or _evenly(groups):
        return []
    if not groups["groupsOmitted"]:
        shown = in_order(shown, lambda g: str(g["value"]))
    told = [(label(g["value"], 40), g["sum"]) for g in shown]
    rows = [Bar(name, value, _said(value, sums, wording)) for name, value in told]
    if groups["groupsOmitted"]:
        rows.append(Bar(others(groups, wording), sums["others"], _said(sums["others"], sums, wording), soft=True))
    title = f"{sum_of(_what(groups), 'Total of')}"
    return [Figure(_key(groups), title, f"of {wording.number(sums['all'])}", charts.bars(title, rows))]


def total_grid(groups: Groups, wording: Wording) -> Grid:
    """Of many names, of which nothing is compared."""
    told = [(label(g["value"], 48), g["rows"], g["sum"]) for g in groups["groups"]]
    if groups["groupsOmitted"]:
        told.append((others(groups, wording), groups["rowsOmitted"], groups["sums"]["others"]))
    rows = [(name, wording.number(many), *amounts(value, groups, wording)) for name, many, value in told]
    return Grid(sum_of(_what(groups), "Total of"), ("Group", "Rows", *amount_headers(groups)), rows)


def others(groups: Groups, wording: Wording) -> str:
    return wording.count(groups["groupsOmitted"], "other")


def amounts(value: float | None, groups: Groups, wording: Wording) -> tuple[str, ...]:
    """A total and its share, where they mean something."""
    sums = groups["sums"]
    if not sums:
        return ()
    if not sums["shares"]:
        return (wording.number(value),)
    return (wording.number(value), MISSING if value is None else wording.percent(value, sums["all"]))


def amount_headers(groups: Groups) -> tuple[str, ...]:
    sums = groups["sums"]
    return () if not sums else ("Total", "Share") if sums["shares"] else ("Total",)


def _said(value: float, sums: dict[str, Any], wording: Wording) -> str:
    return wording.number(value) + (f" ({wording.percent(value, sums['all'])})" if sums["shares"] else "")


def _what(groups: Groups) -> str:
    return f"{brief(groups['measure'])} by {brief(groups['groupBy'])}"


def _key(groups: Groups) -> str:
    return f"total-{groups['measure']}-by-{groups['groupBy']}"
