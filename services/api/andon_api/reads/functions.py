"""Functions with what their runs of the last 24 hours did."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, select

from andon.adapters.postgres.models import Run
from andon_api.database import Row, now, rows
from andon_api.reads import pauses
from andon_api.reads.events import functions

_RUN = Run.__table__
DAY = dt.timedelta(hours=24)


def with_statistics(tenant: str) -> list[Row]:
    """What the dispatcher has registered; `last_day` has the runs by status and how long half of them took."""
    day = _last_day(tenant)
    paused = {each["name"]: each for each in pauses.of(tenant) if each["kind"] == "function"}
    return [
        {
            **each,
            "last_day": day[each["id"]],
            "pause": paused.get(each["id"]),
            "paused_at": paused.get(each["id"], {}).get("paused_at"),
        }
        for each in functions()
    ]


def _last_day(tenant: str) -> dict[str, Row]:
    seconds = func.extract("epoch", _RUN.c.ended_at - _RUN.c.started_at)
    completed = case((_RUN.c.status == "completed", seconds))
    query = (
        select(
            _RUN.c.function_id,
            _RUN.c.status,
            func.count().label("count"),
            func.percentile_cont(0.5).within_group(completed).label("median"),
        )
        .where(_RUN.c.tenant == tenant, _RUN.c.kind == "function", _RUN.c.id >= _oldest_id(now() - DAY))
        .group_by(_RUN.c.function_id, _RUN.c.status)
    )
    found: dict[str, Row] = defaultdict(lambda: {"runs": {}, "median_seconds": None})
    for row in rows(query):
        of: dict[str, Any] = found[row["function_id"]]
        of["runs"][row["status"]] = row["count"]
        if row["median"] is not None:
            of["median_seconds"] = float(row["median"])
    return found


def _oldest_id(moment: dt.datetime) -> UUID:
    """The smallest id of a run made then: ids sort by time, so that the index on them finds the day's runs."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
