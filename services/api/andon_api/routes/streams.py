"""Server-Sent Events: a report or a run, sent again at each change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import marshmallow as ma
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres.requests import NotFound
from andon_api.access.gate import gate
from andon_api.database import Row, db
from andon_api.etags import digest
from andon_api.live import Listener, TooManyStreams
from andon_api.principal import principal
from andon_api.problems import Problem
from andon_api.reads import reports, runs
from andon_api.rest import Blueprint
from andon_api.schemas import ReportSchema, RunDetailSchema
from andon_api.services import services

blueprint = Blueprint("streams", __name__, description="Status and progress as they change")

POLL_SECONDS = 2.0
SETTLE_SECONDS = 0.05  # a burst of changes is one message
KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 1800.0
RETRY_AFTER = "2"

Find = Callable[[str, str], Row | None]


@blueprint.get("/reports/<id>/stream")
@blueprint.answers(200, content_type="text/event-stream")
@blueprint.may_answer(404, 503)
def report(id: str) -> Response:
    """Events `report`, each the whole report; `end` when it isn't generating any more. 503: poll instead."""
    return _stream("report", id, reports.find, ReportSchema(), lambda row: row["status"] != "generating")


@blueprint.get("/runs/<id>/stream")
@blueprint.answers(200, content_type="text/event-stream")
@blueprint.may_answer(404, 503)
def run(id: str) -> Response:
    """Events `run`, each the whole run with its steps; `end` when it has ended. 503: poll instead."""
    return _stream("run", id, runs.find, RunDetailSchema(), lambda row: row["ended_at"] is not None)


def _stream(kind: str, id: str, find: Find, schema: ma.Schema, ended: Callable[[Row], bool]) -> Response:
    app, tenant = current_app._get_current_object(), principal().tenant  # type: ignore[attr-defined]
    if find(tenant, id) is None:
        raise NotFound(f"{kind.title()} not found")
    listening = ExitStack()
    try:
        listener = listening.enter_context(services().live.listen(f"{kind}:{id.lower()}", tenant=tenant))
    except TooManyStreams:
        raise Problem(503, "Enough streams are open; poll instead.", headers={"Retry-After": RETRY_AFTER}) from None
    allowed = gate().still_open()
    read = _reader(app, lambda: find(tenant, id) if allowed() else None, schema, ended)
    body = _messages(kind, read, listener, seen=request.headers.get("Last-Event-ID"))
    response = Response(_started(body), content_type="text/event-stream")
    response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    response.call_on_close(listening.close)
    return response


def _reader(
    app: Flask, find: Callable[[], Row | None], schema: ma.Schema, ended: Callable[[Row], bool]
) -> Callable[[], tuple[Any, bool]]:
    """Reads what is true now, holding no connection between two reads."""

    def read() -> tuple[Any, bool]:
        with app.app_context():
            try:
                found = find()
                return (None, True) if found is None else (schema.dump(found), ended(found))
            finally:
                db.session.remove()

    return read


def _messages(
    kind: str, read: Callable[[], tuple[Any, bool]], listener: Listener, *, seen: str | None
) -> Iterator[str]:
    """A message for each state but the one `seen`: its id tells the state, so a client resumes where it was cut off."""
    closing = services().live.closing
    began = sent_at = time.monotonic()
    yield "retry: 2000\n\n"
    while not closing.is_set() and time.monotonic() - began < LONGEST_SECONDS:
        try:
            now, ended = read()
        except SQLAlchemyError:
            now, ended = None, False  # the database is away: the client keeps what it has
        text = json.dumps(now)
        if now is not None and digest(text) != seen:
            seen, sent_at = digest(text), time.monotonic()
            yield f"event: {kind}\nid: {seen}\ndata: {text}\n\n"
        if ended:
            yield "event: end\ndata: {}\n\n"
            return
        if time.monotonic() - sent_at > KEEP_ALIVE_SECONDS:
            sent_at = time.monotonic()
            yield ": still here\n\n"
        listener.wait(POLL_SECONDS)
        closing.wait(SETTLE_SECONDS)


def _started(messages: Iterator[str]) -> Iterator[str]:
    """Run up to the first message now, while the request's context is there."""
    first = next(messages)

    def all_of_them() -> Iterator[str]:
        yield first
        yield from messages

    return all_of_them()
