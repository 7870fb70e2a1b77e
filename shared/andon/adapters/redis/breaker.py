"""A circuit breaker: while Redis is away, callers learn it at once instead of waiting for a time-out each."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

T = TypeVar("T")
log = logging.getLogger(__name__)
OPEN_SECONDS = 1.0


class Breaker:
    """After a failure, calls are skipped for a second; then one is let through to try."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open_until = float("-inf")

    def call(self, fn: Callable[[], T]) -> T | None:
        """The result of `fn`, or None while Redis is away."""
        if self._clock() < self._open_until:
            return None
        try:
            return fn()
        except (RedisError, OSError) as error:
            self._open_until = self._clock() + OPEN_SECONDS
            log.warning("redis away: %s", error)
            return None
