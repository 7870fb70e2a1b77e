"""Server-Sent Events as every stream here sends them: one of so many that may be open, and closed when it ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, Response, request

from andon_api.database import db
from andon_api.http.problems import Problem
from andon_api.live_feed import Listener, LiveFeed, TooManyStreams
from andon_api.principal import principal
from andon_api.services import services
from andon_api.serving.bell import PARK, Bell
from andon_api.serving.exchange import LEFT

CHECK_SECONDS = 2.0  # whether its viewer may still see it, and whether the live channel has gone
KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 1800.0
RETRY_AFTER = "2"
STILL_HERE = ": still here\n\n"
T = TypeVar("T")


@dataclass
class Viewer:
    """Whom a stream is for, as long as it `goes_on`. In place of a message, who makes them says nothing after `park`:
    it waits for the bell, or so many seconds, and holds no thread meanwhile where the server can.
    """

    listener: Listener
    feed: LiveFeed
    left: Callable[[], bool]
    """Whether the client has gone."""
    park: Callable[[Bell, float], None]
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.began = self._told_at = self.clock()

    @property
    def goes_on(self) -> bool:
        """Whether there may be another message: not where the process ends, or the stream was open for too long."""
        return not self.feed.closing.is_set() and not self.left() and self.clock() - self.began < LONGEST_SECONDS

    def told(self, name: str, data: str, id: str = "") -> str:
        """An event; its `id` is what a client that is cut off says to resume behind it."""
        self._told_at = self.clock()
        named = f"id: {id}\n" if id else ""
        return f"event: {name}\n{named}data: {data}\n\n"

    def rest(self) -> Iterator[str]:
        """Until there may be something new; now and then a sign of life."""
        if self.clock() - self._told_at > KEEP_ALIVE_SECONDS:
            self._told_at = self.clock()
            yield STILL_HERE
        self.park(self.listener.bell, CHECK_SECONDS)
        yield ""


def streamed(topics: tuple[str, ...], messages: Callable[[Viewer], Iterator[str]], *, retry: int = 2000) -> Response:
    """The answer of a stream that is told of these; raises a 503 `Problem` when enough streams are open.

    A client that is cut off comes back after `retry` milliseconds.
    """
    feed, listening = services().live, ExitStack()
    try:
        listener = listening.enter_context(feed.listen(*topics, tenant=principal().tenant, of=feed.streams))
    except TooManyStreams:
        raise Problem(503, "Enough streams are open; poll instead.", headers={"Retry-After": RETRY_AFTER}) from None
    left: Callable[[], bool] = request.environ.get(LEFT, lambda: False)
    park: Callable[[Bell, float], None] = request.environ.get(PARK, lambda bell, seconds: bell.wait(seconds))

    def all_of_it() -> Iterator[str]:
        yield f"retry: {retry}\n\n"
        yield from messages(Viewer(listener, feed, left, park))

    response = Response(all_of_it(), content_type="text/event-stream")
    response.headers.update({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
    response.call_on_close(listening.close)
    return response


def in_context(app: Flask, ask: Callable[[], T]) -> Callable[[], T]:
    """`ask` behind the request, holding no connection once it has answered."""
    app = getattr(app, "_get_current_object", lambda: app)()

    def asked() -> T:
        with app.app_context():
            try:
                return ask()
            finally:
                db.session.remove()

    return asked
