"""Publishing is best effort, and never slow twice in a row."""

from __future__ import annotations

import fakeredis

from andon.adapters.redis.bus import decode, streams, tell_placing
from andon.engine.events import Event
from andon_api.publisher import Publisher


def test_events_and_flags_are_published_together() -> None:
    redis = fakeredis.FakeRedis()
    assert Publisher(redis).publish([Event("a/b", id="1")], {})
    assert redis.xlen("andon:events") == 1


def test_events_go_to_the_partitions_that_the_dispatchers_told() -> None:
    redis = fakeredis.FakeRedis()
    tell_placing(redis, {"a/b": "data.x", "a/c": "data.x"})
    publisher = Publisher(redis, partitions=4)
    assert publisher.publish([Event(name, {"x": x}, id=f"{name} {x}") for x in range(20) for name in ("a/b", "a/c")])
    placed = [[decode("", fields) for _, fields in redis.xrange(stream)] for stream in streams(4)]  # type: ignore
    assert all(placed)
    for events in placed:
        assert {each.data["x"] for each in events if each.name == "a/b"} == {
            each.data["x"] for each in events if each.name == "a/c"
        }


def test_after_a_failure_redis_is_left_alone_for_a_while() -> None:
    server = fakeredis.FakeServer()
    redis = fakeredis.FakeRedis(server=server)
    now = [100.0]
    publisher = Publisher(redis, pause=1.0, clock=lambda: now[0])
    server.connected = False
    assert not publisher.publish([Event("a/b", id="1")])
    server.connected = True
    now[0] += 0.5
    assert not publisher.publish([Event("a/b", id="2")])
    now[0] += 0.6
    assert publisher.publish([Event("a/b", id="3")])
    assert redis.xlen("andon:events") == 1
