"""Pause and resume schedules, and let one tick now, in the session's transaction."""

from typing import Any

from andon.adapters.postgres.asks.requests import Conflict
from andon.adapters.postgres.events.inbox import accept
from andon.adapters.postgres.registered import schedules as stored
from andon.engine.dispatch.ticks import told
from andon.engine.events import CRON
from andon_api.access.admission import admit
from andon_api.access.auditing import note
from andon_api.database import connection, now
from andon_api.http.effects import Outcome
from andon_api.principal import asking, principal
from andon_api.reads import schedules
from andon_api.schemas import ScheduleSchema


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
    event = asking().event(CRON, said)
    admit([event])
    events = accept(connection(), [event])
    return Outcome({**_shown(id), "eventId": event.id}, events=events)


def _shown(id: str) -> dict[str, Any]:
    return dict(ScheduleSchema().dump(schedules.shown(schedules.find(principal().tenant, id))))
