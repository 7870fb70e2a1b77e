"""What callers present, remembered for a moment, so that the hot path asks no database."""

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from andon.adapters.postgres.access.keys import TRUSTED_SECONDS
from andon_api.database import db

Found = TypeVar("Found")
MOST = 10_000


class Remembered(Generic[Found]):
    """Answers by name. Call within an app context; a miss commits the session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Found | None]] = {}

    def get(self, name: Hashable, find: Callable[[], Found | None]) -> Found | None:
        """What `find` says, or has said a moment ago."""
        now = time.monotonic()
        with self._lock:
            until, found = self._kept.get(name, (float("-inf"), None))
        if now < until:
            return found
        found = find()
        db.session.commit()
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[name] = (now + TRUSTED_SECONDS, found)
        return found

    def forget(self, name: Hashable) -> None:
        """Ask again the next time."""
        with self._lock:
            self._kept.pop(name, None)
