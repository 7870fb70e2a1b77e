"""Pause and resume functions and queues, in the session's transaction."""

from typing import Any

from andon.adapters.postgres.asks.requests import Conflict, NotFound
from andon.adapters.postgres.doors import pauses as stored
from andon_api.access.auditing import note
from andon_api.database import connection
from andon_api.http.effects import Outcome
from andon_api.principal import principal
from andon_api.reads import pauses
from andon_api.schemas import PauseSchema


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
