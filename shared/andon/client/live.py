"""Following something to its end: told of each change by Server-Sent Events, or asking again and again."""

import json
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar

from .decode import Resource, decode
from .errors import RateLimited, Unavailable, Unreachable, WaitTimeout, error_from
from .transport import Group, Transport

Thing = TypeVar("Thing", bound=Resource)
LOOK_SECONDS = (0.1, 1.0)
OUTAGE_SECONDS = 60.0
QUIET_SECONDS = 40.0  # the API says at least every 15 s that it is there
RECONNECT_SECONDS = 1.0
MOST_RECONNECTS = 5  # in a row, without a word between; a stream's opening is one
POLL_SECONDS = 15.0  # for so long, then a stream is worth a try again


@dataclass(frozen=True)
class Message:
    """One Server-Sent Event; what a stream opens with, and a sign of life, has none of these."""

    event: str = ""
    id: str = ""
    data: str = ""


class _Patience:
    """How long somebody waits: for `timeout` seconds, or as long as it takes."""

    def __init__(self, clock: Callable[[], float], timeout: float | None) -> None:
        self._clock = clock
        self._began = clock()
        self.timeout = timeout

    @property
    def left(self) -> float:
        """The seconds that are left of it."""
        return math.inf if self.timeout is None else self.timeout - (self._clock() - self._began)

    @property
    def outlasts_a_stream(self) -> bool:
        """Whether it lasts until a stream that is cut off unnoticed is given up."""
        return self.left > QUIET_SECONDS


class Follower(Group):
    """Follows things of one API. `timeout` is in seconds; None is as long as it takes."""

    def __init__(self, transport: Transport, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(transport)
        self._clock = clock

    async def poll(
        self, path: str, kind: type[Thing], ended: Callable[[Thing], bool], timeout: float | None
    ) -> AsyncGenerator[Thing]:
        """The thing at `path`, again at each change, until it has ended; asks once a second or more often."""
        async with aclosing(self._asked(path, kind, ended, _Patience(self._clock, timeout))) as asked:
            async for each in asked:
                yield each

    async def watch(
        self, path: str, kind: type[Thing], ended: Callable[[Thing], bool], timeout: float | None
    ) -> AsyncGenerator[Thing]:
        """As `poll`, but told by the API as things change. While that isn't to be had, it polls."""
        patience = _Patience(self._clock, timeout)
        last: Thing | None = None
        while last is None or not ended(last):
            async with aclosing(self._told(path, kind, patience)) as told:
                async for last in told:
                    yield last
            if last is not None and ended(last):
                return
            async with aclosing(self._asked(path, kind, ended, patience, last, POLL_SECONDS)) as asked:
                async for last in asked:
                    yield last

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
                raise Unreachable(None, "The stream was cut off")
            except (Unavailable, RateLimited):
                if self._clock() - heard > OUTAGE_SECONDS:
                    raise
            await self._transport.wire.pause(RECONNECT_SECONDS)

    async def _asked(
        self,
        path: str,
        kind: type[Thing],
        ended: Callable[[Thing], bool],
        patience: _Patience,
        last: Thing | None = None,
        span: float = math.inf,
    ) -> AsyncGenerator[Thing]:
        """The thing, if it isn't what was seen `last`, and again at each change; to its end, or for a `span` of seconds
        where a stream is worth a try then. Raises what keeps the API from answering for over a minute.
        """
        began = heard = self._clock()
        shortest, longest = LOOK_SECONDS
        pause = shortest
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
                if ended(thing) or (heard - began >= span and patience.outlasts_a_stream):
                    return
            if patience.left <= 0:
                what = path.strip("/").replace("s/", " ", 1).capitalize()
                raise WaitTimeout(f"{what} has not ended within {patience.timeout:g} s")
            pause = min(pause * 1.3, longest)
            await self._transport.wire.pause(min(pause, patience.left))

    async def _told(self, path: str, kind: type[Thing], patience: _Patience) -> AsyncGenerator[Thing]:
        """What the stream tells until it ends; resumed where it was cut off.

        Ends early when there is no stream, as where something between lets no word of it through.
        """
        seen, failures = "", 0
        while failures < MOST_RECONNECTS and patience.outlasts_a_stream:
            opened = spoke = False
            try:
                async with self._transport.listen(f"{path}/stream", seen, quiet=QUIET_SECONDS) as lines:
                    opened = True
                    async for message in messages(lines):
                        failures, spoke = 0, True
                        if message.event == "end" or not patience.outlasts_a_stream:
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
            if opened and not spoke:
                return
            failures += 1
            await self._transport.wire.pause(RECONNECT_SECONDS)


async def last_of(found: AsyncIterator[Thing]) -> Thing:
    """The last that it yields, which is at least one."""
    async for each in found:  # noqa: B007
        pass
    return each


class Followed(Group):
    """Calls of what can be followed, too."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._follower = Follower(transport)


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[Message]:
    """Server-Sent Events out of their lines; an empty one for each comment, and for what has no data."""
    fields: dict[str, str] = {}
    async for line in lines:
        if not line:
            if "data" in fields:
                yield Message(fields.get("event", ""), fields.get("id", ""), fields["data"])
            elif fields:
                yield Message()
            fields = {}
        elif line.startswith(":"):
            yield Message()
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            fields[name] = f"{fields['data']}\n{value}" if name == "data" and "data" in fields else value
