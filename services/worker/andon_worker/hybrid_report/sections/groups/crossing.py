"""Two groupings that go together: counted against each other, told and drawn."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np

from andon.reports import ReportOptions
from andon.reports.duck import identifier
from andon_worker.hybrid_report import charts, evidence
from andon_worker.hybrid_report.figures import choose
from andon_worker.hybrid_report.figures.association import cramers_v
from andon_worker.hybrid_report.figures.resampling import Floats
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.section import Figure, Sentence
from andon_worker.hybrid_report.wording import Wording, answer, brief, label

_GROUPINGS = 4
_ROWS, _COLUMNS = 10, 8
_TOGETHER = 0.1  # Cramér's V from which two groupings are said to go together

Cross = dict[str, Any]


def cross(table: Table, options: ReportOptions, told: set[frozenset[str]]) -> Cross | None:
    """The two groupings that go together most, as `compute` says of them, without those that are `told` already."""
    best: tuple[float, str, str, Counter[tuple[str, str]]] | None = None
    for a, b in combinations(choose.groupings(table, options, _GROUPINGS), 2):
        if {a, b} in told:
            continue
        if a not in options.group_by and table.column(a).part_of_time and table.column(b).part_of_time:
            continue  # by the calendar
        found = table.all(
            f"SELECT CAST({identifier(a)} AS VARCHAR), CAST({identifier(b)} AS VARCHAR), count(*) FROM data "
            f"WHERE {identifier(a)} IS NOT NULL AND {identifier(b)} IS NOT NULL GROUP BY 1, 2"
        )
        counts = Counter({(one, other): n for one, other, n in found})
        v = cramers_v(_matrix(counts, sorted({a for a, _ in counts}), sorted({b for _, b in counts})))
        # One that follows from the other, as a code from its name, has nothing to show.
        if v < 0.999 and (best is None or v > best[0]):
            best = (v, a, b, counts)
    if best is None:
        return None
    v, a, b, counts = best
    rows, columns = _frequent(counts, 0, _ROWS), _frequent(counts, 1, _COLUMNS)
    return {
        "a": a,
        "b": b,
        "v": v,
        "rows": [label(value, 40) for value in rows],
        "columns": [label(value, 40) for value in columns],
        "counts": _matrix(counts, rows, columns).astype(int).tolist(),
        "rowTotals": [sum(n for (one, _), n in counts.items() if one == value) for value in rows],
        "columnTotals": [sum(n for (_, other), n in counts.items() if other == value) for value in columns],
        "total": counts.total(),
        "values": [len({pair[side] for pair in counts}) for side in (0, 1)],
        "omitted": sum(n for (one, other), n in counts.items() if one not in rows or other not in columns),
    }


def _frequent(counts: Counter[tuple[str, str]], side: int, most: int) -> list[str]:
    totals: Counter[str] = Counter()
    for pair, n in counts.items():
        totals[pair[side]] += n
    return sorted(totals, key=lambda value: (-totals[value], value))[:most]


def _matrix(counts: Counter[tuple[str, str]], rows: list[str], columns: list[str]) -> Floats:
    return np.array([[counts[row, column] for column in columns] for row in rows], dtype=float)


def crossed(cross: Cross | None, wording: Wording) -> list[Sentence]:
    """Where the shares of one grouping within the other are farthest from those in all rows."""
    if cross is None or not _together(cross):
        return []
    rows = np.array(cross["rowTotals"], dtype=float)[:, None]
    shares = np.array(cross["counts"], dtype=float) / rows
    whole = np.array(cross["columnTotals"], dtype=float) / cross["total"]
    weight = np.sqrt(rows) * (rows >= min(evidence.FEWEST, rows.max()))
    i, j = np.unravel_index(int(np.argmax((shares - whole) * weight)), shares.shape)
    a, b = brief(cross["a"]), brief(cross["b"])
    often = "all" if shares[i, j] == 1 else f"{wording.percent(float(shares[i, j]), 1)} of the"
    return [
        Sentence(
            f"{a} and {b} go together: {b} is {answer(cross['columns'][j], b)} in {often} rows in which {a} is "
            f"{answer(cross['rows'][i], a)}, and in {wording.percent(float(whole[j]), 1)} of all rows "
            f"(Cramér's V {wording.coefficient(cross['v'])}).",
            effect=max(_sure(cross), _apart(cross, int(i), int(j))) * evidence.implied(cross["v"]),
            figure="cross",
            about=(cross["a"], cross["b"]),
            rows=int(rows[i, 0]),
            alike=evidence.implied(cross["v"]) < 1,
        )
    ]


def _apart(cross: Cross, i: int, j: int) -> float:
    """Of the share in a row against that in all others."""
    part, rows = cross["counts"][i][j], cross["rowTotals"][i]
    other, others = cross["columnTotals"][j] - part, cross["total"] - rows
    if others < evidence.FEWEST:
        return 0.0
    low, _ = evidence.difference(part, rows, other, others)
    return evidence.lacking(part / rows - other / others, low, part / rows, other / others)


def _sure(cross: Cross) -> float:
    return evidence.cramers_v(cross["v"], cross["total"], *cross["values"])


def _together(cross: Cross) -> bool:
    return bool(cross["v"] >= _TOGETHER and _sure(cross) > 0)


def cross_figures(cross: Cross | None, wording: Wording) -> list[Figure]:
    if cross is None or not _together(cross):
        return []
    shares = [[n / total for n in row] for row, total in zip(cross["counts"], cross["rowTotals"], strict=True)]
    title = f"{brief(cross['b'])} within {brief(cross['a'])}"
    down = in_order(range(len(cross["rows"])), lambda i: str(cross["rows"][i]))
    across = in_order(range(len(cross["columns"])), lambda j: str(cross["columns"][j]))
    rest = [[1 - sum(row)] if len(across) < cross["values"][1] else [] for row in shares]
    ordered = [[shares[i][j] for j in across] + rest[i] for i in down]
    names = [cross["rows"][i] for i in down], [cross["columns"][j] for j in across] + ["others"] * len(rest[0])
    note = f"each row of the chart comes to 100% of its {brief(cross['a'])}"
    if (hidden := cross["total"] - sum(cross["rowTotals"])) > 0:
        note += f"; {wording.count(hidden, 'row')} of rarer ones are not shown"
    return [Figure("cross", title, note, charts.cross_tab(title, *names, ordered, wording))]
