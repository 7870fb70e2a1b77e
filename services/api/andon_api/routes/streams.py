"""Server-Sent Events: reports and runs, sent again at each change. A stream holds no thread between two messages."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

import marshmallow as ma
import psycopg
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from andon.adapters.postgres.asks.requests import NotFound
from andon_api.access.gate import gate
from andon_api.access.tokens import thing
from andon_api.database import Row
from andon_api.http.problems import FieldErrors, Problem, document, of_exception
from andon_api.http.rest import Blueprint
from andon_api.http.streaming import CHECK_SECONDS, Viewer, in_context, streamed
from andon_api.looks import Seen
from andon_api.principal import principal
from andon_api.reads import reports, runs, subjects
from andon_api.schemas import ReportSchema, RunDetailSchema, StreamQuery, SubjectSchema
from andon_api.services import services

blueprint = Blueprint("streams", __name__, description="Status and progress as they change")

FED_SECONDS = 5.0  # what changes without being told on the live channel is seen by then


@dataclass(frozen=True)
class Kind:
    """How things of a kind are read and shown, and when they have ended."""

    find: Callable[[str, str], Row | None]
    schema: ma.Schema
    ended: Callable[[Row], bool]


KINDS = {
    "report": Kind(reports.find, ReportSchema(), lambda row: row["status"] != "generating"),
    "subject": Kind(
        lambda tenant, name: subjects.find(tenant, *name.split(":", 1)),
        SubjectSchema(),
        lambda row: row["status"] != "active",
    ),
    "run": Kind(runs.find, RunDetailSchema(), lambda row: row["ended_at"] is not None),
}


@blueprint.get("/reports/<id>/stream")
@blueprint.sends(200, "text/event-stream")
@blueprint.resumable
def report(id: str) -> Response:
    """Events `report`, each the whole report; `end` when it isn't generating; `problem` when it can't be seen any more.

    204 to a client that resumes behind the end: EventSource then stays closed. 503: poll instead.
    """
    return _stream([thing("report", id)], missing="Report not found")


@blueprint.get("/runs/<id>/stream")
@blueprint.sends(200, "text/event-stream")
@blueprint.resumable
def run(id: str) -> Response:
    """Events `run`, each the whole run; `end` when it has ended; `problem` when it can't be seen any more.

    204 to a client that resumes behind the end: EventSource then stays closed. 503: poll instead.
    """
    return _stream([thing("run", id)], missing="Run not found")


@blueprint.get("/subjects/<kind>/<path:id>/stream")
@blueprint.sends(200, "text/event-stream")
@blueprint.resumable
def subject(kind: str, id: str) -> Response:
    """Events `subject`, each the whole subject; `end` when it isn't active."""
    return _stream([f"subject:{kind}:{id}"], missing=f"There is no {kind} {id}")


@blueprint.get("/stream")
@blueprint.query(StreamQuery)
@blueprint.sends(200, "text/event-stream")
@blueprint.resumable
def many(query: Row) -> Response:
    """Events `report`, `run` and `subject` of all that a token names, or of each `thing`; `end` when all have ended.

    A `problem` with a `thing` says that this one can't be seen any more; the others go on.
    """
    held, asked = principal().things, [thing(*each.split(":", 1)) for each in query["thing"]]
    if held and not set(asked) <= set(held):
        raise Problem(403, "This token opens what it was made for, and nothing else.")
    things = list(dict.fromkeys(asked or held))
    if not things:
        raise FieldErrors([("?thing", "expected 1 to 100 things, or a token that names them")])
    return _stream(things)


def _stream(things: Sequence[str], *, missing: str | None = None) -> Response:
    """The stream of these; with `missing`, of one that has to be there."""
    tenant = principal().tenant
    seen = request.headers.get("Last-Event-ID", "").split(".")
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    still_open = gate().still_open()
    stream = _Stream(
        things=things,
        read=_reader(app, tenant, things),
        refused=None if still_open is None else in_context(app, still_open),
        gone=of_exception(NotFound(missing or "Not found")),
        alone=missing is not None,
    )
    since = monotonic()
    now = [stream.read(each, since) for each in things]
    if missing is not None and not now[0].text:
        raise NotFound(missing)
    if len(seen) != len(things):
        seen = [""] * len(things)
    if all(each.ended for each in now) and seen == [each.tag for each in now]:
        return Response(status=204)
    return streamed(tuple(things), lambda viewer: stream.messages(viewer, seen, since))


@dataclass(frozen=True)
class _Stream:
    """What one stream tells of."""

    things: Sequence[str]
    read: Callable[[str, float], Seen]
    refused: Callable[[], Problem | None] | None
    gone: Problem
    alone: bool

    def messages(self, viewer: Viewer, seen: list[str], since: float) -> Iterator[str]:
        """A message for each state but those `seen`: its id tells the states, so a client resumes where it was cut off.

        `end` is said of an end and nothing else; a stream that stops without it is to be resumed.
        """
        looked_at, over = since, set[str]()
        while viewer.goes_on:
            named = viewer.listener.named()
            if since - looked_at >= (FED_SECONDS if viewer.feed.fed else CHECK_SECONDS):
                looked_at, named = since, set(self.things)
            if self.refused and (problem := self.refused()):
                yield viewer.told("problem", json.dumps(document(problem)))
                return
            for place, name in enumerate(self.things):
                if name not in named or name in over:
                    continue
                try:
                    now = self.read(name, since)
                except (SQLAlchemyError, psycopg.Error):
                    looked_at = float("-inf")  # the database is away: the client keeps what it has
                    break
                if not now.text:
                    yield viewer.told(
                        "problem", json.dumps(document(self.gone) | ({} if self.alone else {"thing": name}))
                    )
                    if self.alone:
                        return
                elif now.tag != seen[place]:
                    seen[place] = now.tag
                    yield viewer.told(name.partition(":")[0], now.text, ".".join(seen))
                if now.ended:
                    over.add(name)
            if len(over) == len(self.things):
                yield viewer.told("end", "{}")
                return
            yield from viewer.rest()
            since = monotonic()


def _reader(app: Flask, tenant: str, things: Sequence[str]) -> Callable[[str, float], Seen]:
    """Reads what is true of one of the things, holding no connection between two reads."""
    looks = {name: services().looks.of((tenant, name)) for name in things}

    def read(name: str) -> Seen:
        kind, _, id = name.partition(":")
        row = KINDS[kind].find(tenant, id)
        of = KINDS[kind]
        return Seen(json.dumps(of.schema.dump(row)), of.ended(row)) if row else _GONE

    return lambda name, since: looks[name].at(since, in_context(app, lambda: read(name)))


_GONE = Seen(ended=True)
