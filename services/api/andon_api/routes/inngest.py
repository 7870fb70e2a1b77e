"""`POST /e/<key>`: what an Inngest client calls when its base URL points here."""

from dataclasses import replace

from flask import Blueprint, request

from andon_api.asks import incoming
from andon_api.asks.events import record
from andon_api.http.effects import Outcome, effect
from andon_api.http.one_each import one_large_each
from andon_api.http.strict.json import parse_json
from andon_api.principal import principal, traceparent

blueprint = Blueprint("inngest", __name__)
SEED = "x-inngest-event-id-seed"


@blueprint.post("/e/<key>")
@one_large_each
@effect
def send(key: str) -> Outcome:
    """Record one event or a list, whatever the media type; answers as Inngest does."""
    body = parse_json(request.get_data())
    events = incoming.read_inngest(body, principal(), seed=request.headers.get(SEED), traceparent=traceparent())
    outcome = record(events)
    return replace(outcome, body={**outcome.body, "status": 200}, status=200, known=None)
