"""Tables in which each row is another moment: their columns are series, and go together by their changes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table
from andon_worker.hybrid_report.figures.values import Floats, Values, doubles, values_of

_MOST_ROWS = 20_000
_FEWEST_ROWS = 12
_AGES = re.compile(r"(?:^|[^a-z])(?:age|days|old|since|open|alter|tage|seit|âge|jours|edad|d[ií]as)(?:$|[^a-z])")
_AGE = -0.99999  # the correlation, of days over some months


def is_sequence(table: Table, time: str | None) -> bool:
    """Whether each row has a time of its own."""
    return _moment(table, time) is not None


def _moment(table: Table, time: str | None) -> str | None:
    """The SQL of what names a row's time and orders it: the time, or years with columns of months or quarters beside
    them; None if several rows share one."""
    if time is None or not _FEWEST_ROWS <= table.rows <= _MOST_ROWS:
        return None
    parts = [c.name for c in table.columns if c.part_of_time and c.name != time]
    if table.seen[time].distinct < 0.9 * table.rows and not parts:
        return None
    moment = f"({', '.join(map(identifier, [time, *parts]))})"
    (moments,) = table.one(f"SELECT count(DISTINCT {moment}) FROM data WHERE {identifier(time)} IS NOT NULL")
    return moment if moments == table.rows else None


def ordered_by_time(table: Table, time: str | None, columns: Sequence[Values]) -> Floats | None:
    """The columns side by side, a row for each moment in their order; None unless each row is another moment."""
    moment = _moment(table, time) if columns else None
    if moment is None:
        return None
    wanted = ", ".join(f"{each.sql} AS c{place}" for place, each in enumerate(columns))
    found = table.connection.execute(f"SELECT {wanted} FROM data ORDER BY {moment}").fetchnumpy()
    return np.column_stack([doubles(found[f"c{place}"]) for place in range(len(columns))])


def changes_together(a: Floats, b: Floats) -> float | None:
    """The correlation of two series' changes from one row to the next (C. W. J. Granger and P. Newbold, "Spurious
    regressions in econometrics", Journal of Econometrics 2, 1974, say why not of their levels)."""
    one, other = np.diff(a), np.diff(b)
    known = np.isfinite(one) & np.isfinite(other)
    one, other = one[known], other[known]
    if len(one) < _FEWEST_ROWS - 1 or not one.std() or not other.std():
        return None
    return float(np.corrcoef(one, other)[0, 1])


def ages(table: Table, names: Sequence[str]) -> set[str]:
    """Those of the columns that are called ages or days and fall with a date of the table as fast as it goes on: over
    time they say when they were counted, and no more."""
    found = set()
    dates = [f"epoch(CAST({identifier(c.name)} AS TIMESTAMP))" for c in table.columns if c.temporal]
    called = values_of(table, [name for name in names if _AGES.search(name.lower())]) if dates else {}
    for name, each in called.items():
        likes = table.one(f"SELECT {', '.join(f'corr({each.sql}, {day})' for day in dates)} FROM data")
        found |= {name} if any(like is not None and like < _AGE for like in likes) else set()
    return found
