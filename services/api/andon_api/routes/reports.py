"""Reports: make, change, generate, cancel."""

from uuid import UUID

from flask import Response

from andon.adapters.postgres.asks.reports import NO_REPORT
from andon.adapters.postgres.asks.requests import there
from andon.engine.ids import parse_id
from andon_api.asks import reports as asks
from andon_api.database import Row, db
from andon_api.http.effects import Outcome, effect
from andon_api.http.etags import precondition, tagged
from andon_api.http.rest import PREFIX, Blueprint
from andon_api.principal import principal
from andon_api.reads import reports
from andon_api.schemas import (
    AskedSchema,
    CancelBody,
    NewReport,
    NoBody,
    ReportChange,
    ReportSchema,
    ReportsQuery,
)

blueprint = Blueprint("reports", __name__, description="What a user asks for, and can cancel")


@blueprint.post("/reports")
@blueprint.body(NewReport)
@blueprint.answers(201, ReportSchema)
@effect
def create(body: Row) -> Outcome:
    """Make a report; it is `idle` until it is generated."""
    report_id = asks.create(principal(), **body)
    shown = ReportSchema().dump(reports.find(principal().tenant, str(report_id)))
    return Outcome(shown, 201, {"Location": f"{PREFIX}/reports/{report_id}"})


@blueprint.lists("/reports", ReportSchema, ReportsQuery)
def listed(query: Row) -> Row:
    """Reports, newest first."""
    return reports.listed(principal().tenant, query)


@blueprint.get("/reports/<id>")
@blueprint.answers(200, ReportSchema)
@blueprint.conditional
def one(id: str) -> Response:
    """A report with its progress, its run and its files."""
    return _tagged(id)


@blueprint.patch("/reports/<id>")
@blueprint.body(ReportChange)
@blueprint.answers(200, ReportSchema)
@blueprint.may_answer(409)
@blueprint.guarded
def change(body: Row, id: str) -> Response:
    """Change the title, the dataset or the options; the latter two not while it is generating."""
    report_id = _id(id)
    asks.change(principal().tenant, report_id, body, precondition(report_id))
    db.session.commit()
    return _tagged(id)


@blueprint.delete("/reports/<id>")
@blueprint.answers(204)
@blueprint.may_answer(409)
@blueprint.guarded
def delete(id: str) -> Response:
    """Delete a report that isn't generating; its files go with it."""
    report_id = _id(id)
    asks.delete(principal().tenant, report_id, precondition(report_id))
    db.session.commit()
    return Response(status=204)


@blueprint.verb("/reports/<id>/generate", NoBody, AskedSchema)
@blueprint.can_wait(AskedSchema, "With Prefer: wait, once the run is made: its id")
@blueprint.guarded
def generate(body: Row, id: str) -> Outcome:
    """Generate the report."""
    return asks.ask_generate(_id(id))


@blueprint.verb("/reports/<id>/cancel", CancelBody, AskedSchema)
@blueprint.can_wait(AskedSchema)
@blueprint.guarded
def cancel(body: Row, id: str) -> Outcome:
    """Cancel the generation: once this answers 202, it will not complete. With `runId`, only if that is its run."""
    return asks.ask_cancel(_id(id), body["reason"], only_run=body["run_id"])


def _tagged(id: str) -> Response:
    report = there(reports.find(principal().tenant, id), NO_REPORT)
    return tagged(ReportSchema().dump(report), of=report["id"], version=report["version"])


def _id(text: str) -> UUID:
    """The id, or 404: no report can have another one."""
    return there(parse_id(text), NO_REPORT)
