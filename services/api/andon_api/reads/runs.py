"""Runs, with the event that triggered them, their steps and how they were cancelled."""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Select, Text, Uuid, and_, case, cast, func, or_, select, tuple_

from andon.adapters.postgres.asks import reports
from andon.adapters.postgres.models import EventRow, Report, Run, StepRow, SubjectRow, Wait
from andon.engine.events import lookup
from andon.engine.ids import parse_id
from andon.engine.steps.waiting import CHILD_ENDED
from andon.reports.events import KIND as REPORT
from andon_api.database import Row, db, rows
from andon_api.http import paging
from andon_api.http.paging import Listing
from andon_api.http.rest import PREFIX
from andon_api.reads import artifacts, attempts, doors, searching, waiting
from andon_api.reads.room import fitting
from andon_api.services import services

_RUN = Run.__table__
_EVENT = EventRow.__table__
_STEP = StepRow.__table__
_WAIT = Wait.__table__
_SUBJECT = SubjectRow.__table__
_ABOUT = _SUBJECT.alias()
_REPORT = Report.__table__
NOBODY = UUID(int=0)  # the id that no row has: what a malformed one is looked up as
_EVENT_FIELDS = ("id", "name", "data", "ts", "user")
# One that goes on past that time, or doesn't go on, has no estimate.
_ESTIMATE = case(
    (and_(_RUN.c.status == "running", _RUN.c.estimated_end_at > func.clock_timestamp()), _RUN.c.estimated_end_at)
)
_FIELDS = [each for each in _RUN.c if each.name not in {"estimated_end_at", "output", "report_id"}]
_AS_ID = case((_SUBJECT.c.key.regexp_match("^[0-9a-f-]{36}$"), cast(_SUBJECT.c.key, Uuid)))  # of any kind's key
_REPORT_ID = (
    select(_REPORT.c.id)
    .join(_SUBJECT, and_(_REPORT.c.id == _AS_ID, _REPORT.c.tenant == _SUBJECT.c.tenant))
    .where(_SUBJECT.c.id == _RUN.c.subject_id, _SUBJECT.c.kind == REPORT)
    .scalar_subquery()
)
PREVIEWED_BYTES = 1000
MOST_STEPS = 500
# Branches of a group have one position, and come after what is remembered of the group itself.
_PLACE = (_STEP.c.position, func.coalesce(_STEP.c.branch + 1, 0))
MOST_CHILDREN = 100


def _preview(table: FromClause) -> list[ColumnElement[Any]]:
    """A result if it is short, and whether there is one. Long ones aren't even unpacked to be measured."""
    output = table.c.output
    short = case((func.octet_length(cast(output, Text)) <= PREVIEWED_BYTES, output))
    return [
        case((func.pg_column_size(output) <= PREVIEWED_BYTES, short)).label("output"),
        output.is_not(None).label("has_output"),
        case((func.pg_column_size(output) < 100, cast(output, Text) == "null")).label("is_null"),
    ]


_STEP_FIELDS = [*(each for each in _STEP.c if each.name != "output"), *_preview(_STEP)]


def _select() -> Select[Any]:
    event = [_EVENT.c[name].label(f"event_{name}") for name in _EVENT_FIELDS]
    subject = [_ABOUT.c.kind.label("subject_kind"), _ABOUT.c.key.label("subject_key")]
    fields = [
        *_FIELDS,
        _REPORT_ID.label("report_id"),
        *_preview(_RUN),
        _ESTIMATE.label("estimated_end_at"),
        searching.tags().label("tags"),
        *event,
        *subject,
    ]
    joined = _RUN.join(_EVENT, _EVENT.c.seq == _RUN.c.event_seq)
    return select(*fields).select_from(joined.outerjoin(_ABOUT, _ABOUT.c.id == _RUN.c.subject_id))


def _shape(row: Row) -> Row:
    row["output_url"] = f"{PREFIX}/runs/{row['id']}/output" if row.pop("has_output") else None
    row["event"] = {name: row.pop(f"event_{name}") for name in _EVENT_FIELDS}
    kind, key = row.pop("subject_kind"), row.pop("subject_key")
    row["subject"] = {"kind": kind, "id": key} if kind else None
    row["cancel"] = _cancel(row) if row["cancel_requested_at"] else None
    return row


