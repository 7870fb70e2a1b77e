"""Functions with what their runs of the last 24 hours did."""

import datetime as dt
from collections import defaultdict
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from andon.adapters.postgres.models import Run, Slot
from andon.engine.declared.declarations import from_json
from andon.engine.durations import written
from andon.engine.ids import first_id
from andon_api.database import Row, now, rows
from andon_api.reads import pauses, registered

_RUN = Run.__table__
_SLOT = Slot.__table__
MOST_HOLDERS = 5
DAY = dt.timedelta(hours=24)


def with_statistics(tenant: str) -> list[Row]:
    """What the dispatcher has registered; `last_day` has the runs by status and how long half of them took."""
    day = _last_day(tenant)
    holders = _holders(tenant)
    paused = {each["name"]: each for each in pauses.of(tenant) if each["kind"] == "function"}
    return [
        {
            **each,
            "last_day": day[each["id"]],
            "limits": _limits(each),
            "holders": holders.get(each["id"]),
            "pause": paused.get(each["id"]),
            "paused_at": paused.get(each["id"], {}).get("paused_at"),
        }
        for each in registered.listed()
    ]


def _holders(tenant: str) -> dict[str, Row]:
    """Of each function's runs that are let in by a limit how many there are, and the oldest of them."""
    ids = func.array_agg(aggregate_order_by(_RUN.c.id.distinct(), _RUN.c.id))
    query = (
        select(_RUN.c.function_id, func.count(_RUN.c.id.distinct()).label("count"), ids.label("ids"))
        .join(_SLOT, _SLOT.c.run_id == _RUN.c.id)
        .where(_RUN.c.tenant == tenant, _RUN.c.ended_at.is_(None), _RUN.c.door.is_(None))
        .group_by(_RUN.c.function_id)
    )
    return {row["function_id"]: {"count": row["count"], "ids": row["ids"][:MOST_HOLDERS]} for row in rows(query)}


def _limits(function: Row) -> list[str]:
    """What it says of how its runs flow, a phrase each; of another release, nothing."""
    try:
        declared = from_json(function["settings"]["declaration"])
    except (TypeError, ValueError, KeyError, AttributeError):
        return []
    said = [f"{each.limit:,} at once{_by(each.key)}" for each in declared.concurrency]
    if one := declared.singleton:
        said.append(f"one at a time{_by(one.key)}, {_MODES[one.mode]}")
    if rate := declared.throttle:
        said.append(f"at most {rate.limit:,} start in {written(rate.period)}{_by(rate.key)}")
    if limit := declared.rate_limit:
        said.append(f"at most {limit.limit:,} made in {written(limit.period)}{_by(limit.key)}")
    if debounce := declared.debounce:
        said.append(f"starts when it is quiet for {written(debounce.period)}{_by(debounce.key)}")
    if declared.idempotency:
        said.append(f"one in {written(declared.idempotency_for)}{_by(declared.idempotency)}")
    if declared.fair:
        said.append(f"in turns{_by(declared.fair)}")
    if declared.priority:
        said.append(f"{declared.priority.run} seconds ahead")
    if times := declared.timeouts:
        spans = (("start", times.start), ("end", times.finish))
        said += [f"{name} within {written(span)}" for name, span in spans if span]
    return said


def _by(key: str | None) -> str:
    return f" by {key}" if key else ""


_MODES = {"skip": "others are skipped", "cancel": "a new one cancels it", "latest": "the newest waits"}


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
        .where(_RUN.c.tenant == tenant, _RUN.c.kind == "function", _RUN.c.id >= first_id(now() - DAY))
        .group_by(_RUN.c.function_id, _RUN.c.status)
    )
    found: dict[str, Row] = defaultdict(lambda: {"runs": {}, "median_seconds": None})
    for row in rows(query):
        of: dict[str, Any] = found[row["function_id"]]
        of["runs"][row["status"]] = row["count"]
        if row["median"] is not None:
            of["median_seconds"] = float(row["median"])
    return found
