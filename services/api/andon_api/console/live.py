"""Tells a page that what it shows has changed, the moment it has; the page then looks again."""

import re
from collections.abc import Callable, Iterator

from flask import Response, current_app, request

from andon_api.access.gate import gate
from andon_api.http.problems import Problem
from andon_api.http.streaming import CHECK_SECONDS, KEEP_ALIVE_SECONDS, STILL_HERE, Viewer, in_context, streamed
from andon_api.live_feed import ANY
from andon_api.serving.bell import Bell

TOPIC = re.compile(r"(run|report|logs):[0-9a-f-]{36}")
MOST_TOPICS = 4
FIRST_SECONDS = 0.01
AT_ONCE_SECONDS = 0.1  # changes that come together are one look
ANY_SECONDS = 1.0  # of a list, which anything may change


def topics(**named: object) -> str:
    """The query that asks for these: `topics(run=id)`; for anything without names."""
    return "&".join(f"on={kind}:{id}" for kind, id in named.items()) or f"on={ANY}"


def live() -> Response:
    """Events `changed`, for as long as the page is open. 503: enough streams are open, the page looks by itself."""
    asked = request.args.getlist("on")
    if not 1 <= len(asked) <= MOST_TOPICS or not all(each == ANY or TOPIC.fullmatch(each) for each in asked):
        raise Problem(400, f"expected 1 to {MOST_TOPICS} parameters `on`, each as run:<id>")
    still_open = gate().still_open()
    refused = None if still_open is None else in_context(current_app, still_open)
    gap = ANY_SECONDS if ANY in asked else AT_ONCE_SECONDS
    return streamed(tuple(asked), lambda viewer: _messages(viewer, refused, gap), retry=5000)


def _messages(viewer: Viewer, refused: Callable[[], Problem | None] | None, gap: float) -> Iterator[str]:
    """What changed before the stream was open, the page may have missed: so it is told of a change at once.

    Each is told with another number: what was rendered before it is out of date. Between two, it waits twice as long as
    before, `gap` at most: the end that follows a cancel is shown at once, and a run that changes all the time costs its
    viewers no more than a look each `gap`.
    """
    feed, pause = viewer.feed, FIRST_SECONDS
    while viewer.goes_on:
        if refused and refused():
            return
        if viewer.listener.named() or not feed.fed:  # then nobody tells, and the page has to look
            yield viewer.told("changed", str(feed.rings))
            viewer.park(Bell(), pause)
            yield ""
            pause = min(pause * 2, gap)
        else:
            yield STILL_HERE
        rested = viewer.clock()
        viewer.park(viewer.listener.bell, KEEP_ALIVE_SECONDS if feed.fed else CHECK_SECONDS)
        yield ""
        if viewer.clock() - rested > gap:
            pause = FIRST_SECONDS
