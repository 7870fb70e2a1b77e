"""Who asks: the tenant and the user that a request acts for. Every route gets them here and nowhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from flask import g, request

from andon.engine.events import DEFAULT_TENANT

ANONYMOUS = {"id": "anonymous"}
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Principal:
    """A tenant, and the user as JSON: what `requestedBy` shows."""

    tenant: str
    user: Any


def principal() -> Principal:
    """The request's principal."""
    found = g.get("principal")
    if found is None:
        found = g.principal = Principal(DEFAULT_TENANT, ANONYMOUS)
    return found  # type: ignore[no-any-return]


def traceparent() -> str | None:
    """The W3C trace context that the request came with, if it is well-formed."""
    given = request.headers.get("traceparent", "")
    return given if TRACEPARENT.fullmatch(given) else None
