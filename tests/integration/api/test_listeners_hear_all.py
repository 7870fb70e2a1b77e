"""Who listens to what changes looks again after each moment in which nobody could have told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from andon.adapters.redis.connect import connect_blocking
from andon.adapters.redis.live import CHANNEL
from andon_api.live_feed import LiveFeed
from andon_api.share import Share
from tests.support.polling import wait_until


@contextmanager
def feeding(redis: Redis) -> Iterator[LiveFeed]:
    """A feed by this client; its thread has ended when this does."""
    feed = LiveFeed(lambda: redis, streams=Share(1), waits=Share(1))
    yield feed
    feed.close()
    for thread in [each for each in threading.enumerate() if each.name == "andon-live"]:
        thread.join()


def test_who_listens_looks_again_when_redis_has_ended_the_connection(redis_url: str) -> None:
    own = connect_blocking(redis_url, name="test")
    with Redis.from_url(redis_url) as redis, feeding(own) as feed, feed.listen("run:1", "run:2") as ear:

        def hears_one_alone() -> bool:
            return redis.publish(CHANNEL, '{"run": "2"}') == 1 and ear.named() == {"run:2"}

        wait_until(hears_one_alone, what="the subscription")
        assert redis.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB") == 1
        wait_until(lambda: "run:1" in ear.named(), what="a look at all, of which nobody was told")


def test_who_listens_looks_again_once_redis_has_taken_the_subscription(redis_url: str) -> None:
    own = connect_blocking(redis_url, name="test")
    own.ping()
    with Redis.from_url(redis_url) as redis:
        redis.client_pause(500, all=True)
        with feeding(own) as feed, feed.listen("run:1") as ear:
            assert ear.named() == {"run:1"}
            assert not feed.fed, "nothing is told yet"
            wait_until(ear.named, what="a look at what has changed before")
            assert feed.fed
