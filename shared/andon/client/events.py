"""Events: send them, read the log."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any
from urllib.parse import quote

from andon.client.decode import decode
from andon.client.errors import WaitTimeout
from andon.client.models import DeadEvent, Delivered, Event
from andon.client.pages import listed
from andon.client.transport import Transport

DELIVERY_SECONDS = 20


class DeadEvents:
    """Entries of the bus that can't be events. Takes a key with the scope `admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(self, *, limit: int | None = None) -> Iterator[DeadEvent]:
        """Dead events, newest first."""
        return listed(self._transport, "/dead-events", DeadEvent, limit)

    def get(self, id: int) -> DeadEvent | None:
        """One of them, if it is there."""
        newer_or_it = takewhile(lambda each: each.id >= id, self.list())
        return next((each for each in newer_or_it if each.id == id), None)

    def replay(self, id: int) -> DeadEvent:
        """Put one on the bus again, under the id that it had; still unreadable, it is buried anew."""
        return decode(DeadEvent, self._transport.post(f"/dead-events/{id}/replay"))


class Events:
    """Facts that start and stop runs."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        ts: dt.datetime | None = None,
        user: Any = None,
    ) -> str:
        """Send one event; returns its id. Sent again with the same `id`, it has no second effect."""
        event = {"name": name, "data": dict(data or {}), "id": id, "ts": ts and ts.isoformat(), "user": user}
        [sent] = self.send_many([{key: value for key, value in event.items() if value is not None}])
        return sent

    def deliver(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        user: Any = None,
        timeout: int = DELIVERY_SECONDS,
    ) -> Delivered:
        """Send one event, and wait until it was handled: the runs that it started and cancelled.

        Raises `WaitTimeout` when that takes longer than `timeout` seconds; it will be handled all the same.
        """
        event = {"name": name, "data": dict(data or {}), "id": id, "user": user}
        body = {key: value for key, value in event.items() if value is not None}
        answer = self._transport.post("/events", body, wait=timeout)
        [sent] = answer["ids"]
        if "effects" not in answer:
            raise WaitTimeout(
                f"Event {sent} was sent, and nobody has handled it within {timeout} s: is a dispatcher there?"
            )
        return decode(Delivered, {"id": sent, **answer["effects"][0]})

    def send_many(self, events: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None) -> tuple[str, ...]:
        """Send events as the API takes them (`name`, `data`, `id`, `ts`, `user`), all or none; returns their ids."""
        body = [dict(each) for each in events]
        return tuple(self._transport.post("/events", body, idempotency_key=idempotency_key)["ids"])

    def get(self, id: str) -> Event:
        """One event: what it started, what it cancelled, or why it cancelled nothing."""
        return decode(Event, self._transport.get(f"/events/{quote(id, safe='')}"))

    def list(self, *, name: str | None = None, limit: int | None = None) -> Iterator[Event]:
        """The log, newest first."""
        return listed(self._transport, "/events", Event, limit, name=name)
