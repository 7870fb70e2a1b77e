"""How many more of a tenant's runs may wait, for who sends events that start some: callers of the API, and runs."""

import threading
import time
from collections.abc import Callable

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.usage import waits

REMEMBERED_SECONDS = 2.0
MOST_TENANTS = 10_000


class Room:
    """One process'. `most` runs of a tenant may wait, counted anew every two seconds; 0 is no limit."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._waiting: dict[str, tuple[float, int]] = {}

    def has(self, tenant: str, events: int, connect: Callable[[], Connection]) -> bool:
        """Whether fewer runs of the tenant wait than may, with what the bus has still; if so, so many more do now."""
        if not self.most:
            return True
        now = time.monotonic()
        with self._lock:
            until, waiting = self._waiting.get(tenant, (float("-inf"), 0))
        if now >= until:
            until, waiting = now + REMEMBERED_SECONDS, waits(connect(), tenant, self.most)
            self._note(tenant, until, waiting)
        if waiting < self.most:
            self._note(tenant, until, events, more=True)
        return waiting < self.most

    def _note(self, tenant: str, until: float, waiting: int, *, more: bool = False) -> None:
        with self._lock:
            if len(self._waiting) >= MOST_TENANTS:
                self._waiting.clear()
            before = self._waiting.get(tenant, (until, 0))[1] if more else 0
            self._waiting[tenant] = (until, before + waiting)
