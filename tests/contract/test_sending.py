"""Commands that are sent together, on a connection of the thread's own."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest
from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.redis.connect import connect
from andon.adapters.redis.sending import Sender

Store = Redis


@pytest.fixture(params=["fakeredis", "real"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A Redis, and each test sees both."""
    if request.param == "real":
        with connect(request.getfixturevalue("redis_url"), name="sending") as real:
            yield real
    else:
        with fakeredis.FakeRedis() as fake:
            yield fake


def test_commands_are_done_in_their_order(store: Store) -> None:
    sender = Sender(store)
    for number in range(3):
        sender.send([("RPUSH", "list", number), ("RPUSH", "list", "ä")])
    assert store.lrange("list", 0, -1) == [b"0", "ä".encode(), b"1", "ä".encode(), b"2", "ä".encode()]


def test_the_first_error_is_raised_when_all_are_answered(store: Store) -> None:
    sender = Sender(store)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        sender.send([("SET", "text", "1"), ("RPUSH", "text", "2"), ("SET", "later", "3")])
    assert store.get("later") == b"3"
    sender.send([("SET", "text", "4")])
    assert store.get("text") == b"4"


def test_a_connection_that_was_lost_meanwhile_is_made_anew(redis_url: str) -> None:
    with connect(redis_url, name="lost") as redis, Redis.from_url(redis_url) as other:
        sender = Sender(redis)
        sender.send([("SET", "a", 1)])
        [lost] = [each for each in other.client_list() if each["name"] == "andon-lost"]
        other.client_kill(lost["addr"])
        sender.send([("SET", "a", 2)])
        assert other.get("a") == b"2"
