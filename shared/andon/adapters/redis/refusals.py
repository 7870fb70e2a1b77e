"""How often a tenant was refused for too much, hour by hour, kept for a day. Lost with Redis: these are only counts."""

import time
from typing import Any

from redis import Redis

HOURS = 24
NAMES = {429: "tooMany", 503: "noStream"}
"""What a status means here: over a rate or a quota; no stream was free."""


def _key(hour: int) -> str:
    return f"andon:refused:{hour}"


def _hour() -> int:
    return int(time.time() // 3600)


def count_refusal(redis: Redis, tenant: str, status: int) -> None:
    """One more of this tenant's."""
    key, pipe = _key(_hour()), redis.pipeline(transaction=False)
    pipe.hincrby(key, f"{status} {tenant}", 1)
    pipe.expire(key, (HOURS + 1) * 3600)
    pipe.execute()


def refusals(redis: Redis, tenant: str) -> dict[str, int]:
    """This tenant's of the last day, by what they were for."""
    now, pipe = _hour(), redis.pipeline(transaction=False)
    for hour in range(now - HOURS + 1, now + 1):
        pipe.hmget(_key(hour), [f"{status} {tenant}" for status in NAMES])
    hours: list[Any] = pipe.execute()
    return {name: sum(int(counts[place] or 0) for counts in hours) for place, name in enumerate(NAMES.values())}


def refusals_of_the_hour(redis: Redis) -> dict[tuple[str, str], int]:
    """Every tenant's since the hour began, by tenant and by what they were for."""
    found: Any = redis.hgetall(_key(_hour()))
    counted = {}
    for field, count in found.items():
        status, _, tenant = (field.decode() if isinstance(field, bytes) else field).partition(" ")
        counted[tenant, NAMES.get(int(status), status)] = int(count)
    return counted
