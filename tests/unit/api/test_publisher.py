"""Publishing is best effort, and never slow twice in a row."""

from __future__ import annotations

import fakeredis

from andon.engine.events import Event
from andon_api.publisher import Publisher


def test_events_and_flags_are_published_together() -> None:
    redis = fakeredis.FakeRedis()
    Publisher(redis).publish([Event("a/b", id="1")], {})
    assert redis.xlen("andon:events") == 1


def test_after_a_failure_redis_is_left_alone_for_a_while() -> None:
    server = fakeredis.FakeServer()
    redis = fakeredis.FakeRedis(server=server)
    now = [100.0]
    publisher = Publisher(redis, clock=lambda: now[0])
    server.connected = False
    publisher.publish([Event("a/b", id="1")])
    server.connected = True
    now[0] += 0.5
    publisher.publish([Event("a/b", id="2")])
    assert redis.xlen("andon:events") == 0
    now[0] += 0.6
    publisher.publish([Event("a/b", id="3")])
    assert redis.xlen("andon:events") == 1
