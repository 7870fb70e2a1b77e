"""Rows that come every so often, and those of them that are lacking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from andon.reports.duck import identifier
from andon_worker.hybrid_report.figures.table import Table

_FEWEST, _REGULAR, _MOST_ROWS = 30, 0.95, 1_000_000
_SAME = 1.01  # rows per moment


@dataclass(frozen=True)
class Rhythm:
    """How far apart rows are; how many are lacking within, and between which two rows most of them."""

    step: timedelta
    lacking: int
    since: datetime
    until: datetime


def rhythm_of(table: Table, column: str) -> Rhythm | None:
    """Of times that are nearly always as far apart, one row for each; None of others, and of more than a million."""
    if not _FEWEST < table.rows <= _MOST_ROWS:
        return None
    t = identifier(column)
    step, many, same, lacking, since, until = table.one(
        f"WITH moments AS (SELECT DISTINCT CAST({t} AS TIMESTAMP) AS t FROM data WHERE {t} IS NOT NULL), "
        "pairs AS (SELECT t, lag(t) OVER (ORDER BY t) AS since FROM moments), "
        "steps AS (SELECT since, t, date_diff('second', since, t) AS s FROM pairs WHERE since IS NOT NULL), "
        "usual AS (SELECT quantile_disc(s, 0.5) AS step FROM steps) "
        "SELECT any_value(step), count(*), count(*) FILTER (s = step), "
        "coalesce(sum(s // step - 1) FILTER (s > step AND step > 0), 0), arg_max(since, s), arg_max(t, s) "
        "FROM steps, usual"
    )
    if not step or many < _FEWEST or same < _REGULAR * many or table.seen[column].count > _SAME * (many + 1):
        return None
    return Rhythm(timedelta(seconds=step), int(lacking), since, until)
