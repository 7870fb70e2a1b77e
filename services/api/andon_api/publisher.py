"""Publish what was committed. Redis may be away: the outbox keeps the events, and the dispatcher sends them."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from uuid import UUID

from redis import Redis

from andon.adapters.redis import bus, live
from andon.adapters.redis.breaker import Breaker
from andon.adapters.redis.sending import Sender, send
from andon.engine.events import Event


class Publisher:
    """Publishes at best effort. After a failure it leaves Redis alone for a moment, so answers stay fast."""

    def __init__(self, redis: Redis, *, traced: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = partial(send, redis) if traced else Sender(redis).send
        self._breaker = Breaker(clock)

    def publish(
        self,
        events: Sequence[Event],
        flags: Mapping[str, int] | None = None,
        *,
        ended: Sequence[live.Changed] = (),
        subjects: Collection[UUID] = (),
    ) -> None:
        """Send the events, raise the cancel flags, tell viewers what has changed; or leave it to the outbox."""
        if events or flags:
            commands = [*bus.publishing(events, flags=flags), *live.announcing(ended, subjects)]
            self._breaker.call(lambda: self._send(commands))
