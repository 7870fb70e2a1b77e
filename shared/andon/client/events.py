"""Events: send them, read the log."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Required, TypedDict

from .blocking import Blocking, blocking, iterating
from .decode import decode
from .errors import WaitTimeout
from .models import DeadEvent, Delivered, Event
from .pages import listed
from .transport import Group, at

DELIVERY_SECONDS = 20


class NewEvent(TypedDict, total=False):
    """An event to send. What is None or missing is the API's to say: an `id`, now as its `ts`, no user."""

    name: Required[str]
    data: Mapping[str, Any]
    id: str | None
    ts: dt.datetime | None
    user: Any


class AsyncDeadEvents(Group):
    """Entries of the bus that can't be events. Takes a key with the scope `admin`."""

    def list(self, *, limit: int | None = None) -> AsyncIterator[DeadEvent]:
        """Dead events, newest first."""
        return listed(self._transport, "/dead-events", DeadEvent, limit)

    async def get(self, id: int) -> DeadEvent | None:
        """One of them, if it is there."""
        async for each in self.list():
            if each.id <= id:
                return each if each.id == id else None
        return None

    async def replay(self, id: int) -> DeadEvent:
        """Put one on the bus again, under the id that it had; still unreadable, it is buried anew."""
        return decode(DeadEvent, await self._transport.post(f"/dead-events/{id}/replay"))


class AsyncEvents(Group):
    """Facts that start and stop runs."""

    async def send(
        self,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        id: str | None = None,
        ts: dt.datetime | None = None,
        user: Any = None,
    ) -> str:
        """Send one event; returns its id. Sent again with the same `id`, it has no second effect."""
        event: NewEvent = {"name": name, "data": data or {}, "id": id, "ts": ts, "user": user}
        [sent] = await self.send_many([event])
        return sent

    async def deliver(
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
        body = _sent({"name": name, "data": data or {}, "id": id, "user": user})
        answer = await self._transport.post("/events", body, prefer_wait=timeout)
        [sent] = answer["ids"]
        if "effects" not in answer:
            raise WaitTimeout(
                f"Event {sent} was sent, and nobody has handled it within {timeout} s: is a dispatcher there?"
            )
        return decode(Delivered, {"id": sent, **answer["effects"][0]})

    async def send_many(self, events: Sequence[NewEvent], *, idempotency_key: str | None = None) -> tuple[str, ...]:
        """Send events, all or none; returns their ids."""
        body = [_sent(each) for each in events]
        return tuple((await self._transport.post("/events", body, idempotency_key=idempotency_key))["ids"])

    async def get(self, id: str) -> Event:
        """One event: what it started, what it cancelled, or why it cancelled nothing."""
        return await self._transport.show(Event, at("events", id))

    def list(self, *, name: str | None = None, limit: int | None = None) -> AsyncIterator[Event]:
        """The log, newest first."""
        return listed(self._transport, "/events", Event, limit, name=name)


class DeadEvents(Blocking[AsyncDeadEvents]):
    """Entries of the bus that can't be events. Takes a key with the scope `admin`."""

    list = iterating(AsyncDeadEvents.list)
    get = blocking(AsyncDeadEvents.get)
    replay = blocking(AsyncDeadEvents.replay)


class Events(Blocking[AsyncEvents]):
    """Facts that start and stop runs."""

    send = blocking(AsyncEvents.send)
    deliver = blocking(AsyncEvents.deliver)
    send_many = blocking(AsyncEvents.send_many)
    get = blocking(AsyncEvents.get)
    list = iterating(AsyncEvents.list)


def _sent(event: NewEvent) -> dict[str, Any]:
    """As the API takes it."""
    ts = event.get("ts")
    said = ts.isoformat() if isinstance(ts, dt.datetime) else ts
    written = {**event, "data": dict(event.get("data") or {}), "ts": said}
    return {name: value for name, value in written.items() if value is not None}
