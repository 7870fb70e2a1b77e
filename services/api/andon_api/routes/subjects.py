"""Subjects: what runs are about. Ask for a run of one, see its state, cancel it."""

from flask import Response

from andon.adapters.postgres.asks.requests import there
from andon.engine.declared.subjects import subject_id
from andon_api.asks.subjects import ask_cancel, ask_request
from andon_api.database import Row
from andon_api.http.effects import Outcome
from andon_api.http.etags import tagged
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import subjects
from andon_api.schemas import CancelBody, SubjectAskedSchema, SubjectRequestBody, SubjectSchema, SubjectsQuery

blueprint = Blueprint("subjects", __name__, description="What runs are about: each follows its newest request")


@blueprint.lists("/subjects", SubjectSchema, SubjectsQuery)
def listed(query: Row) -> Row:
    """Subjects that were asked for, newest first."""
    return subjects.listed(principal().tenant, query)


@blueprint.get("/subjects/<kind>/<path:id>")
@blueprint.answers(200, SubjectSchema)
@blueprint.conditional
def one(kind: str, id: str) -> Response:
    """A subject: its state, its run and the progress of that, who asked and when."""
    tenant = principal().tenant
    subject = there(subjects.find(tenant, kind, id), f"There is no {kind} {id}")
    return tagged(
        SubjectSchema().dump(subject), of=subject_id(tenant, kind, subject["key"]), version=subject["version"]
    )


@blueprint.verb("/subjects/<kind>/<path:id>/request", SubjectRequestBody, SubjectAskedSchema)
@blueprint.can_wait(SubjectAskedSchema, "With Prefer: wait, once the run is made: its id")
@blueprint.guarded
def ask(body: Row, kind: str, id: str) -> Outcome:
    """Ask for a run: sends its function's trigger with these data, the id in its place."""
    return ask_request(kind, id, body["data"])


@blueprint.verb("/subjects/<kind>/<path:id>/cancel", CancelBody, SubjectAskedSchema)
@blueprint.can_wait(SubjectAskedSchema)
@blueprint.guarded
def cancel(body: Row, kind: str, id: str) -> Outcome:
    """Cancel its run: once this answers 202, it will not complete. With `runId`, only if that is its run."""
    return ask_cancel(kind, id, body["reason"], only_run=body["run_id"])
