"""Cancel flags: the map `reportId -> seq of the newest cancel event` that each step checks, and its push.

A flag's key is readable: `andon:flag:<tenant>:<function>:<rule>:<typed value>`; one for a single run is
`andon:flag:run:<id>`. A smaller seq never replaces a larger. `andon:epoch` says that the flags are complete: while
it is missing (Redis was restarted empty), a check reads Postgres instead.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence

from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.redis.breaker import Breaker

CHANNEL = "andon:cancel"
PREFIX = "andon:flag:"
EPOCH = "andon:epoch"
TTL_SECONDS = 7 * 24 * 3600

_RAISE = """
for i, key in ipairs(KEYS) do
    local old = redis.call('GET', key)
    if not old or tonumber(old) < tonumber(ARGV[i + 1]) then
        redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1])
    end
    redis.call('PUBLISH', 'andon:cancel', string.sub(key, #'andon:flag:' + 1) .. '|' .. ARGV[i + 1])
end
"""


def raise_flags(redis: Redis, flags: Mapping[str, int]) -> None:
    """Set these flags (name -> seq of the cancel event) and push them to every worker's watcher, in one round trip."""
    if flags:
        keys = [PREFIX + name for name in flags]
        redis.eval(_RAISE, len(keys), *keys, TTL_SECONDS, *flags.values())


def watch(
    redis: Redis, on_flag: Callable[[str, int], None], on_lost: Callable[[], None], closed: Callable[[], bool]
) -> None:
    """Call `on_flag(name, seq)` for each flag pushed, until `closed()`; `on_lost()` after each (re)connection."""
    while not closed():
        pubsub = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        try:
            pubsub.subscribe(CHANNEL)
            on_lost()
            while not closed():
                message = pubsub.get_message(timeout=1.0)
                if message is not None:
                    name, _, seq = message["data"].decode().rpartition("|")
                    on_flag(name, int(seq))
        except RedisError:
            on_lost()
            time.sleep(random.uniform(0.2, 1.0))
        finally:
            pubsub.close()


class FlagCheck:
    """The check before a step of one run: its flags in Redis, or Postgres where Redis can't tell."""

    def __init__(
        self, redis: Redis, breaker: Breaker, names: Sequence[str], seq: int, ask_postgres: Callable[[], bool]
    ) -> None:
        self._redis = redis
        self._breaker = breaker
        self._keys = [EPOCH, *(PREFIX + name for name in names)]
        self._seq = seq
        self._ask_postgres = ask_postgres

    def is_cancelled(self) -> bool:
        """Whether a cancel event newer than the run's own has raised one of its flags."""
        answer = self._breaker.call(lambda: self._redis.mget(self._keys))
        if answer is None or answer[0] is None:
            return self._ask_postgres()
        return any(value is not None and int(value) > self._seq for value in answer[1:])
