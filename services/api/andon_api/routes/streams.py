"""Server-Sent Events: a report or a run, sent again at each change."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import marshmallow as ma
import psycopg
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres.requests import NotFound
from andon_api.access.gate import gate
from andon_api.database import Row, db
from andon_api.etags import digest
from andon_api.live import Listener, TooManyStreams
from andon_api.principal import principal
from andon_api.problems import Problem, document, of_exception
from andon_api.reads import reports, runs
from andon_api.rest import Blueprint
from andon_api.schemas import ReportSchema, RunDetailSchema
from andon_api.services import services
from andon_api.serving.exchange import LEFT

blueprint = Blueprint("streams", __name__, description="Status and progress as they change")

POLL_SECONDS = 2.0
SETTLE_SECONDS = 0.05  # a burst of changes is one message
KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 1800.0
RETRY_AFTER = "2"

Find = Callable[[str, str], Row | None]


@blueprint.get("/reports/<id>/stream")
@blueprint.answers(200, content_type="text/event-stream")
@blueprint.resumable
@blueprint.may_answer(404, 503)
def report(id: str) -> Response:
    """Events `report`, each the whole report; `end` when it isn't generating; `problem` when it can't be seen any more.

    204 to a client that resumes behind the end: EventSource then stays closed. 503: poll instead.
    """
    return _stream("report", id, reports.find, ReportSchema(), lambda row: row["status"] != "generating")


@blueprint.get("/runs/<id>/stream")
@blueprint.answers(200, content_type="text/event-stream")
@blueprint.resumable
@blueprint.may_answer(404, 503)
def run(id: str) -> Response:
    """Events `run`, each the whole run; `end` when it has ended; `problem` when it can't be seen any more.

    204 to a client that resumes behind the end: EventSource then stays closed. 503: poll instead.
    """
    return _stream("run", id, runs.find, RunDetailSchema(), lambda row: row["ended_at"] is not None)


def _stream(kind: str, id: str, find: Find, schema: ma.Schema, ended: Callable[[Row], bool]) -> Response:
    app, tenant = current_app._get_current_object(), principal().tenant  # type: ignore[attr-defined]
    gone = NotFound(f"{kind.title()} not found")
    allowed = gate().still_open()
    read = _reader(app, lambda: find(tenant, id), schema, ended, allowed, of_exception(gone))
    now, seen = read(), request.headers.get("Last-Event-ID")
    if now.problem is not None:
        raise gone
    if now.ended and seen == now.tag:
        return Response(status=204)
    listening = ExitStack()
    try:
        listener = listening.enter_context(services().live.listen(f"{kind}:{id.lower()}", tenant=tenant))
    except TooManyStreams:
        raise Problem(503, "Enough streams are open; poll instead.", headers={"Retry-After": RETRY_AFTER}) from None
    left = request.environ.get(LEFT, lambda: False)
    body = _messages(kind, read, listener, seen=seen, left=left)
    response = Response(_started(body), content_type="text/event-stream")
    response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    response.call_on_close(listening.close)
    return response


@dataclass(frozen=True)
class _State:
    """What is true now: the thing as JSON and what tells it apart, or why it may not be seen any more."""

    text: str = ""
    ended: bool = False
    problem: Problem | None = None

    @property
    def tag(self) -> str:
        return digest(self.text)


def _reader(
    app: Flask,
    find: Callable[[], Row | None],
    schema: ma.Schema,
    ended: Callable[[Row], bool],
    refused: Callable[[], Problem | None],
    gone: Problem,
) -> Callable[[], _State]:
    """Reads what is true now, holding no connection between two reads."""

    def read() -> _State:
        with app.app_context():
            try:
                if problem := refused():
                    return _State(problem=problem)
                found = find()
                if found is None:
                    return _State(problem=gone)
                return _State(json.dumps(schema.dump(found)), ended(found))
            finally:
                db.session.remove()

    return read


def _messages(
    kind: str, read: Callable[[], _State], listener: Listener, *, seen: str | None, left: Callable[[], bool]
) -> Iterator[str]:
    """A message for each state but the one `seen`: its id tells the state, so a client resumes where it was cut off.

    `end` is said of an end and nothing else; a stream that stops without it is to be resumed.
    """
    closing = services().live.closing
    began = sent_at = time.monotonic()
    yield "retry: 2000\n\n"
    while not closing.is_set() and not left() and time.monotonic() - began < LONGEST_SECONDS:
        try:
            now = read()
        except (SQLAlchemyError, psycopg.Error):
            now = _State()  # the database is away: the client keeps what it has
        if now.problem is not None:
            yield f"event: problem\ndata: {json.dumps(document(now.problem))}\n\n"
            return
        if now.text and now.tag != seen:
            seen, sent_at = now.tag, time.monotonic()
            yield f"event: {kind}\nid: {seen}\ndata: {now.text}\n\n"
        if now.ended:
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
