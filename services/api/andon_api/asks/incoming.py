"""Events as they come over HTTP: native JSON, CloudEvents 1.0, and as Inngest's clients send them."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from andon.adapters.postgres.events.own_events import check_own
from andon.engine.errors import EventError
from andon.engine.events import Event, check_event, why_only_ours
from andon.engine.ids import new_id
from andon_api.http.problems import FieldErrors, Problem
from andon_api.http.strict.json import parse_json
from andon_api.principal import Principal

NATIVE = "application/json"
CLOUD = "application/cloudevents+json"
CLOUD_BATCH = "application/cloudevents-batch+json"
MOST_EVENTS = 1000
NATIVE_FIELDS = frozenset({"id", "name", "data", "ts", "user", "v"})

Reader = Callable[[Mapping[str, Any]], dict[str, Any]]


def read_events(
    body: Any, principal: Principal, *, media_type: str = NATIVE, traceparent: str | None = None
) -> list[Event]:
    """One event or a list of them; raises `FieldErrors` naming every event and field that is wrong."""
    read = _native if media_type == NATIVE else _cloud
    if media_type == CLOUD and not isinstance(body, dict):
        raise FieldErrors([("", f"expected one event as an object; a list is {CLOUD_BATCH}")])
    if media_type == CLOUD_BATCH and not isinstance(body, list):
        raise FieldErrors([("", f"expected a list of events; one event is {CLOUD}")])
    return _read_all(body, read, principal, traceparent)


def read_inngest(body: Any, principal: Principal, *, seed: str | None, traceparent: str | None = None) -> list[Event]:
    """Events of an Inngest client. Its `x-inngest-event-id-seed` makes its own retries harmless."""
    events = _read_all(body, _inngest, principal, traceparent)
    if not seed:
        return events
    stem = hashlib.blake2b(seed.encode(), digest_size=12).hexdigest()
    given = body if isinstance(body, list) else [body]
    return [
        event if each.get("id") else Event(**{**vars(event), "id": f"{stem}-{place}"})
        for place, (event, each) in enumerate(zip(events, given, strict=True))
    ]


def _read_all(body: Any, read: Reader, principal: Principal, traceparent: str | None) -> list[Event]:
    many = isinstance(body, list)
    given = body if many else [body]
    if len(given) > MOST_EVENTS:
        raise FieldErrors([("", f"expected at most {MOST_EVENTS} events in one request, got {len(given)}")])
    events: list[Event] = []
    wrong: list[tuple[str, str]] = []
    for place, each in enumerate(given):
        try:
            events.append(_event(each, read, principal, traceparent))
        except EventError as error:
            at = f"/{place}/{error.field}" if many else f"/{error.field}"
            wrong.append((at.rstrip("/"), str(error).removeprefix(f"{error.field}: ")))
    if wrong:
        raise FieldErrors(wrong)
    return events


def _event(each: Any, read: Reader, principal: Principal, traceparent: str | None) -> Event:
    if not isinstance(each, dict):
        raise EventError("", "expected an event as an object with name and data")
    fields = read(each)
    id = fields.pop("id", None)
    if id is not None and not isinstance(id, str):
        raise EventError("id", "expected a text")
    user = fields.pop("user", None)
    event = Event(
        **fields,
        id=id or str(new_id()),
        user=principal.user if user is None else user,
        tenant=principal.tenant,
        traceparent=traceparent,
    )
    if why := why_only_ours(event.name):
        raise EventError("name", why)
    return check_own(check_event(event))


def _native(each: Mapping[str, Any]) -> dict[str, Any]:
    for key in each:
        if key not in NATIVE_FIELDS:
            raise EventError(key, f"unknown field; expected one of {', '.join(sorted(NATIVE_FIELDS))}")
    for key, what in (("id", "a text"), ("data", "an object"), ("ts", "a time")):
        if key in each and each[key] is None:
            raise EventError(key, f"expected {what}, or no such field")
    return {
        "name": each.get("name", ""),
        "data": each.get("data", {}),
        "id": each.get("id"),
        "user": each.get("user"),
        "ts": _moment(each.get("ts")),
    }


def _inngest(each: Mapping[str, Any]) -> dict[str, Any]:
    """Of what its clients send, what says something: they fill in null, and 0 for no time."""
    known = {key: value for key, value in each.items() if key in NATIVE_FIELDS and value is not None}
    return _native({key: value for key, value in known.items() if key != "ts" or value})


def _cloud(each: Mapping[str, Any]) -> dict[str, Any]:
    """A CloudEvent: `type` is the name; `source` and `subject` tell who sent it."""
    if each.get("specversion") != "1.0":
        raise EventError("specversion", f"expected '1.0', got {each.get('specversion')!r}")
    for key in ("id", "source", "type"):
        if not isinstance(each.get(key), str) or not each[key]:
            raise EventError(key, "expected a text that is not empty")
    if "data_base64" in each:
        raise EventError("data_base64", "expected JSON in data; binary data is not taken")
    sender = {"source": each["source"], **({"subject": each["subject"]} if each.get("subject") else {})}
    return {
        "name": _named("type", each["type"]),
        "data": {} if each.get("data") is None else each["data"],
        "id": each["id"],
        "user": sender,
        "ts": _moment(each.get("time"), "time"),
    }


def _named(field: str, name: str) -> str:
    try:
        check_event(Event(name))
    except EventError as error:
        raise EventError(field, str(error).removeprefix("name: ")) from None
    return name


def _moment(value: Any, field: str = "ts") -> dt.datetime | None:
    """Milliseconds since 1970, or RFC 3339."""
    if value is None:
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and field == "ts":
            return dt.datetime.fromtimestamp(value / 1000, dt.UTC)
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(dt.UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        pass
    expected = "milliseconds since 1970 or RFC 3339" if field == "ts" else "RFC 3339"
    raise EventError(field, f"expected a time with its zone, {expected}, got {str(value)[:40]!r}")


_PREFIX = "ce-"
BINARY = "ce-specversion"


def read_binary(headers: Iterable[tuple[str, str]], body: bytes, media_type: str) -> dict[str, Any]:
    """The event as structured mode would have it; values are percent-encoded UTF-8. Raises a 415 or 400 `Problem`."""
    if body and not (media_type == "application/json" or media_type.endswith("+json")):
        raise Problem(415, f"expected a CloudEvent's data as application/json, got {media_type or 'none'}")
    attributes = {
        name.lower().removeprefix(_PREFIX): unquote(value)
        for name, value in headers
        if name.lower().startswith(_PREFIX) and name.lower() != "ce-data"
    }
    return {**attributes, **({"data": parse_json(body)} if body else {})}
