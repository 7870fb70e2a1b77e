"""Schedules: list them, pause and resume one, let one tick now."""

from andon_api.asks.schedules import ask_pause, ask_resume, ask_run
from andon_api.database import Row
from andon_api.http.effects import Outcome
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import schedules
from andon_api.schemas import NoBody, PauseBody, ScheduleSchema, TickedSchema

blueprint = Blueprint("schedules", __name__, description="When functions start by themselves")


@blueprint.lists("/schedules", ScheduleSchema)
def listed() -> Row:
    """The schedules of registered functions, and when each ticks next."""
    return {"items": [schedules.shown(each) for each in schedules.declared(principal().tenant)], "next_cursor": None}


@blueprint.verb("/schedules/<id>/pause", PauseBody, ScheduleSchema)
def pause(body: Row, id: str) -> Outcome:
    """Let a schedule tick no more until it is resumed. Its open runs go on."""
    return ask_pause(id, body["reason"])


@blueprint.verb("/schedules/<id>/resume", NoBody, ScheduleSchema)
def resume(body: Row, id: str) -> Outcome:
    """Let a schedule tick again, from now on: no tick of the pause is caught up."""
    return ask_resume(id)


@blueprint.verb("/schedules/<id>/run", NoBody, TickedSchema)
def run(body: Row, id: str) -> Outcome:
    """Let a schedule tick now, whatever else it does: paused, or while a run of it is open."""
    return ask_run(id)
