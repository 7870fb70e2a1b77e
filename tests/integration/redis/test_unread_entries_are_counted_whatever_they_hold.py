"""How much of the bus waits is told without what is in it: producers decide how large an entry is."""

from __future__ import annotations

from typing import Any

from redis import Redis

from andon.adapters.redis.bus import GROUP, STREAM
from andon.adapters.redis.connect import connect
from andon.adapters.redis.stream.ahead import Ahead
from andon.adapters.redis.stream.unread import MOST_BYTES, unread

LAST = f"{2**64 - 1}-{2**64 - 1}"


def test_entries_are_counted_from_a_place_on_and_the_first_is_named(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        assert unread(redis, STREAM, "-") == (0, None)
        for number in range(1, 31):
            redis.xadd(STREAM, {"name": "a/b"}, id=f"{number}-0")
        assert unread(redis, STREAM, "-") == (30, "1-0")
        assert unread(redis, STREAM, "10-0") == (20, "11-0")
        assert unread(redis, STREAM, "10-0", most=9) == (9, "11-0")
        assert unread(redis, STREAM, "30-0") == (0, None)


def test_redis_looks_at_so_many_bytes_and_no_more(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        for _ in range(40):
            redis.xadd(STREAM, {"name": "x" * (MOST_BYTES // 10)})
        assert unread(redis, STREAM, "-")[0] == 10, "none is copied beyond them"
        redis.xgroup_create(STREAM, GROUP, id="0")
        redis.config_resetstat()
        Ahead(redis, STREAM, GROUP).next({"few"})
        looked: Any = redis.info("commandstats")
        assert looked["cmdstat_xrange"]["calls"] == 3, "three are over 4 MiB, and each was looked at alone"


def test_behind_the_last_id_that_there_can_be_lies_nothing(redis_url: str) -> None:
    redis = connect(redis_url, name="test")
    redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    redis.xadd(STREAM, {"name": "a/b", "tenant": "few"}, id=LAST)
    assert unread(redis, STREAM, "-") == (1, LAST)
    assert unread(redis, STREAM, LAST) == (0, None)
    ahead = Ahead(redis, STREAM, GROUP)
    assert [id for id, _ in ahead.next({"few"}) or []] == [LAST]
    assert ahead.next({"few"}) is None
    redis.close()
