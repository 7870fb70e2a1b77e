"""The bus: the stream `andon:events` and those of further partitions, what we add and how an entry is read."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.redis.flags import raising
from andon.adapters.redis.sending import Command
from andon.engine.errors import EventError
from andon.engine.events import DEFAULT_TENANT, MAX_BYTES, Event, check_event
from andon.engine.partitions import ONE, Partitions

STREAM = "andon:events"
PLACING = "andon:placing"
GROUP = "andon"
FIELDS = frozenset({"name", "data", "id", "ts", "user", "tenant", "traceparent", "v"})
VERSION = "1"


def stream_of(partition: int) -> str:
    """The stream of a partition; that of the first is the one that every producer knows."""
    return f"{STREAM}:{partition}" if partition else STREAM


def streams(count: int) -> list[str]:
    """The streams of so many partitions."""
    return [stream_of(partition) for partition in range(count)]


def entry_id(partition: int, stream_id: str) -> str:
    """What names an entry among those of all partitions."""
    return f"{partition}:{stream_id}" if partition else stream_id


def publish(
    redis: Redis,
    events: Sequence[Event],
    *,
    flags: Mapping[str, int] | None = None,
    partitions: Partitions = ONE,
) -> None:
    """Add events to their streams, and raise and push these cancel flags (name -> seq) with them, in one round trip."""
    commands = publishing(events, flags=flags, partitions=partitions)
    if commands:
        send(redis, commands)


def send(redis: Redis, commands: Sequence[Command]) -> None:
    """Send these in one round trip by the general client, which traces see."""
    pipe = redis.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)  # type: ignore[no-untyped-call]
    pipe.execute()


def publishing(
    events: Sequence[Event], *, flags: Mapping[str, int] | None = None, partitions: Partitions = ONE
) -> list[Command]:
    """The commands by which `publish` does it, the push first: somebody waits for it."""
    raised = [raising(flags)] if flags else []
    return [*raised, *(adding(event, partitions) for event in events)]


def adding(event: Event, partitions: Partitions = ONE) -> Command:
    """The command that adds an event to its stream."""
    return ("XADD", stream_of(partitions.place(event)), "*", *chain.from_iterable(encode(event).items()))


def add(pipe: Redis, events: Sequence[Event], partitions: Partitions = ONE) -> None:
    """Add events to their streams with the caller's pipeline."""
    for event in events:
        pipe.execute_command(*adding(event, partitions))  # type: ignore[no-untyped-call]


def is_read(redis: Redis, streams: Sequence[str]) -> bool:
    """Whether the group has read each of these streams to its end; one without a group has not been read."""
    for stream in streams:
        try:
            groups: Any = redis.xinfo_groups(stream)
            end: Any = redis.xinfo_stream(stream)
        except ResponseError:
            return False
        read = next((each["last-delivered-id"] for each in groups if each["name"] == GROUP.encode()), None)
        if read != end["last-generated-id"]:
            return False
    return True


def tell_placing(redis: Redis, fields: Mapping[str, str]) -> None:
    """Tell publishers without functions by which field each name's events are placed."""
    if fields:
        redis.hset(PLACING, mapping={**fields})  # type: ignore[dict-item]


def placing(redis: Redis) -> dict[str, str]:
    """What `tell_placing` told; nothing when nobody has, and then events are placed by their ids."""
    found: Any = redis.hgetall(PLACING)
    return {name.decode(): path.decode() for name, path in found.items()}


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
    size = sum(len(key) + len(value) for key, value in fields.items())
    if size > MAX_BYTES * 2:
        raise EventError("data", f"expected at most {MAX_BYTES // 1024} KiB, got {size} bytes")
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
