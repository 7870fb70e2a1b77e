"""Runs, with the event that triggered them, their steps and how they were cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, func, select

from andon.adapters.postgres.models import EventRow, Run, StepRow
from andon.engine.ids import parse_id
from andon_api import paging
from andon_api.database import Row, rows

_RUN = Run.__table__
_EVENT = EventRow.__table__
_STEP = StepRow.__table__
NOBODY = UUID(int=0)  # the id that no row has: what a malformed one is looked up as
_EVENT_FIELDS = ("id", "name", "data", "ts", "user")
# One that goes on past that time, or doesn't go on, has no estimate.
_ESTIMATE = case(
    (and_(_RUN.c.status == "running", _RUN.c.estimated_end_at > func.clock_timestamp()), _RUN.c.estimated_end_at)
)
_FIELDS = [each for each in _RUN.c if each.name != "estimated_end_at"]


def _select() -> Select[Any]:
    event = [_EVENT.c[name].label(f"event_{name}") for name in _EVENT_FIELDS]
    return select(*_FIELDS, _ESTIMATE.label("estimated_end_at"), *event).join(_EVENT, _EVENT.c.seq == _RUN.c.event_seq)


def _shape(row: Row) -> Row:
    row["event"] = {name: row.pop(f"event_{name}") for name in _EVENT_FIELDS}
    row["cancel"] = _cancel(row) if row["cancel_requested_at"] else None
    return row


def _cancel(row: Row) -> Row:
    return {
        "requested_at": row["cancel_requested_at"],
        "requested_by": row["cancel_requested_by"],
        "reason": row["cancel_reason"],
        "event_id": row["cancel_event_id"],
        "stopped_at": row["cancel_stopped_at"],
        "settled_at": row["ended_at"] if row["status"] == "cancelled" else None,
        "forced": row["forced"],
    }


def by_ids(tenant: str, ids: Sequence[UUID]) -> dict[UUID, Row]:
    """The runs with these ids."""
    if not ids:
        return {}
    query = _select().where(_RUN.c.id.in_(ids), _RUN.c.tenant == tenant)
    return {row["id"]: _shape(row) for row in rows(query)}


def find(tenant: str, id: str) -> Row | None:
    """One run with its steps and its cleanup runs."""
    run_id = parse_id(id)
    if run_id is None:
        return None
    run = by_ids(tenant, [run_id]).get(run_id)
    if run is None:
        return None
    run["steps"] = rows(select(_STEP).where(_STEP.c.run_id == run_id).order_by(_STEP.c.position))
    cleanup = _select().where(_RUN.c.parent_run_id == run_id).order_by(_RUN.c.id)
    run["cleanup"] = [_shape(row) for row in rows(cleanup)]
    return run


def listed(tenant: str, filters: Row) -> Row:
    """A page of runs, newest first."""
    query = _select().where(_RUN.c.tenant == tenant)
    for name in ("status", "function_id"):
        if filters.get(name) is not None:
            query = query.where(_RUN.c[name] == filters[name])
    if filters.get("event_id") is not None:
        query = query.where(_EVENT.c.tenant == tenant, _EVENT.c.id == filters["event_id"])
    if filters.get("report_id") is not None:
        query = query.where(_RUN.c.report_id == (parse_id(filters["report_id"]) or NOBODY))
    if filters.get("queued_after") is not None:
        query = query.where(_RUN.c.queued_at >= filters["queued_after"])
    if filters.get("queued_before") is not None:
        query = query.where(_RUN.c.queued_at < filters["queued_before"])
    if after := paging.decode(filters["cursor"], UUID):
        query = query.where(_RUN.c.id < after[0])
    limit = filters["limit"]
    found = rows(query.order_by(_RUN.c.id.desc()).limit(limit + 1))
    return paging.page([_shape(row) for row in found], limit, lambda row: [row["id"]])
