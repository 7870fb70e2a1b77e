"""What counts as "Redis is away": real errors of a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.redis import flags
from andon.adapters.redis.away import Away, answer, why_away
from andon.embedded import RedisServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis to be filled, locked and told to follow nobody."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture
def client(server: RedisServer) -> Iterator[Redis]:
    """A client that tells each error at once."""
    with Redis.from_url(server.url) as made:
        made.flushall()
        yield made


def error_of(call: Callable[[], object]) -> Exception:
    with pytest.raises((RedisError, OSError)) as caught:
        call()
    return caught.value


def told_by_every_way_of_writing(client: Redis) -> set[Away | None]:
    pipe = client.pipeline(transaction=False)
    pipe.xadd("andon:events", {"name": "a/b"})
    writes: list[Callable[[], object]] = [
        lambda: client.set("k", "v"),
        pipe.execute,
        lambda: flags.raise_flags(client, {"run:x": 1}),
    ]
    return {why_away(error_of(each)) for each in writes}


def test_a_full_memory_is_away_whichever_way_it_is_told(client: Redis) -> None:
    client.config_set("maxmemory", 1)
    try:
        assert told_by_every_way_of_writing(client) == {Away.FULL}
    finally:
        client.config_set("maxmemory", 0)


def test_a_replica_is_away_whichever_way_it_is_told(client: Redis) -> None:
    client.replicaof("127.0.0.1", 1)
    try:
        assert told_by_every_way_of_writing(client) == {Away.READ_ONLY}
    finally:
        client.replicaof("NO", "ONE")


def test_one_that_wants_more_replicas_is_away_whichever_way_it_is_told(client: Redis) -> None:
    client.config_set("min-replicas-to-write", 1)
    try:
        assert told_by_every_way_of_writing(client) == {Away.FAULTY}
    finally:
        client.config_set("min-replicas-to-write", 0)


def test_one_that_can_not_save_is_away(client: Redis) -> None:
    for text in ("MISCONF Redis is configured to save RDB snapshots", "@user_script:5: -MISCONF Errors writing"):
        script = f"return redis.error_reply('{text}')"
        assert why_away(error_of(partial(client.eval, script, 0))) is Away.FAULTY


def test_too_few_rights_are_away(client: Redis) -> None:
    client.acl_setuser("few", enabled=True, nopass=True, commands=["+ping"])
    with Redis(host="127.0.0.1", port=client.connection_pool.connection_kwargs["port"], username="few") as few:
        assert why_away(error_of(lambda: few.set("k", "v"))) is Away.REFUSED
    client.acl_deluser("few")


def test_a_server_that_is_not_there_is_away() -> None:
    with Redis(port=1) as client:
        assert why_away(error_of(client.ping)) is Away.LOST


def test_a_key_of_another_type_is_not_away_whatever_the_data_say(client: Redis) -> None:
    client.set("andon:events", "text")
    pipe = client.pipeline(transaction=False)
    pipe.xadd("andon:events", {"name": "@user_script:1: -OOM of pipeline caused error: OOM"})
    error = error_of(pipe.execute)
    assert why_away(error) is None
    assert answer(error).startswith("WRONGTYPE")
