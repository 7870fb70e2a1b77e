"""Runs: look, cancel, run again."""

from flask import Response

from andon.adapters.postgres.asks.requests import there, version_of_run
from andon_api.asks.runs import NO_RUN, ask_cancel, ask_rerun
from andon_api.database import Row
from andon_api.http.effects import Outcome, effect
from andon_api.http.etags import tagged
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import runs
from andon_api.schemas import (
    AskedSchema,
    OutputSchema,
    PageQuery,
    RerunBody,
    RunCancelBody,
    RunDetailSchema,
    RunSchema,
    RunsQuery,
    StepSchema,
    page_of,
)

blueprint = Blueprint("runs", __name__, description="Executions of functions")


@blueprint.get("/runs")
@blueprint.query(RunsQuery)
@blueprint.answers(200, page_of(RunSchema))
def listed(query: Row) -> Row:
    """Runs, newest first."""
    return runs.listed(principal().tenant, query)


@blueprint.get("/runs/<id>")
@blueprint.answers(200, RunDetailSchema)
@blueprint.may_answer(404)
@blueprint.conditional
def one(id: str) -> Response:
    """A run with its steps."""
    run = there(runs.find(principal().tenant, id), NO_RUN)
    version = version_of_run(run["status"], run["attempt"])
    return tagged(RunDetailSchema().dump(run), of=run["id"], version=version)


@blueprint.get("/runs/<id>/steps")
@blueprint.query(PageQuery)
@blueprint.answers(200, page_of(StepSchema))
@blueprint.may_answer(404)
def steps(query: Row, id: str) -> Row:
    """All steps of a run, in their order."""
    return there(runs.steps(principal().tenant, id, **query), NO_RUN)


@blueprint.get("/runs/<id>/steps/<path:step>")
@blueprint.answers(200, StepSchema)
@blueprint.may_answer(404)
def step(id: str, step: str) -> Row:
    """One step with all of its result, up to 4 MiB."""
    return there(runs.step(principal().tenant, id, step), "Step not found")


@blueprint.get("/runs/<id>/output")
@blueprint.answers(200, OutputSchema)
@blueprint.may_answer(404)
def output(id: str) -> Row:
    """All of what the function has returned, up to 4 MiB."""
    return there(runs.output(principal().tenant, id), NO_RUN)


@blueprint.post("/runs/<id>/cancel")
@blueprint.body(RunCancelBody, required=False)
@blueprint.answers(202, AskedSchema)
@blueprint.may_answer(404, 409)
@blueprint.can_wait(AskedSchema)
@blueprint.guarded
@effect
def cancel(body: Row, id: str) -> Outcome:
    """Cancel a run that hasn't ended."""
    return ask_cancel(id, body["reason"])


@blueprint.delete("/runs/<id>")
@blueprint.answers(202, AskedSchema)
@blueprint.may_answer(404, 409)
@blueprint.can_wait(AskedSchema)
@blueprint.guarded
@effect
def delete(id: str) -> Outcome:
    """Cancel a run, as Inngest's API has it."""
    return ask_cancel(id, None)


@blueprint.post("/runs/<id>/rerun")
@blueprint.body(RerunBody, required=False)
@blueprint.answers(202, AskedSchema)
@blueprint.may_answer(404, 409, 422)
@effect
def rerun(body: Row, id: str) -> Outcome:
    """Repeat a run, whole or from a step, with its data or with others; a report's is requested as `generate` does."""
    return ask_rerun(id, body)
