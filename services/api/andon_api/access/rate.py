"""How often a key may call: a bucket of tokens per key, in Redis, so that every API process counts alike."""

import math
from typing import Any

from flask import Response, g
from redis import Redis

from andon.adapters.redis.breaker import Breaker

# KEYS: the bucket. ARGV: its size, tokens per second. Answers the seconds until a token is there, 0 when one was taken,
# and how many are left.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local size, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.pcall('HMGET', KEYS[1], 'tokens', 'at')
if kept.err then  -- somebody has put something else there
    redis.call('DEL', KEYS[1])
    kept = {}
end
local at = tonumber(kept[2]) or now
local tokens = math.min(size, (tonumber(kept[1]) or size) + math.max(0, now - at) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(size / rate) + 1)
return {tostring(wait), math.floor(tokens)}
"""


class Rate:
    """At most `per_minute` requests in a minute per name; 0 is no limit. While Redis is away nobody is held up."""

    def __init__(self, redis: Redis, per_minute: int) -> None:
        self._size = per_minute
        self._take: Any = redis.register_script(_TAKE)
        self._breaker = Breaker()

    def wait(self, name: object) -> int:
        """Whole seconds after which this name may call again; 0 for now, which takes a token.

        What is left is told in the answer (`tell`).
        """
        if not self._size:
            return 0
        said = self._breaker.call(lambda: self._take(keys=[f"andon:rate:{name}"], args=[self._size, self._size / 60]))
        if said is None:
            return 0
        wait, left = math.ceil(float(said[0])), int(said[1])
        g.rate = {
            "RateLimit-Policy": f'"key";q={self._size};w=60',
            "RateLimit": f'"key";r={left};t={wait or math.ceil(60 / self._size)}',
        }
        return wait


def tell(response: Response) -> Response:
    """Say in the answer how many calls its caller has left, where they are counted."""
    response.headers.update(g.get("rate") or {})
    return response
