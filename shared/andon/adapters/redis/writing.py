"""Whether Redis takes what it is given: one that is full, or read-only, still answers a ping."""

from __future__ import annotations

from redis import Redis

PROBE = "andon:probe"
KEPT_SECONDS = 5


def check_writing(redis: Redis) -> None:
    """Write one small key, always the same, which goes by itself; raises what Redis answers if it refuses."""
    redis.set(PROBE, 1, ex=KEPT_SECONDS)