def _cancel(row: Row) -> Row:
    return {
        "requested_at": row["cancel_requested_at"],
        "requested_by": row["cancel_requested_by"],
        "reason": row["cancel_reason"],
        "cause": row["cancel_cause"],
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


def cleanups(tenant: str, ids: Sequence[UUID]) -> dict[UUID, list[Row]]:
    """What cleans up after these runs."""
    found: dict[UUID, list[Row]] = {}
    if ids:
        query = _select().where(_RUN.c.parent_run_id.in_(ids), _RUN.c.tenant == tenant, _RUN.c.kind != "function")
        for row in rows(query.order_by(_RUN.c.id)):
            found.setdefault(row["parent_run_id"], []).append(_shape(row))
    return found


def find(tenant: str, id: str) -> Row | None:
    """One run with its steps, its cleanup runs and its files."""
    run_id = parse_id(id)
    if run_id is None:
        return None
    run = by_ids(tenant, [run_id]).get(run_id)
    if run is None:
        return None
    newest = select(*_STEP_FIELDS).where(_STEP.c.run_id == run_id).order_by(*(each.desc() for each in _PLACE))
    recorded = [_shape_step(row) for row in reversed(rows(newest.limit(MOST_STEPS)))]
    tried = attempts.of(run_id)
    run["steps"] = attempts.all_of(run, recorded, tried)
    run["attempts"] = attempts.of_handler(tried)
    run["step_count"] = len(run["steps"])
    if len(recorded) == MOST_STEPS:
        counted = select(func.count()).select_from(_STEP).where(_STEP.c.run_id == run_id)
        run["step_count"] = db.session.execute(counted).scalar_one()
    of_run = _select().where(_RUN.c.parent_run_id == run_id)
    cleanup = of_run.where(_RUN.c.parent_step.is_(None)).order_by(_RUN.c.id)
    run["cleanup"] = [_shape(row) for row in rows(cleanup)]
    run["queued_for"] = doors.queued_for(run)
    run["artifacts"] = artifacts.of_run(run_id) if run["status"] == "completed" else []
    children = of_run.where(_RUN.c.parent_step.is_not(None)).order_by(_RUN.c.id.desc()).limit(MOST_CHILDREN)
    run["children"] = [_shape(row) for row in rows(children)]
    run["child_count"] = len(run["children"])
    if run["child_count"] == MOST_CHILDREN:
        counted = select(func.count()).where(_RUN.c.parent_run_id == run_id, _RUN.c.parent_step.is_not(None))
        run["child_count"] = db.session.execute(counted).scalar_one()
    run["waits"] = _waits(run) if run["status"] == "waiting" else []
    return run


def _waits(run: Row) -> list[Row]:
    """What a run waits for, as people can read it."""
    found = rows(select(_WAIT).where(_WAIT.c.run_id == run["id"]).order_by(_WAIT.c.step, _WAIT.c.n))
    return [
        {
            "step": each["step"],
            "event": "andon/function.*" if each["event"] == CHILD_ENDED else each["event"],
            "match": each["path"] or None,
            "value": lookup(run["event"]["data"], tuple(each["path"].split(".")[1:])) if each["path"] else None,
            "condition": each["expression"],
            "run_id": each["key"] if each["event"] == CHILD_ENDED else None,
            "until": each["wake_at"],
        }
        for each in found
    ]


def steps(tenant: str, id: str, *, limit: int, cursor: str | None) -> Row | None:
    """A page of a run's steps, in their order; None without such a run."""
    run_id = own(tenant, id)
    if run_id is None:
        return None
    listing = Listing("steps", {"run": run_id})
    query = select(*_STEP_FIELDS).where(_STEP.c.run_id == run_id)
    if after := listing.decode(cursor, paging.seq, paging.seq):
        query = query.where(tuple_(*_PLACE) > tuple_(*after))
    found = rows(query.order_by(*_PLACE).limit(limit + 1))
    page = listing.page([_shape_step(row) for row in found], limit, _place)
    ids = [each["id"] for each in page["items"]]
    tried = attempts.of(run_id, *ids) if ids else []
    return {**page, "items": attempts.with_attempts(page["items"], tried, _ended_at(run_id))}


def _place(row: Row) -> list[Any]:
    return [row["position"], 0 if row["branch"] is None else row["branch"] + 1]


def step(tenant: str, id: str, step_id: str) -> Row | None:
    """One step with all of its result."""
    run_id = own(tenant, id)
    if run_id is None or "\x00" in step_id:
        return None
    found = rows(select(_STEP).where(_STEP.c.run_id == run_id, _STEP.c.id == step_id))
    if not found:
        return None
    shaped = _shape_step({**found[0], "has_output": found[0]["output"] is not None})
    return attempts.with_attempts([shaped], attempts.of(run_id, step_id), _ended_at(run_id))[0]


def output(tenant: str, id: str) -> Row | None:
    """All of a run's result, as `output`."""
    run_id = own(tenant, id)
    found = rows(select(_RUN.c.output).where(_RUN.c.id == run_id)) if run_id else []
    return found[0] if found else None


def has_step(run_id: UUID, step: str) -> bool:
    """Whether the run has recorded this step, or a branch of it."""
    branch = and_(_STEP.c.branch.is_not(None), func.starts_with(_STEP.c.id, f"{step}/"))
    found = select(_STEP.c.id).where(_STEP.c.run_id == run_id, or_(_STEP.c.id == step, branch)).limit(1)
    return "\x00" not in step and bool(rows(found))


def own(tenant: str, id: str) -> UUID | None:
    """The id of a run that the tenant has."""
    run_id = parse_id(id)
    if run_id is None or not rows(select(_RUN.c.id).where(_RUN.c.id == run_id, _RUN.c.tenant == tenant)):
        return None
    return run_id


def _ended_at(run_id: UUID) -> dt.datetime | None:
    return db.session.scalar(select(_RUN.c.ended_at).where(_RUN.c.id == run_id))


def _shape_step(row: Row) -> Row:
    place = f"{PREFIX}/runs/{row['run_id']}/steps/{quote(row['id'], safe='')}"
    return {**row, "output_url": place if row["has_output"] else None}


_ASKED: dict[str, Callable[[str, Any], ColumnElement[bool]]] = {
    "status": lambda _, some: _RUN.c.status.in_(some),
    "kind": lambda _, kind: _RUN.c.kind == kind,
    "function_id": lambda _, id: _RUN.c.function_id == id,
    "event_id": lambda tenant, id: and_(_EVENT.c.tenant == tenant, _EVENT.c.id == id),
    "report_id": lambda tenant, id: _RUN.c.subject_id == reports.of(tenant, parse_id(id) or NOBODY),
    "queued_after": lambda _, time: _RUN.c.queued_at >= time,
    "queued_before": lambda _, time: _RUN.c.queued_at < time,
    "waits_for": lambda tenant, kind: _RUN.c.id.in_(waiting.ids(tenant, kind)),
}
"""What each filter of a tenant asks of a run."""


def listed(tenant: str, filters: Row) -> Row:
    """A page of runs, newest first."""
    query = _select().where(_RUN.c.tenant == tenant)
    listing = Listing("runs", {name: value for name, value in filters.items() if name not in {"cursor", "limit"}})
    for name, asked in _ASKED.items():
        if filters.get(name) not in (None, []):
            query = query.where(asked(tenant, filters[name]))
    for tag in filters.get("tag") or []:
        query = query.where(searching.tagged(tenant, tag))
    if after := listing.decode(filters["cursor"], UUID):
        query = query.where(_RUN.c.id < after[0])
    query = query.order_by(_RUN.c.id.desc())
    limit, where = filters["limit"], filters.get("where")
    if where is not None:
        with services().costly.place(tenant):
            return _searched(query, listing, limit, where)
    return _page(listing, *fitting(query, limit, "event_data"))


def _page(listing: Listing, found: list[Row], limit: int) -> Row:
    return listing.page([_shape(row) for row in found], limit, lambda row: [row["id"]])


def _searched(query: Select[Any], listing: Listing, limit: int, where: str) -> Row:
    """A page of those that have a value in their event's data. So many are looked at and no more: it may be short, or
    empty, and another follow.
    """
    seen = query.with_only_columns(_RUN.c.id).limit(searching.SEEN_AT_ONCE).subquery()
    last, count = db.session.execute(select(func.min(cast(seen.c.id, Text)), func.count()).select_from(seen)).one()
    matching = query.where(_RUN.c.id.in_(select(seen.c.id)), searching.has_value(where))
    page = _page(listing, *fitting(matching, limit, "event_data"))
    if page["next_cursor"] is None and count == searching.SEEN_AT_ONCE:
        page["next_cursor"] = listing.encode(last)
    return page
