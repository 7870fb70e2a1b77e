"""Server-Sent Events as every stream here sends them: one of so many that may be open, and closed when it ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TypeVar

from flask import Flask, Response, request

from andon_api.database import db
from andon_api.http.problems import Problem
from andon_api.live import Listener, TooManyStreams
from andon_api.principal import principal
from andon_api.services import services
from andon_api.serving.bell import PARK, Bell
from andon_api.serving.exchange import LEFT

CHECK_SECONDS = 2.0  # whether its viewer may still see it, and whether the live channel has gone
KEEP_ALIVE_SECONDS = 15.0
LONGEST_SECONDS = 1800.0
RETRY_AFTER = "2"
T = TypeVar("T")
Left = Callable[[], bool]
"""Whether the client has gone."""
Park = Callable[[Bell, float], None]
"""Wait for the bell, or so many seconds, and hold no thread meanwhile where the server can."""


def streamed(topics: tuple[str, ...], messages: Callable[[Listener, Left, Park], Iterator[str]]) -> Response:
    """The answer of a stream that is told of these; raises a 503 `Problem` when enough streams are open."""
    feed, listening = services().live, ExitStack()
    try:
        listener = listening.enter_context(feed.listen(*topics, tenant=principal().tenant, of=feed.streams))
    except TooManyStreams:
        raise Problem(503, "Enough streams are open; poll instead.", headers={"Retry-After": RETRY_AFTER}) from None
    left: Left = request.environ.get(LEFT, lambda: False)
    park: Park = request.environ.get(PARK, lambda bell, seconds: bell.wait(seconds))
    response = Response(messages(listener, left, park), content_type="text/event-stream")
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
