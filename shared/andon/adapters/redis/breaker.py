"""A circuit breaker: while Redis is away, callers learn it at once instead of waiting for a time-out each."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

T = TypeVar("T")
log = logging.getLogger(__name__)


class Breaker:
    """After a failure, calls are skipped for `seconds`; then one is let through to try."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._open_until = 0.0

    def call(self, fn: Callable[[], T]) -> T | None:
        """The result of `fn`, or None while Redis is away."""
        if time.monotonic() < self._open_until:
            return None
        try:
            return fn()
        except (RedisError, OSError) as error:
            self._open_until = time.monotonic() + self._seconds
            log.warning("redis away: %s", error)
            return None
