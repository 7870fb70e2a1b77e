"""Keys as requests present them, remembered for a moment so that the hot path asks no database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from uuid import UUID

from andon.adapters.postgres.keys import TRUSTED_SECONDS, Key, digest, find_key, find_key_by_id
from andon_api.database import connection, db

MOST = 10_000
LONGEST = 200  # what is longer is no key: don't hash what a stranger sends


@dataclass(frozen=True)
class Known:
    """A key in force, and what is stored of its secret: a session's signature hangs on it."""

    key: Key
    sha256: bytes


class Keys:
    """Finds keys by secret or by id. Call within an app context; a miss commits the session, which notes the use."""

    def __init__(self, *, seconds: float = TRUSTED_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, Known | None]] = {}

    def by_secret(self, secret: str) -> Known | None:
        """The key with this secret, unless there is none or it is revoked."""
        if len(secret) > LONGEST:
            return None
        sha256 = digest(secret)

        def find() -> Known | None:
            key = find_key(connection(), secret)
            return None if key is None else Known(key, sha256)

        return self._remembered(sha256, find)

    def by_id(self, id: UUID) -> Known | None:
        """The key with this id, unless there is none or it is revoked."""

        def find() -> Known | None:
            found = find_key_by_id(connection(), id)
            return None if found is None else Known(*found)

        return self._remembered(id, find)

    def _remembered(self, name: Hashable, find: Callable[[], Known | None]) -> Known | None:
        now = self._clock()
        with self._lock:
            until, known = self._kept.get(name, (float("-inf"), None))
        if now < until:
            return known
        known = find()
        db.session.commit()
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[name] = (now + self._seconds, known)
        return known
