"""Schedules: list them, pause and resume one, let one tick now."""

from andon_api.asks.schedules import ask_pause, ask_resume, ask_run
from andon_api.database import Row
from andon_api.http.effects import Outcome, effect
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import schedules
from andon_api.schemas import NoBody, PauseBody, ScheduleSchema, TickedSchema, page_of

blueprint = Blueprint("schedules", __name__, description="When functions start by themselves")


@blueprint.get("/schedules")
@blueprint.answers(200, page_of(ScheduleSchema))
def listed() -> Row:
    """The schedules of registered functions, and when each ticks next."""
    return {"items": [schedules.shown(each) for each in schedules.declared(principal().tenant)], "next_cursor": None}


@blueprint.post("/schedules/<id>/pause")
@blueprint.body(PauseBody, required=False)
@blueprint.answers(202, ScheduleSchema)
@blueprint.may_answer(404, 409)
@effect
def pause(body: Row, id: str) -> Outcome:
    """Let a schedule tick no more until it is resumed. Its open runs go on."""
    return ask_pause(id, body["reason"])


@blueprint.post("/schedules/<id>/resume")
@blueprint.body(NoBody, required=False)
@blueprint.answers(202, ScheduleSchema)
@blueprint.may_answer(404, 409)
@effect
def resume(body: Row, id: str) -> Outcome:
    """Let a schedule tick again, from now on: no tick of the pause is caught up."""
    return ask_resume(id)


@blueprint.post("/schedules/<id>/run")
@blueprint.body(NoBody, required=False)
@blueprint.answers(202, TickedSchema)
@blueprint.may_answer(404)
@effect
def run(body: Row, id: str) -> Outcome:
    """Let a schedule tick now, whatever else it does: paused, or while a run of it is open."""
    return ask_run(id)
