"""The bus: the stream `andon:events`, what we add and how an entry is read."""

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.redis.flags import raising
from andon.adapters.redis.sending import Command
from andon.adapters.redis.stream.reading import CUT, MOST_FIELDS
from andon.engine.errors import EventError
from andon.engine.events import DEFAULT_TENANT, MAX_BYTES, Event, check_event

STREAM = "andon:events"
GROUP = "andon"
FIELDS = frozenset({"name", "data", "id", "ts", "user", "tenant", "traceparent", "v"})
VERSION = "1"


def publishing(events: Iterable[Event], *, flags: Mapping[str, int] | None = None) -> list[Command]:
    """The commands that add events to the stream, and raise and push these cancel flags (name -> seq); the push comes
    first: somebody waits for it.
    """
    raised = [raising(flags)] if flags else []
    return [*raised, *(("XADD", STREAM, "*", *chain.from_iterable(encode(each).items())) for each in events)]


def group_of(redis: Redis) -> dict[str, Any] | None:
    """What Redis tells of the consumer group, if stream and group are there."""
    try:
        groups: Any = redis.xinfo_groups(STREAM)
    except ResponseError:
        return None
    return next((each for each in groups if each["name"] == GROUP.encode()), None)


def encode(event: Event) -> dict[str, str]:
    """An event as the fields of a stream entry."""
    fields = {
        "name": event.name,
        "data": json.dumps(dict(event.data), separators=(",", ":")),
        "id": event.id,
        "tenant": event.tenant,
    }
    if event.ts is not None:
        fields["ts"] = str(int(event.ts.timestamp() * 1000))
    if event.user is not None:
        fields["user"] = json.dumps(event.user, separators=(",", ":"))
    if event.traceparent:
        fields["traceparent"] = event.traceparent
    return fields


def decode(stream_id: str, fields: Mapping[bytes, bytes]) -> Event:
    """An entry as an event; raises `EventError` saying which field is wrong."""
    _check_size(fields)
    text: dict[str, str] = {}
    for key, value in fields.items():
        try:
            text[key.decode()] = value.decode()
        except UnicodeDecodeError:
            raise EventError(repr(key)[2:-1], "expected UTF-8 text") from None
    if text.get("v", VERSION) != VERSION:
        raise EventError("v", f"expected version {VERSION}, got {text['v']!r}")
    if "name" not in text:
        raise EventError("name", "expected a text such as 'report/generation.requested', got none")
    return check_event(
        Event(
            name=text["name"],
            data=_json("data", text.get("data", "{}")),
            id=text.get("id") or f"{stream_id}-{digest(fields)}",
            ts=_time(text.get("ts")),
            user=_json("user", text["user"]) if text.get("user") else None,
            tenant=text.get("tenant") or DEFAULT_TENANT,
            traceparent=text.get("traceparent") or None,
        )
    )


def _check_size(fields: Mapping[bytes, bytes]) -> None:
    """An entry that was cut says how large it was."""
    cut = fields.get(CUT)
    if cut == b"":
        raise EventError(
            "entry", f"expected at most {MOST_FIELDS} fields and {MAX_BYTES * 2 // 1024} KiB, got far more"
        )
    try:
        size, count = map(int, (cut or b"").split())
    except ValueError:
        size, count = sum(len(key) + len(value) for key, value in fields.items()), len(fields)
    if size > MAX_BYTES * 2:
        raise EventError("data", f"expected at most {MAX_BYTES // 1024} KiB, got {size} bytes")
    if count > MOST_FIELDS:
        raise EventError("entry", f"expected at most {MOST_FIELDS} fields, got {count}")


def digest(fields: Mapping[bytes, bytes]) -> str:
    """A short hash of an entry's content: what tells two entries apart when a stream was made anew."""
    joined = b"\0".join(key + b"\1" + value for key, value in sorted(fields.items()))
    return hashlib.blake2b(joined, digest_size=8).hexdigest()


def preserve(fields: Mapping[bytes, bytes], *, limit: int = 1024 * 1024) -> list[list[str]]:
    """An entry's fields as base64 pairs, for the table of dead events."""
    return [[base64.b64encode(key).decode(), base64.b64encode(value[:limit]).decode()] for key, value in fields.items()]


def _json(field: str, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise EventError(field, f"expected JSON, got {text[:80]!r}") from None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _time(text: str | None) -> dt.datetime | None:
    if not text:
        return None
    try:
        return dt.datetime.fromtimestamp(int(text) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise EventError("ts", f"expected milliseconds since 1970, got {text[:40]!r}") from None
