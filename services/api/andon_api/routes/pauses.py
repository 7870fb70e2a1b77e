"""Pauses: a function's or a queue's runs are made, and wait until it is resumed."""

from __future__ import annotations

from typing import Any

from andon.adapters.postgres.asks.requests import Conflict, NotFound
from andon.adapters.postgres.doors import pauses as stored
from andon_api.asks.auditing import note
from andon_api.database import Row, connection
from andon_api.http.effects import Outcome, effect
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import pauses
from andon_api.schemas import FunctionPauseBody, NoBody, PausePage, PauseSchema

blueprint = Blueprint("pauses", __name__, description="Functions and queues that are paused")


@blueprint.get("/pauses")
@blueprint.answers(200, PausePage)
def listed() -> Row:
    """What is paused for this tenant."""
    return {"items": pauses.of(principal().tenant), "next_cursor": None}


@blueprint.post("/functions/<path:name>/pause")
@blueprint.body(FunctionPauseBody, required=False)
@blueprint.answers(202, PauseSchema)
@blueprint.may_answer(404, 409)
@effect
def pause_function(body: Row, name: str) -> Outcome:
    """Start no run of a function until it is resumed. Those that have started do as `running` says."""
    return ask_pause("function", name, body["reason"], body["running"])


@blueprint.post("/functions/<path:name>/resume")
@blueprint.body(NoBody, required=False)
@blueprint.answers(202, PauseSchema)
@blueprint.may_answer(404, 409)
@effect
def resume_function(body: Row, name: str) -> Outcome:
    """Let a function's runs start again, in the order in which they were made."""
    return ask_resume("function", name)


@blueprint.post("/queues/<name>/pause")
@blueprint.body(FunctionPauseBody, required=False)
@blueprint.answers(202, PauseSchema)
@blueprint.may_answer(404, 409)
@effect
def pause_queue(body: Row, name: str) -> Outcome:
    """Start no run in a queue until it is resumed; cleanup runs start all the same."""
    return ask_pause("queue", name, body["reason"], body["running"])


@blueprint.post("/queues/<name>/resume")
@blueprint.body(NoBody, required=False)
@blueprint.answers(202, PauseSchema)
@blueprint.may_answer(404, 409)
@effect
def resume_queue(body: Row, name: str) -> Outcome:
    """Let runs in a queue start again."""
    return ask_resume("queue", name)


def ask_pause(kind: str, name: str, reason: str | None, running: str = stored.CONTINUE) -> Outcome:
    """Pause it, in the session's transaction."""
    who = principal()
    if not pauses.exists(kind, name):
        raise NotFound(f"{kind.capitalize()} not found")
    if not stored.pause(connection(), (who.tenant, kind, name), by=who.user, reason=reason, running=running):
        raise Conflict(f"The {kind} is paused already")
    note(f"{kind}.paused", name, reason=reason, running=running)
    return Outcome(_shown(kind, name))


def ask_resume(kind: str, name: str) -> Outcome:
    """Resume it, in the session's transaction."""
    tenant = principal().tenant
    if not stored.resume(connection(), (tenant, kind, name)):
        if not pauses.exists(kind, name):
            raise NotFound(f"{kind.capitalize()} not found")
        raise Conflict(f"The {kind} isn't paused")
    note(f"{kind}.resumed", name)
    return Outcome(_shown(kind, name))


def _shown(kind: str, name: str) -> dict[str, Any]:
    found = next((each for each in pauses.of(principal().tenant) if (each["kind"], each["name"]) == (kind, name)), None)
    nobody = {"paused_at": None, "paused_by": None, "reason": None, "running": stored.CONTINUE}
    return dict(PauseSchema().dump(found or {"kind": kind, "name": name, **nobody}))
