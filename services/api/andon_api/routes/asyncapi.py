"""The bus as an AsyncAPI 3 document: what a producer in any language adds to the stream, and what it may listen to."""

from typing import Any

from andon.adapters.redis.bus import STREAM, VERSION
from andon.adapters.redis.live import CHANNEL
from andon.engine.events import DEFAULT_TENANT, MAX_BYTES
from andon_api.http.document.event_shapes import DATA, FIELDS, OWN, SHAPES, UUID, ref

_TEXT = {"type": "string"}
_EXAMPLE = {
    "name": "report/generation.cancelled",
    "data": '{"reportId":"0199e0a1-7c00-7000-8000-000000000001"}',
    "id": "cancel-42",
    "ts": "1767225600000",
    "user": '{"id":"ada"}',
    "tenant": DEFAULT_TENANT,
}


def _entry(name: str | None = None) -> dict[str, Any]:
    """The fields of a stream entry, of the event `name`. Redis has texts only: what is JSON, is JSON in a text."""
    named = FIELDS["name"] if name is None else {"const": name}
    inside = DATA if name is None else ref(OWN[name])
    return {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": named,
            "data": {
                **_TEXT,
                "contentMediaType": "application/json",
                "contentSchema": inside,
                "default": "{}",
                "description": f"a JSON object; with user at most {MAX_BYTES} bytes",
            },
            "id": FIELDS["id"],
            "ts": {
                **_TEXT,
                "pattern": "^-?[0-9]+$",
                "description": "milliseconds since 1970; without it, when it is read",
            },
            "user": {**_TEXT, "contentMediaType": "application/json", "description": "on whose behalf, as JSON"},
            "tenant": FIELDS["tenant"],
            "traceparent": FIELDS["traceparent"],
            "v": {**_TEXT, "const": VERSION, "default": VERSION, "description": "the version of this shape"},
        },
    }


def _own() -> dict[str, Any]:
    """A message for each event of Andon's own: what it tells, and what others may tell it."""
    return {name.removeprefix("andon/").replace(".", "-"): {"name": name, "payload": _entry(name)} for name in OWN}


def _live() -> dict[str, Any]:
    return {
        "type": "object",
        "anyOf": [{"required": [each]} for each in ("run", "subjects", "logs")],
        "properties": {
            "run": {**UUID, "description": "a run that has changed"},
            "subject": {**UUID, "type": ["string", "null"], "description": "what that run is about: `id` of its row"},
            "subjects": {"type": "array", "items": UUID, "description": "subjects that were asked for, or given back"},
            "logs": {"type": "array", "items": UUID, "description": "runs that have said something"},
        },
    }


def document() -> dict[str, Any]:
    """The AsyncAPI 3 document of the bus."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Andon's bus",
            "version": VERSION,
            "description": "Events that start and stop runs. Entries that can't be events are kept as dead events.",
        },
        "defaultContentType": "application/json",
        "servers": {"redis": {"host": "localhost:6379", "protocol": "redis", "description": "ANDON_REDIS_URL"}},
        "channels": {
            "events": {
                "address": STREAM,
                "description": f"A Redis Stream: XADD {STREAM} * name … data …",
                "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in ("event", *_own())},
            },
            "live": {
                "address": CHANNEL,
                "description": "Redis publish/subscribe: what has changed. A hint, never the truth.",
                "messages": {"changed": {"$ref": "#/components/messages/changed"}},
            },
        },
        "operations": {
            "handle": {
                "action": "receive",
                "channel": {"$ref": "#/channels/events"},
                "summary": "Andon records each event once, in order, and starts or stops what it names",
            },
            "tell": {
                "action": "send",
                "channel": {"$ref": "#/channels/live"},
                "summary": "Andon tells that a run or a subject has changed, or that a run has said something",
            },
        },
        "components": {
            "messages": {
                "event": {"payload": _entry(), "examples": [{"payload": _EXAMPLE}, {"payload": {"name": "a/b"}}]},
                "changed": {"payload": _live()},
                **_own(),
            },
            "schemas": {name: SHAPES[name] for name in OWN.values()},
        },
    }
