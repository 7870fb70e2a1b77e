"""Following something to its end: told of each change by Server-Sent Events, or asking again and again."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from .decode import Resource, decode
from .errors import RateLimited, Unavailable, Unreachable, WaitTimeout, error_from
from .transport import Transport

Thing = TypeVar("Thing", bound=Resource)
LOOK_SECONDS = (0.1, 1.0)
OUTAGE_SECONDS = 60.0
QUIET_SECONDS = 40.0  # the API says at least every 15 s that it is there
RECONNECT_SECONDS = 1.0
MOST_RECONNECTS = 5  # in a row, without a word between


@dataclass(frozen=True)
class Message:
    """One Server-Sent Event; a sign of life has none of these."""

    event: str = ""
    id: str = ""
    data: str = ""


class Follower:
    """Follows things of one API. `timeout` is in seconds; None is as long as it takes."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        self._transport = transport
        self._clock = clock

    async def poll(
        self, path: str, kind: type[Thing], ended: Callable[[Thing], bool], timeout: float | None
    ) -> AsyncGenerator[Thing]:
        """The thing at `path`, again at each change, until it has ended; asks once a second or more often."""
        began = heard = self._clock()
        shortest, longest = LOOK_SECONDS
        pause, last = shortest, None
        while True:
            try:
                thing = await self._transport.show(kind, path)
                heard = self._clock()
            except (Unavailable, RateLimited):
                if self._clock() - heard > OUTAGE_SECONDS:
                    raise
            else:
                if thing != last:
                    last, pause = thing, shortest
                    yield thing
                if ended(thing):
                    return
            pause = min(pause * 1.3, longest)
            if timeout is not None:
                left = timeout - (self._clock() - began)
                if left <= 0:
                    what = path.strip("/").replace("s/", " ", 1).capitalize()
                    raise WaitTimeout(f"{what} has not ended within {timeout:g} s")
                pause = min(pause, left)
            await self._transport.wire.pause(pause)

    async def watch(
        self, path: str, kind: type[Thing], ended: Callable[[Thing], bool], timeout: float | None
    ) -> AsyncGenerator[Thing]:
        """As `poll`, but told by the API as things change. Where that isn't to be had, it polls."""
        began, last = self._clock(), None

        def in_time() -> bool:
            return timeout is None or self._clock() - began + QUIET_SECONDS < timeout

        async with aclosing(self._told(path, kind, in_time)) as told:
            async for last in told:
                yield last
        if last is None or not ended(last):
            left = None if timeout is None else max(timeout - (self._clock() - began), 0.0)
            async with aclosing(self.poll(path, kind, ended, left)) as polled:
                async for each in polled:
                    if each != last:
                        yield each

    async def lines(self, path: str) -> AsyncGenerator[dict[str, Any]]:
        """What each message of a stream says, to its end; resumed where it was cut off.

        Waits for a place where enough streams are open. Raises what stands in the way of one for over a minute.
        """
        seen, heard = "", self._clock()
        while True:
            try:
                async with self._transport.listen(path, seen, quiet=QUIET_SECONDS) as lines:
                    async for message in messages(lines):
                        heard = self._clock()
                        if message.event == "end":
                            return
                        if message.event == "problem":
                            raise error_from(json.loads(message.data))
                        if message.data:
                            seen = message.id
                            yield json.loads(message.data)
            except (Unreachable, Unavailable, RateLimited):
                if self._clock() - heard > OUTAGE_SECONDS:
                    raise
            await self._transport.wire.pause(RECONNECT_SECONDS)

    async def _told(self, path: str, kind: type[Thing], go_on: Callable[[], bool]) -> AsyncGenerator[Thing]:
        """What the stream tells until it ends; resumed where it was cut off. Ends early when there is no stream."""
        seen, failures = "", 0
        while failures < MOST_RECONNECTS and go_on():
            try:
                async with self._transport.listen(f"{path}/stream", seen, quiet=QUIET_SECONDS) as lines:
                    async for message in messages(lines):
                        failures = 0
                        if message.event == "end" or not go_on():
                            return
                        if message.event == "problem":
                            raise error_from(json.loads(message.data))
                        if message.data:
                            seen = message.id
                            yield decode(kind, json.loads(message.data))
            except Unreachable:
                pass
            except (Unavailable, RateLimited):
                return  # enough streams are open
            failures += 1
            await self._transport.wire.pause(RECONNECT_SECONDS)


async def last_of(found: AsyncIterator[Thing]) -> Thing:
    """The last that it yields, which is at least one."""
    async for each in found:  # noqa: B007
        pass
    return each


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[Message]:
    """Server-Sent Events out of their lines; an empty one for each comment."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            if "data" in fields:
                yield Message(fields.get("event", ""), fields.get("id", ""), fields["data"])
            fields = {}
        elif line.startswith(":"):
            yield Message()
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" and "data" in fields else value
