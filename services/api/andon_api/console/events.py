"""Pages of events, and the form that sends one."""

from __future__ import annotations

import base64

from flask import Response, render_template, request, url_for

from andon.adapters.postgres.asks.requests import there
from andon_api.asks import incoming
from andon_api.asks.events import record, replay
from andon_api.console.parts import forms
from andon_api.database import now
from andon_api.http.effects import Outcome, perform
from andon_api.principal import principal
from andon_api.reads import events, registered, runs
from andon_api.schemas import DeadEventSchema

ROWS = 50


def event_list() -> str:
    """The log, newest first; Andon's own events where they are asked for."""
    name, own = request.args.get("name") or None, request.args.get("own") == "true"
    cursor, shown = request.args.get("cursor"), own or name is not None
    page = events.listed(principal().tenant, limit=ROWS, cursor=cursor, name=name, own=shown)
    known = sorted(events.names_heard(registered.listed()))
    return render_template("console/events.html", page=page, name=name, own=own, known=known, every=2000)


def send() -> Response:
    """Send the form's event, and show it."""
    given = incoming.read_events(forms.event(), principal())
    perform(lambda: record(given), bytes)
    return Response("", headers={"HX-Redirect": url_for("console.event", id=given[0].id)})


def event(id: str) -> str:
    """An event, and what it did."""
    found = there(events.find(principal().tenant, id), "Event not found")
    started = runs.listed(principal().tenant, {"limit": ROWS, "cursor": None, "event_id": id})
    own = [each for each in started["items"] if each["kind"] == "function"]
    return render_template("console/event.html", event=found, started=own, now=now(), every=2000)


def dead_events() -> str:
    """Entries that could not be events."""
    page = events.dead(principal().tenant, limit=ROWS, cursor=request.args.get("cursor"))
    for each in page["items"]:
        each["shown"] = [(_text(key), _text(value)) for key, value in each["fields"]]
    return render_template("console/dead_events.html", page=page, every=5000)


def replay_dead(id: int) -> Response:
    """Put it on the bus again."""
    return forms.act(lambda: Outcome(DeadEventSchema().dump(replay(principal().tenant, id))))


def _text(encoded: str, most: int = 400) -> str:
    """Base64 as text to look at; what isn't text is escaped."""
    text = base64.b64decode(encoded).decode(errors="backslashreplace")
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
