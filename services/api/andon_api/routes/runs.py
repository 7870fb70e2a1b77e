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
)

blueprint = Blueprint("runs", __name__, description="Executions of functions")


@blueprint.lists("/runs", RunSchema, RunsQuery)
def listed(query: Row) -> Row:
    """Runs, newest first."""
    return runs.listed(principal().tenant, query)


@blueprint.get("/runs/<id>")
@blueprint.answers(200, RunDetailSchema)
@blueprint.conditional
def one(id: str) -> Response:
    """A run with its steps."""
    run = there(runs.find(principal().tenant, id), NO_RUN)
    version = version_of_run(run["status"], run["attempt"])
    return tagged(RunDetailSchema().dump(run), of=run["id"], version=version)


@blueprint.lists("/runs/<id>/steps", StepSchema, PageQuery)
def steps(query: Row, id: str) -> Row:
    """All steps of a run, in their order."""
    return there(runs.steps(principal().tenant, id, **query), NO_RUN)


@blueprint.get("/runs/<id>/steps/<path:step>")
@blueprint.answers(200, StepSchema)
def step(id: str, step: str) -> Row:
    """One step with all of its result, up to 4 MiB."""
    return there(runs.step(principal().tenant, id, step), "Step not found")


@blueprint.get("/runs/<id>/output")
@blueprint.answers(200, OutputSchema)
def output(id: str) -> Row:
    """All of what the function has returned, up to 4 MiB."""
    return there(runs.output(principal().tenant, id), NO_RUN)


@blueprint.verb("/runs/<id>/cancel", RunCancelBody, AskedSchema)
@blueprint.can_wait(AskedSchema)
@blueprint.guarded
def cancel(body: Row, id: str) -> Outcome:
    """Cancel a run that hasn't ended."""
    return ask_cancel(id, body["reason"])


@blueprint.delete("/runs/<id>")
@blueprint.answers(202, AskedSchema)
@blueprint.can_wait(AskedSchema)
@blueprint.guarded
@effect
def delete(id: str) -> Outcome:
    """Cancel a run, as Inngest's API has it."""
    return ask_cancel(id, None)


@blueprint.verb("/runs/<id>/rerun", RerunBody, AskedSchema)
def rerun(body: Row, id: str) -> Outcome:
    """Repeat a run, whole or from a step, with its data or with others; a report's is requested as `generate` does."""
    return ask_rerun(id, body)
