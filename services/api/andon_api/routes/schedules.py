"""Schedules: list them, pause and resume one, let one tick now."""

from __future__ import annotations

from typing import Any

from andon.adapters.postgres.asks.requests import Conflict
from andon.adapters.postgres.events.inbox import accept, event_of
from andon.adapters.postgres.registered import schedules as stored
from andon.engine.dispatch.ticks import told
from andon.engine.events import CRON
from andon_api.access.admission import admit
from andon_api.asks.auditing import note
from andon_api.database import Row, connection, now
from andon_api.http.effects import Outcome, effect
from andon_api.http.rest import Blueprint
from andon_api.principal import principal, traceparent
from andon_api.reads import schedules
from andon_api.schemas import NoBody, PauseBody, SchedulePage, ScheduleSchema, TickedSchema

blueprint = Blueprint("schedules", __name__, description="When functions start by themselves")


@blueprint.get("/schedules")
@blueprint.answers(200, SchedulePage)
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


def ask_pause(id: str, reason: str | None) -> Outcome:
    """Pause it, in the session's transaction."""
    who = principal()
    schedule, _ = schedules.find(who.tenant, id)
    if not stored.pause(connection(), schedule, by=who.user, reason=reason):
        raise Conflict("The schedule is paused already")
    note("schedule.paused", id, functionId=schedule.function_id, schedule=schedule.expr, reason=reason)
    return Outcome(_shown(id))


def ask_resume(id: str) -> Outcome:
    """Resume it, in the session's transaction."""
    schedule, cron = schedules.find(principal().tenant, id)
    if not stored.resume(connection(), schedule, cron):
        raise Conflict("The schedule isn't paused")
    note("schedule.resumed", id, functionId=schedule.function_id, schedule=schedule.expr)
    return Outcome(_shown(id))


def ask_run(id: str) -> Outcome:
    """Let it tick now, in the session's transaction."""
    who = principal()
    schedule, cron = schedules.find(who.tenant, id)
    said = told(cron.expr, cron.tz, schedule.function_id, now(), 0, cron.data)
    event = event_of(CRON, said, tenant=who.tenant, user=who.user, traceparent=traceparent())
    admit([event])
    events = accept(connection(), [event])
    return Outcome({**_shown(id), "eventId": event.id}, events=events)


def _shown(id: str) -> dict[str, Any]:
    return dict(ScheduleSchema().dump(schedules.shown(schedules.find(principal().tenant, id))))
