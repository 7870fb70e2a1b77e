"""Many tabs that look at one page within a moment are shown the same rendering of it."""

import threading
import time
from collections.abc import Callable, Hashable

from flask import Blueprint, Response, g, make_response, request

from andon_api.principal import principal

SECONDS = 0.4
MOST = 200


class Renderings:
    """Renderings younger than `seconds`. An action forgets them all, so that its tab sees what it did."""

    def __init__(self, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, bytes]] = {}
        self.actions = 0

    def find(self, key: Hashable) -> bytes | None:
        """What was rendered for `key` a moment ago."""
        with self._lock:
            until, body = self._kept.get(key, (0.0, b""))
        return body if body and self._clock() < until else None

    def keep(self, key: Hashable, body: bytes, *, actions: int) -> None:
        """Keep a rendering, unless an action has come since it was begun, at `actions`."""
        with self._lock:
            if actions != self.actions:
                return
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[key] = (self._clock() + self._seconds, body)

    def forget(self) -> None:
        """Something was done: render anew."""
        with self._lock:
            self.actions += 1
            self._kept.clear()

    def add_to(self, console: Blueprint) -> None:
        """Serve this blueprint's renderings; a page that is opened is always rendered."""
        console.before_request(self._before)
        console.after_request(self._after)

    def _before(self) -> Response | None:
        if request.method != "GET" or "HX-Request" not in request.headers:
            return None
        body = self.find(_key())
        if body is not None:
            return make_response(body)
        g.rendering_since = self.actions
        return None

    def _after(self, response: Response) -> Response:
        if request.method == "POST":
            self.forget()
        elif "rendering_since" in g and response.status_code == 200:
            self.keep(_key(), response.get_data(), actions=g.rendering_since)
        return response


def _key() -> Hashable:
    """What is looked at by whom; of a look that a change has called for, also which change."""
    return principal().tenant, principal().key_id, request.full_path, request.headers.get("X-Change", "")[:20]
