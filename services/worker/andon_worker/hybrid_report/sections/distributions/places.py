"""Where the rows are, if a column of latitudes stands beside one of longitudes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from andon.reports.duck import identifier
from andon.reports.options import MEASURABLE
from andon_worker.hybrid_report import charts
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import doubles, sampled
from andon_worker.hybrid_report.section import Figure
from andon_worker.hybrid_report.wording import Wording, label

_DOTS, _FEWEST = 1_500, 3
_UP, _EAST = re.compile(r"(?i)lat|breite"), re.compile(r"(?i)lon|lng|länge|laenge")


def places_of(table: Table) -> dict[str, Any] | None:
    """A sample of them, as `compute` says."""
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
    if len(np.unique(both, axis=0)) < _FEWEST:
        return None
    return {"latitude": up, "longitude": east, "rows": table.rows, "points": both.tolist()}


def places_figure(places: dict[str, Any], wording: Wording) -> Figure:
    points = [(x, y) for x, y in places["points"]]
    shown = "all rows" if len(points) == places["rows"] else f"{wording.number(len(points))} of the rows"
    names = f"{label(places['latitude'], 30)} up, {label(places['longitude'], 30)} across; {shown}"
    return Figure("places", "Places", names, charts.places("Places", points, wording))
