"""Publish what was committed. Redis may be away: the outbox keeps the events, and the dispatcher sends them."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

import structlog
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.redis import bus, live
from andon.adapters.redis.sending import Sender, send
from andon.engine.events import Event

log = structlog.get_logger("andon.api")


class Publisher:
    """Publishes at best effort. After a failure it leaves Redis alone for `pause` seconds, so answers stay fast."""

    def __init__(
        self,
        redis: Redis,
        *,
        traced: bool = False,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._send = partial(send, redis) if traced else Sender(redis).send
        self._pause = pause
        self._clock = clock
        self._closed_until = float("-inf")

    def publish(
        self,
        events: Sequence[Event],
        flags: Mapping[str, int] | None = None,
        *,
        ended: Sequence[live.Changed] = (),
        subjects: Collection[UUID] = (),
    ) -> bool:
        """Send the events, raise the cancel flags, tell viewers what has changed; False if it is left to the outbox."""
        if not events and not flags:
            return True
        if self._clock() < self._closed_until:
            return False
        try:
            self._send([*bus.publishing(events, flags=flags), *live.announcing(ended, subjects)])
        except RedisError as error:
            self._closed_until = self._clock() + self._pause
            log.warning("publishing is left to the outbox", events=len(events), error=str(error))
            return False
        return True
