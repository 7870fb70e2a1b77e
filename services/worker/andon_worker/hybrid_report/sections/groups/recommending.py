"""The Net Promoter Score of answers to how likely somebody is to recommend: those of 9 and 10 less those of 0 to 6.

In points of a hundred answers (F. F. Reichheld, "The one number you need to grow", Harvard Business Review 81, 2003).
"""

from __future__ import annotations

from typing import Any

from andon_worker.hybrid_report.figures.resampling import Bins
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import values_of
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.wording import MINUS, Wording, brief

_PROMOTERS, _DETRACTORS, _MOST = 9, 6, 10
_EFFECT = 0.25


def score(bins: Bins) -> float:
    """Of whole numbers, of which each has a bin."""
    promoters = int(bins.counts[bins.means >= _PROMOTERS].sum())
    return 100 * (promoters - int(bins.counts[bins.means <= _DETRACTORS].sum())) / bins.rows


def recommended(table: Table, measures: list[str]) -> list[dict[str, Any]]:
    """`{measure, rows, promoters, detractors}` of each of the measures that are such answers, from 0 or 1 to 10."""
    found = []
    asked = values_of(table, [name for name in measures if table.column(name).recommended])
    for each in (each for each in asked.values() if _PROMOTERS <= each.high <= _MOST):
        x = each.sql
        parts = ", ".join(f"count(*) FILTER ({x} {end})" for end in (f">= {_PROMOTERS}", f"<= {_DETRACTORS}"))
        counts = table.one(f"SELECT count({x}), {parts} FROM data")
        found.append({"measure": each.name, **dict(zip(("rows", "promoters", "detractors"), counts, strict=True))})
    return found


def scored(found: list[dict[str, Any]], wording: Wording) -> list[Sentence]:
    return [
        Sentence(
            f"The Net Promoter Score of {brief(each['measure'])} is "
            f"{points(100 * (each['promoters'] - each['detractors']) / each['rows'], wording)}: of "
            f"{wording.count(each['rows'], 'answer')} {wording.percent(each['promoters'], each['rows'])} are 9 or 10, "
            f"and {wording.percent(each['detractors'], each['rows'])} are 0 to 6.",
            _EFFECT,
            about=(each["measure"], "recommended"),
            rows=each["rows"],
        )
        for each in found
        if each["rows"]
    ]


def points(value: float, wording: Wording) -> str:
    """With its sign."""
    return f"{'+' if value > 0 else MINUS if value < 0 else ''}{wording.fixed(abs(value), 1)}"
