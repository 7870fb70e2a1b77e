"""Reports: make, change, generate, cancel."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from uuid import UUID

from flask import Response

from andon.adapters.postgres.asks import reports as stored
from andon.adapters.postgres.asks.requests import Asked, NotFound
from andon.adapters.postgres.runs.children import below
from andon.engine.events import Event
from andon.engine.ids import parse_id
from andon.reports.events import REQUESTED
from andon_api.access.admission import admit
from andon_api.asks import editing
from andon_api.database import Row, connection, db
from andon_api.http.effects import Outcome, at_once, effect
from andon_api.http.etags import precondition, tagged
from andon_api.http.rest import PREFIX, Blueprint
from andon_api.http.waiting import Known
from andon_api.principal import principal, traceparent
from andon_api.reads import reports
from andon_api.schemas import (
    AskedSchema,
    CancelBody,
    NewReport,
    NoBody,
    ReportChange,
    ReportPage,
    ReportSchema,
    ReportsQuery,
)

blueprint = Blueprint("reports", __name__, description="What a user asks for, and can cancel")


@blueprint.post("/reports")
@blueprint.body(NewReport)
@blueprint.answers(201, ReportSchema)
@blueprint.may_answer(422)
@effect
def create(body: Row) -> Outcome:
    """Make a report; it is `idle` until it is generated."""
    report_id = editing.create(principal(), **body)
    return Outcome(_shown(report_id), 201, {"Location": f"{PREFIX}/reports/{report_id}"})


@blueprint.get("/reports")
@blueprint.query(ReportsQuery)
@blueprint.answers(200, ReportPage)
def listed(query: Row) -> Row:
    """Reports, newest first."""
    return reports.listed(principal().tenant, query)


@blueprint.get("/reports/<id>")
@blueprint.answers(200, ReportSchema)
@blueprint.may_answer(404)
@blueprint.conditional
def one(id: str) -> Response:
    """A report with its progress, its run and its files."""
    return _tagged(id)


@blueprint.patch("/reports/<id>")
@blueprint.body(ReportChange)
@blueprint.answers(200, ReportSchema)
@blueprint.may_answer(404, 409, 422)
@blueprint.guarded
def change(body: Row, id: str) -> Response:
    """Change the title, the dataset or the options; the latter two not while it is generating."""
    report_id = _id(id)
    editing.change(principal().tenant, report_id, body, precondition(report_id))
    db.session.commit()
    return _tagged(id)


@blueprint.delete("/reports/<id>")
@blueprint.answers(204)
@blueprint.may_answer(404, 409)
@blueprint.guarded
def delete(id: str) -> Response:
    """Delete a report that isn't generating; its files go with it."""
    report_id = _id(id)
    editing.delete(principal().tenant, report_id, precondition(report_id))
    db.session.commit()
    return Response(status=204)


@blueprint.post("/reports/<id>/generate")
@blueprint.body(NoBody, required=False)
@blueprint.answers(202, AskedSchema)
@blueprint.may_answer(404, 409)
@blueprint.can_wait(AskedSchema, "With Prefer: wait, once the run is made: its id")
@blueprint.guarded
@effect
def generate(body: Row, id: str) -> Outcome:
    """Generate the report."""
    return ask_generate(_id(id))


@blueprint.post("/reports/<id>/cancel")
@blueprint.body(CancelBody, required=False)
@blueprint.answers(202, AskedSchema)
@blueprint.may_answer(404, 409)
@blueprint.can_wait(AskedSchema)
@blueprint.guarded
@effect
def cancel(body: Row, id: str) -> Outcome:
    """Cancel the generation: once this answers 202, it will not complete. With `runId`, only if that is its run."""
    return ask_cancel(_id(id), body["reason"], only_run=body["run_id"])


def ask_generate(report_id: UUID, *, in_session: bool = False) -> Outcome:
    """Request the generation, in one statement; with `in_session`, in the transaction that has just made the report."""
    who = principal()
    admit([Event(REQUESTED)])
    check = precondition(report_id)
    if check is not None:
        check(stored.locked(connection(), who.tenant, report_id)[1])
    with nullcontext(connection()) if in_session or check else at_once() as own:
        asked = stored.generate(own, tenant=who.tenant, report_id=report_id, user=who.user, traceparent=traceparent())
    location = {"Location": f"{PREFIX}/reports/{report_id}"}
    known = Known(lambda: _made(who.tenant, report_id, asked), (f"report:{report_id}",))
    return Outcome.of(asked, _asked(report_id, "generating", asked), location, known)


def ask_cancel(report_id: UUID, reason: str | None, *, only_run: UUID | None = None) -> Outcome:
    """Request the cancel: in one statement where a worker holds the run, else in the session's transaction."""
    who, trace, check = principal(), traceparent(), precondition(report_id)
    found = None
    if only_run is None and check is None:
        with at_once() as own:
            found = stored.cancel_held(
                own, tenant=who.tenant, report_id=report_id, user=who.user, reason=reason, traceparent=trace
            )
    asked = found or stored.cancel(
        connection(),
        tenant=who.tenant,
        report_id=report_id,
        user=who.user,
        reason=reason,
        traceparent=trace,
        only_run=only_run,
        check=check,
    )
    ended = len(asked.events) > 1  # a run that no worker held has ended with the cancel itself
    body = _asked(report_id, "cancelled" if ended else "generating", asked)

    def settled() -> Row | None:
        report = _found(reports.find(who.tenant, str(report_id)))
        return None if report["status"] == "generating" else _asked(report_id, report["status"], asked)

    known = Known(settled, (f"report:{report_id}",))
    return Outcome.of(asked, body, {"Location": f"{PREFIX}/reports/{report_id}"}, known)


def _asked(report_id: UUID, status: str, asked: Asked) -> dict[str, Any]:
    run_id = None if asked.run_id is None else str(asked.run_id)
    children = below(connection(), asked.run_id) if asked.family and asked.run_id else 0
    return {
        "id": str(report_id),
        "runId": run_id,
        "status": status,
        "eventId": asked.event.id,
        "children": children,
    }


def _made(tenant: str, report_id: UUID, asked: Asked) -> Row | None:
    """The answer once the request is a run, or has come to nothing, or was replaced by a newer one."""
    report = _found(reports.find(tenant, str(report_id)))
    mine = report["request_event_id"] == asked.event.id
    if mine and report["current_run_id"] is None and report["status"] == "generating":
        return None
    run_id = report["current_run_id"] if mine else None
    return {**_asked(report_id, report["status"], asked), "runId": None if run_id is None else str(run_id)}


def _tagged(id: str) -> Response:
    report = _found(reports.find(principal().tenant, id))
    return tagged(ReportSchema().dump(report), of=report["id"], version=report["version"])


def _shown(report_id: UUID) -> Any:
    return ReportSchema().dump(reports.find(principal().tenant, str(report_id)))


def _id(text: str) -> UUID:
    """The id, or 404: no report can have another one."""
    found = parse_id(text)
    if found is None:
        raise NotFound("Report not found")
    return found


def _found(report: Row | None) -> Row:
    if report is None:
        raise NotFound("Report not found")
    return report
