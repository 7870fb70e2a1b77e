"""A line for each request that was answered: who asked what of which thing, and how that went. No path, no query.

`logs.request_keys` adds method, route, tenant and trace.
"""

import logging
import time
import uuid

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-Id"
QUIET = frozenset({"health.healthz", "health.readyz", "metrics.metrics", "console.static"})
UNTOLD = "key"  # the part of a path that Inngest's clients send their key in
LONGEST = 200
FAULT = 500

log = structlog.get_logger("andon.api.access")


def install(app: Flask, *, told: bool) -> None:
    """Give every answer an id, which its sender can name; and log it, if `told` or where the fault is ours."""
    app.before_request(_begin)
    app.after_request(_mark)
    app.after_request(_tell if told else _tell_faults)


def _begin() -> None:
    g.request_id, g.began = uuid.uuid4().hex, time.monotonic()


def _mark(response: Response) -> Response:
    response.headers[HEADER] = g.get("request_id", "")
    return response


def _tell_faults(response: Response) -> Response:
    return _tell(response) if response.status_code == FAULT else response


def _tell(response: Response) -> Response:
    who = g.get("principal")
    things = {name: str(value)[:LONGEST] for name, value in (request.view_args or {}).items() if name != UNTOLD}
    level = logging.DEBUG if request.endpoint in QUIET else logging.INFO
    log.log(
        logging.ERROR if response.status_code == FAULT else level,
        "request",
        request_id=g.get("request_id"),
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.get("began", time.monotonic())) * 1000, 1),
        bytes=response.content_length,
        key=str(who.key_id) if who and who.key_id else None,
        address=request.remote_addr,
        things=things or None,
    )
    return response
