"""Entries of some tenants are found on a bus that is longer than anybody reads at once, for as long as that lasts."""

from __future__ import annotations

from redis import Redis

from andon.adapters.redis.bus import GROUP, STREAM
from andon.adapters.redis.connect import connect
from andon.adapters.redis.stream.ahead import MOST_EACH, Ahead


def add(redis: Redis, tenant: str, count: int) -> None:
    pipe = redis.pipeline(transaction=False)
    for _ in range(count):
        pipe.xadd(STREAM, {"name": "a/b", "tenant": tenant})
    pipe.execute()


def found(ahead: Ahead, tenants: set[str]) -> int:
    """How many entries are found until all that is there was looked at."""
    count = 0
    while (entries := ahead.next(tenants)) is not None:
        count += len(entries)
    return count


def test_who_sends_little_is_found_for_as_long_as_the_bus_is_long_and_who_has_much_ahead_is_not(redis_url: str) -> None:
    redis = connect(redis_url, name="test")
    redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    ahead = Ahead(redis, STREAM, GROUP)
    add(redis, "many", MOST_EACH + 200)
    for _ in range(4):
        add(redis, "few", MOST_EACH // 3)
        assert found(ahead, {"few", "many"}) >= MOST_EACH // 3
    add(redis, "many", 10)
    assert found(ahead, {"few", "many"}) == 0, "it has more ahead than is handled before others"
