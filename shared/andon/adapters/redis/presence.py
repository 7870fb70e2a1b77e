"""Which dispatchers there are: each says so every second or so, and is forgotten soon after it has stopped."""

from __future__ import annotations

from redis import Redis

KEY = "andon:dispatchers"
FORGOTTEN_SECONDS = 4

_BEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return redis.call('ZCARD', KEYS[1])
"""


class Presence:
    """One dispatcher among the others. A signal, like all in Redis: who leads is decided in Postgres."""

    def __init__(self, redis: Redis, name: str) -> None:
        self._redis = redis
        self._name = name

    def beat(self) -> int:
        """Say that this one is there; returns how many are."""
        return int(self._redis.eval(_BEAT, 1, KEY, self._name, FORGOTTEN_SECONDS))

    def leave(self) -> None:
        """Say that it goes."""
        self._redis.zrem(KEY, self._name)
