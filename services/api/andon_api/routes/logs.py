"""What runs say: page by page, as a file, and as they say it."""

import json
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
from flask import Flask, Response, current_app, request, stream_with_context
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres.asks.requests import there
from andon.adapters.postgres.models import Run
from andon.adapters.postgres.runs.run_logs import Place, Wanted
from andon_api.access.gate import gate
from andon_api.database import Row, now, rows
from andon_api.http.paging import seq
from andon_api.http.problems import Problem, document
from andon_api.http.rest import Blueprint
from andon_api.http.streaming import Viewer, in_context, streamed
from andon_api.principal import principal
from andon_api.reads import logs, runs
from andon_api.schemas import LinesQuery, LogLineSchema, LogsDownloadQuery, LogsQuery

blueprint = Blueprint("logs", __name__, description="What runs print and log")

LATE_SECONDS = 1.0  # what a run said last may be kept after its end is
_RUN = Run.__table__


@blueprint.lists("/runs/<id>/logs", LogLineSchema, LogsQuery)
def listed(query: Row, id: str) -> Row:
    """What a run has printed and logged, oldest first."""
    return logs.page(_own(id), query)


@blueprint.get("/runs/<id>/logs/download")
@blueprint.query(LogsDownloadQuery)
@blueprint.sends(200, "text/plain", "application/x-ndjson")
def download(query: Row, id: str) -> Response:
    """All of it as a file: plain text, or a line of JSON each."""
    run_id, which, plain = _own(id), logs.wanted(query), query["format"] == "text"

    def lines() -> Iterator[str]:
        for row in logs.everything(run_id, which):
            yield (logs.as_text(row) if plain else json.dumps(LogLineSchema().dump(row))) + "\n"

    response = Response(stream_with_context(lines()), content_type=TEXT if plain else "application/x-ndjson")
    name = f"run-{run_id}.{'txt' if plain else 'jsonl'}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


TEXT = "text/plain; charset=utf-8"


@blueprint.get("/runs/<id>/logs/stream")
@blueprint.query(LinesQuery)
@blueprint.sends(200, "text/event-stream")
@blueprint.resumable
def stream(query: Row, id: str) -> Response:
    """Events `lines`, each with a list of what was said since; `end` when the run has ended and all of it is told.

    `Last-Event-ID` resumes behind a line. 503: poll instead.
    """
    run_id, after = _own(id), _place(request.headers.get("Last-Event-ID", ""))
    read = _reader(run_id, logs.wanted(query))
    return streamed((f"run:{run_id}", f"logs:{run_id}"), lambda viewer: _messages(viewer, read, after))


Read = Callable[[Place], tuple[list[Row], bool, Problem | None]]


def _reader(run_id: UUID, which: Wanted) -> Read:
    """Reads what was said behind a place, and whether that was all; holds no connection between two reads."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    refused = gate().still_open()

    def read(after: Place) -> tuple[list[Row], bool, Problem | None]:
        if refused and (problem := refused()):
            return [], False, problem
        found = rows(select(_RUN.c.ended_at).where(_RUN.c.id == run_id))
        if not found:
            return [], False, Problem(404, "Run not found")
        ended_at = found[0]["ended_at"]
        over = ended_at is not None and (now() - ended_at).total_seconds() > LATE_SECONDS
        return logs.behind(run_id, which, after), over, None

    return lambda after: in_context(app, lambda: read(after))()


def _messages(viewer: Viewer, read: Read, after: Place) -> Iterator[str]:
    while viewer.goes_on:
        viewer.listener.named()
        try:
            found, over, problem = read(after)
        except (SQLAlchemyError, psycopg.Error):
            found, over, problem = [], False, None  # the database is away: the client keeps what it has
        if problem is not None:
            yield viewer.told("problem", json.dumps(document(problem)))
            return
        if found:
            after = found[-1]["place"]
            said = json.dumps({"items": LogLineSchema(many=True).dump(found)})
            yield viewer.told("lines", said, f"{after.id}.{after.n}")
            continue
        if over:
            yield viewer.told("end", "{}")
            return
        yield from viewer.rest()


def _place(text: str) -> Place:
    """A Last-Event-ID; the beginning for what is none."""
    try:
        id, n = text.split(".")
        return Place(seq(id), seq(n))
    except ValueError:
        return Place()


def _own(id: str) -> UUID:
    """The id of a run of the caller's tenant."""
    return there(runs.own(principal().tenant, id), "Run not found")
