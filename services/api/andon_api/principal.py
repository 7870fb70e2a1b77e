"""Who asks: the tenant and the user that a request acts for. Every route gets them here and nowhere else."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from flask import g, request

from andon.adapters.postgres.access.keys import SCOPES
from andon.adapters.postgres.asks.requests import Ask
from andon.engine.events import DEFAULT_TENANT, TRACEPARENT

ANONYMOUS = {"id": "anonymous"}


@dataclass(frozen=True)
class Principal:
    """A tenant, and the user as JSON: what `requestedBy` shows. `key_id` is None where no keys are asked for.

    Who comes with a token can see and cancel its `things`; the others all of the tenant's.
    """

    tenant: str
    user: Any
    scopes: frozenset[str] = frozenset()
    key_id: UUID | None = None
    things: tuple[str, ...] = ()
    token_secret: str | None = field(default=None, repr=False)


ANYBODY = Principal(DEFAULT_TENANT, ANONYMOUS, frozenset(SCOPES))


def principal() -> Principal:
    """The request's principal, whom the gate has let through. Nobody passes who didn't come by it."""
    return g.principal  # type: ignore[no-any-return]


def traceparent() -> str | None:
    """The W3C trace context of the request's own span; without traces, what it came with, if that is well-formed."""
    if "traceparent" in g:
        return g.traceparent  # type: ignore[no-any-return]
    given = request.headers.get("traceparent", "")
    return given if TRACEPARENT.fullmatch(given) else None


def asking(reason: str | None = None) -> Ask:
    """What the request asks for is asked on its principal's behalf."""
    who = principal()
    return Ask(who.tenant, who.user, reason, traceparent())


def trace_id() -> str | None:
    """The trace that the request belongs to."""
    found = TRACEPARENT.fullmatch(traceparent() or "")
    return found[1] if found else None
