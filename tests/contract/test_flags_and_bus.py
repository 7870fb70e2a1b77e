"""Cancel flags and the bus, the same on fakeredis and on a real Redis."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
from prometheus_client import CollectorRegistry
from redis import Redis

from andon import Event, EventError
from andon.adapters.redis.bus import STREAM, decode, encode, publishing
from andon.adapters.redis.connect import connect
from andon.adapters.redis.flags import CHANNEL, EPOCH, PREFIX, FlagReader, raise_flags
from andon.adapters.redis.sending import send
from andon_worker.metrics import RunMetrics
from andon_worker.supervisor.courier import Courier, FlagCheck

Store = Any


@pytest.fixture(params=["fakeredis", "real"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A Redis, and each test sees both."""
    if request.param == "real":
        with Redis.from_url(request.getfixturevalue("redis_url")) as real:
            yield real
    else:
        with fakeredis.FakeRedis() as fake:
            yield fake


def raised(store: Store, name: str) -> int | None:
    value = store.get(PREFIX + name)
    return None if value is None else int(value)


def test_a_raised_flag_holds_the_seq_of_its_cancel(store: Store) -> None:
    raise_flags(store, {"default:report:rule:1": 7})
    assert raised(store, "default:report:rule:1") == 7
    assert store.ttl(PREFIX + "default:report:rule:1") > 0


def test_a_smaller_seq_never_replaces_a_larger(store: Store) -> None:
    raise_flags(store, {"flag": 9})
    raise_flags(store, {"flag": 4})
    assert raised(store, "flag") == 9
    raise_flags(store, {"flag": 10})
    assert raised(store, "flag") == 10


def test_a_larger_seq_is_compared_as_a_number_not_as_a_text(store: Store) -> None:
    raise_flags(store, {"flag": 9})
    raise_flags(store, {"flag": 10})
    assert raised(store, "flag") == 10


def test_raising_a_flag_pushes_it(store: Store) -> None:
    pubsub = store.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(CHANNEL)
    pubsub.get_message(timeout=1)
    raise_flags(store, {"flag|with|bars": 5})
    message = pubsub.get_message(timeout=5)
    assert message is not None
    assert message["data"] == b"flag|with|bars|5"
    pubsub.close()


def test_events_come_off_the_bus_as_they_went_on(store: Store) -> None:
    event = Event(
        "report/generation.requested",
        {"reportId": "r1", "text": "ümläut \u0001", "nested": {"n": [1, 2.5, None]}},
        id="e1",
        ts=dt.datetime(2026, 1, 2, 3, 4, 5, 678000, dt.UTC),
        user={"id": "someone"},
        tenant="acme",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    send(store, publishing([event], flags={"flag": 3}))
    [(stream_id, fields)] = store.xrange(STREAM)
    assert decode(stream_id.decode(), fields) == event
    assert raised(store, "flag") == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "no spaces please"}, "name"),
        ({"name": "a/b", "data": "{"}, "data"),
        ({"name": "a/b", "data": "[1]"}, "data"),
        ({"name": "a/b", "data": "NaN"}, "data"),
        ({"name": "a/b", "data": '{"x": Infinity}'}, "data"),
        ({"name": "a/b", "data": '"' + "x" * 300_000 + '"'}, "data"),
        ({"name": "a/b", "ts": "yesterday"}, "ts"),
        ({"name": "a/b", "ts": "9" * 30}, "ts"),
        ({"name": "a/b", "user": "me"}, "user"),
        ({"name": "a/b", "v": "2"}, "v"),
        ({"name": "a/b", "id": "x" * 201}, "id"),
        ({"name": b"\xff\xfe"}, "name"),
    ],
)
def test_an_entry_that_is_no_event_names_the_field(store: Store, fields: dict[str, Any], field: str) -> None:
    store.xadd(STREAM, fields or {"other": "field"})
    [(stream_id, entry)] = store.xrange(STREAM)
    with pytest.raises(EventError) as refused:
        decode(stream_id.decode(), entry)
    assert refused.value.field == field


def test_an_entry_without_an_id_gets_one_from_its_place_and_its_content() -> None:
    first = decode("1-0", {b"name": b"a/b", b"data": b'{"n": 1}'})
    assert first.id == decode("1-0", {b"data": b'{"n": 1}', b"name": b"a/b"}).id
    assert first.id != decode("1-0", {b"name": b"a/b", b"data": b'{"n": 2}'}).id
    assert first.id != decode("2-0", {b"name": b"a/b", b"data": b'{"n": 1}'}).id


def test_what_is_encoded_leaves_out_what_isnt_there() -> None:
    assert set(encode(Event("a/b", {}, id="e"))) == {"name", "data", "id", "tenant"}


class TestTheCheckBeforeAStep:
    """Runs on the real server alone: it speaks the protocol itself."""

    @staticmethod
    def check(redis: Redis, *, seq: int = 5) -> bool | None:
        """What a worker's courier answers of a run with the flag `mine`."""
        answers: list[bool | None] = []
        courier = Courier(redis, FlagReader(redis), RunMetrics(CollectorRegistry()))
        courier.check(FlagCheck(["mine"], seq, answers.append))
        courier.close()
        courier.run()
        [answer] = answers
        return answer

    def test_only_a_newer_cancel_counts(self, redis: Redis) -> None:
        redis.set(EPOCH, "1")
        assert self.check(redis) is False
        raise_flags(redis, {"mine": 5, "other": 9})
        assert self.check(redis) is False
        raise_flags(redis, {"mine": 6})
        assert self.check(redis) is True

    def test_what_somebody_else_wrote_there_is_no_cancel(self, redis: Redis) -> None:
        redis.mset({EPOCH: "1", PREFIX + "mine": "soon"})
        assert self.check(redis) is False

    def test_an_empty_redis_can_tell_nothing(self, redis: Redis) -> None:
        assert self.check(redis) is None

    def test_a_redis_that_is_away_can_tell_nothing(self) -> None:
        assert self.check(Redis(host="127.0.0.1", port=1)) is None

    def test_each_of_many_threads_has_a_connection(self, redis_url: str) -> None:
        pool = connect(redis_url, name="test").connection_pool
        held = [pool.make_connection() for _ in range(150)]  # redis-py's own limit is 100
        assert len(held) == 150
