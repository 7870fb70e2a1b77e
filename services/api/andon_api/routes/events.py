"""Events: send them, read the log, see what each one did."""

from flask import request

from andon.adapters.postgres.asks.requests import there
from andon_api.asks import incoming
from andon_api.asks.events import record, replay
from andon_api.database import Row
from andon_api.http.document.event_shapes import ref
from andon_api.http.effects import Outcome, effect
from andon_api.http.one_each import one_large_each
from andon_api.http.problems import Problem
from andon_api.http.rest import Blueprint
from andon_api.http.strict.json import parse_json
from andon_api.principal import principal, traceparent
from andon_api.reads import events
from andon_api.schemas import (
    DeadEventSchema,
    EventSchema,
    EventsQuery,
    NoBody,
    PageQuery,
    SentSchema,
)

blueprint = Blueprint("events", __name__, description="Facts that start and stop runs")

# CloudEvents are told of in words: of several kinds of body and a list, the generator for Python makes what can't run.
_EITHER = {"oneOf": [ref("NewEvent"), {"type": "array", "items": ref("NewEvent")}]}
_BODY = {"required": True, "content": {incoming.NATIVE: {"schema": _EITHER}}}


@blueprint.post("/events")
@blueprint.documented(requestBody=_BODY)
@blueprint.answers(202, SentSchema)
@blueprint.can_wait(SentSchema)
@one_large_each
@effect
def send() -> Outcome:
    """Send one event or a list.

    CloudEvents 1.0 are taken, too: structured (`application/cloudevents+json`), batch
    (`application/cloudevents-batch+json`) and binary (`ce-` headers).
    """
    media_type = request.mimetype
    if incoming.BINARY in request.headers and media_type not in {incoming.CLOUD, incoming.CLOUD_BATCH}:
        event = incoming.read_binary(request.headers.items(), request.get_data(), media_type)
        return record(incoming.read_events(event, principal(), media_type=incoming.CLOUD, traceparent=traceparent()))
    if media_type not in {incoming.NATIVE, incoming.CLOUD, incoming.CLOUD_BATCH}:
        raise Problem(
            415,
            f"expected Content-Type {incoming.NATIVE}, {incoming.CLOUD} or {incoming.CLOUD_BATCH}, "
            f"got {media_type or 'none'}",
        )
    body = parse_json(request.get_data())
    return record(incoming.read_events(body, principal(), media_type=media_type, traceparent=traceparent()))


@blueprint.lists("/events", EventSchema, EventsQuery)
def listed(query: Row) -> Row:
    """The log, newest first."""
    return events.listed(principal().tenant, **query)


@blueprint.get("/events/<path:id>")
@blueprint.answers(200, EventSchema)
def one(id: str) -> Row:
    """An event, what it started, what it cancelled, and why it cancelled nothing."""
    return there(events.find(principal().tenant, id), "Event not found")


@blueprint.lists("/dead-events", DeadEventSchema, PageQuery)
def dead(query: Row) -> Row:
    """Entries of the bus that can't be events, with the reason, newest first."""
    return events.dead(principal().tenant, **query)


@blueprint.verb("/dead-events/<int:id>/replay", NoBody, DeadEventSchema)
def replay_dead(body: Row, id: int) -> Outcome:
    """Put a dead event on the bus again, under the id that it had; still unreadable, it is buried anew."""
    return Outcome(DeadEventSchema().dump(replay(principal().tenant, id)))
