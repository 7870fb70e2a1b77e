"""A worker's consumer while Redis is away, and after it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from andon.adapters.redis.connect import connect, connect_blocking
from andon.embedded import RedisServer
from andon_worker.broker import HintBroker
from tests.support.polling import wait_until

QUEUE = "default"
KEY = "andon:hints:default"


def test_a_consumer_waits_for_its_redis_and_still_takes_no_hint_for_a_thread_that_is_busy(tmp_path: Path) -> None:
    with (
        RedisServer(tmp_path) as server,
        connect(server.url, name="test") as redis,
        connect_blocking(server.url, name="test-blocking") as blocking,
    ):
        broker = HintBroker(redis, blocking)
        consumer = broker.consume(QUEUE, prefetch=2, timeout=50)
        broker.hint([(uuid.uuid4(), QUEUE)])
        busy = wait_until(lambda: next(consumer), what="the first hint")

        server.stop()
        assert [next(consumer) for _ in range(3)] == [None] * 3
        with pytest.raises(RedisError):
            redis.ping()
        server.start()
        broker.hint([(uuid.uuid4(), QUEUE) for _ in range(3)])
        other = wait_until(lambda: next(consumer), what="the hint for the thread that is free")
        assert [next(consumer) for _ in range(3)] == [None] * 3
        assert redis.llen(KEY) == 2, "left for other workers"

        consumer.ack(busy)
        consumer.ack(other)
        assert wait_until(lambda: next(consumer), what="the hint for a thread that got free")
        consumer.close()
