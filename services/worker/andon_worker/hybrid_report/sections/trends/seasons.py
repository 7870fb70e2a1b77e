"""What returns: by month, by weekday, by hour of the day."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.association import correlation_ratio
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.times import periods
from andon_worker.hybrid_report.figures.times.series import season, stepped
from andon_worker.hybrid_report.figures.values import Floats, Values
from andon_worker.hybrid_report.sections.trends.breaks import shift_of
from andon_worker.hybrid_report.sections.trends.timeline import Ask, Timeline

SEASONAL = 0.3  # the strength from which it is told
_OF: dict[str, Callable[[datetime], int]] = {
    "weekday": lambda start: start.isoweekday(),
    "month": lambda start: start.month,
    "quarter": lambda start: (start.month + 2) // 3,
}


def seasons_of(ask: Ask, timeline: Timeline, check: Callable[[], object]) -> list[dict[str, Any]]:
    """By weekday where single days are known, by month or quarter where these are: two whole
    cycles at least. Where the level shifted, each value is compared with its own level."""
    found: list[tuple[str, str, int]] = []
    grain = timeline.stretch.grain
    if timeline.finest in {"day", "hour"} and grain in {"day", "hour", "minute"}:
        found.append(("weekday", "day", 7))
    if grain == "quarter":
        found.append(("quarter", "quarter", 4))
    if periods.UNITS.index(grain) <= periods.UNITS.index("month") and timeline.finest in {"day", "month"}:
        found.append(("month", "month", 12))
    told = []
    shifted = shift_of(ask, timeline, check) if found else None
    for by, unit, most in found:
        known = [(p.start, value) for p in timeline.complete(unit) if (value := ask.value(p)) is not None]
        numbers = np.array([value for _, value in known])
        if by == "month" and ask.aggregate != "mean" and grain != "month":
            # A February is shorter, which is no season.
            numbers = numbers / [monthrange(start.year, start.month)[1] / 30.44 for start, _ in known]
        seasons = [_OF[by](start) for start, _ in known]
        cycle = len(set(seasons))  # five where no day is a weekend's
        if len(known) < 2 * cycle + 1:
            continue
        # With days or months missing here and there, so many values in a row are no week and no year.
        cycles = (known[-1][0] - known[0][0]) / periods.LENGTHS[unit] / most
        if cycle < 2 or len(known) < 0.93 * cycles * cycle:
            continue
        scale = float(np.abs(numbers).max()) or 1.0
        relative = ask.relative and bool((numbers > 0).all())
        step = _step(numbers, [start for start, _ in known], seasons, shifted, timeline.unit)
        strength, deviations, agreed = season(numbers / scale, seasons, cycle, relative, step)
        told.append(
            {
                "by": by,
                "measure": ask.measure,
                "aggregate": ask.aggregate,
                "one": ask.one,
                "values": len(numbers) - 2 * (cycle // 2),  # of which the trend is known
                "cycle": cycle,
                "agreed": agreed,
                "strength": strength,
                "relative": relative,
                "deviations": {str(name): each if relative else each * scale for name, each in deviations.items()},
            }
        )
    return told


def _step(
    numbers: Floats, starts: Sequence[datetime], seasons: Sequence[int], shifted: datetime | None, unit: str
) -> int | None:
    """The place of the first value after a shift, found by a coarser unit: within one of it."""
    if shifted is None:
        return None
    near = [i for i, at in enumerate(starts) if abs(at - shifted) <= periods.LENGTHS[unit]]
    return stepped(numbers, seasons, near[0], near[-1]) if near else None


def season_in(seasons: list[dict[str, Any]], unit: str) -> Callable[[datetime], int] | None:
    """Which season a period belongs to, where what goes up and down from one to the next is a season."""
    by = {"day": {"weekday"}, "month": {"month"}, "quarter": {"quarter", "month"}}.get(unit, set())
    disturbed = any(season["by"] in by and season["strength"] >= SEASONAL for season in seasons)
    return _OF["weekday" if unit == "day" else unit] if disturbed else None


def hours_of(table: Table, column: str, values: list[Values]) -> dict[str, Any]:
    """`{points: [{hour, rows, means}], etas}`: of each measure how much of its spread lies between the hours."""
    wanted = "".join(f", avg({v.sql}), coalesce(var_pop({v.sql}), 0), count({v.sql})" for v in values)
    found = table.all(
        f"SELECT hour({identifier(column)}), count(*){wanted} FROM data "
        f"WHERE {identifier(column)} IS NOT NULL GROUP BY 1 ORDER BY 1"
    )
    points = [
        {"hour": hour, "rows": rows, "means": [v.original(m) for v, m in zip(values, numbers[::3], strict=True)]}
        for hour, rows, *numbers in found
    ]
    etas = []
    for place in range(len(values)):
        known = [row[2 + 3 * place : 5 + 3 * place] for row in found if row[2 + 3 * place] is not None]
        means, variances, counts = (np.array(each, dtype=float) for each in zip(*known, strict=True))
        etas.append(correlation_ratio(counts, counts * means, counts * (variances + means**2)))
    return {"points": points, "etas": etas}
