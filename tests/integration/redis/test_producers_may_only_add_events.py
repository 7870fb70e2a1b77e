"""`deploy/redis/users.acl` on a real Redis: Andon works as `andon`, and a producer can add events and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from tests.conftest import StartSystem
from tests.support.guarded_redis import FILE, GuardedRedis
from tests.support.polling import wait_until


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[GuardedRedis]:
    """A server with the file's users."""
    server = GuardedRedis(tmp_path / "redis")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_a_producer_starts_runs_and_andon_works_with_its_own_user(
    guarded_redis: GuardedRedis, system: StartSystem, tmp_path: Path
) -> None:
    env = {"ANDON_TEST_FOLDER": str(tmp_path)}
    running = system(redis_url=guarded_redis.url_of("andon"), functions=["tests.functions"], env=env)
    with guarded_redis.connect("producer") as producer, running.client() as api:
        producer.xadd("andon:events", {"name": "walk/requested", "data": '{"case": "acl"}'})

        def ended() -> bool:
            runs: list[dict[str, Any]] = api.get("/runs").json()["items"]
            return [each["status"] for each in runs] == ["completed"]

        wait_until(ended, what="the run's end")
        assert api.post("/events", json={"name": "a/b"}).status_code == 202


def test_a_producer_can_do_nothing_else(guarded_redis: GuardedRedis) -> None:
    with guarded_redis.connect("andon") as andon:
        andon.set("andon:flag:x", "1")
    refused = [
        ["XADD", "andon:hints:default", "*", "a", "b"],
        ["XRANGE", "andon:events", "-", "+"],
        ["XREAD", "STREAMS", "andon:events", "0"],
        ["XTRIM", "andon:events", "MAXLEN", "0"],
        ["XDEL", "andon:events", "1-1"],
        ["XGROUP", "DESTROY", "andon:events", "andon"],
        ["DEL", "andon:events"],
        ["GET", "andon:flag:x"],
        ["SET", "andon:events", "x"],
        ["PUBLISH", "andon:live", "{}"],
        ["PUBLISH", "andon:cancel", "{}"],
        ["SUBSCRIBE", "andon:live"],
        ["EVAL", "return redis.call('XADD', 'andon:events', '*', 'a', 'b')", "0"],
        ["FLUSHALL"],
        ["KEYS", "*"],
        ["CONFIG", "GET", "*"],
        ["ACL", "LIST"],
        ["CLIENT", "LIST"],
        ["DEBUG", "SLEEP", "0"],
        ["MULTI"],
    ]
    with guarded_redis.connect("producer") as producer:
        for words in refused:
            with pytest.raises(NoPermissionError):
                producer.execute_command(*words)


def test_strangers_and_the_file_as_it_ships_let_nobody_in(guarded_redis: GuardedRedis) -> None:
    for user, password in (("default", "x"), ("producer", "guess"), ("andon", "guess"), ("admin", "guess")):
        with guarded_redis.connect(user, password) as client, pytest.raises(AuthenticationError):
            client.ping()
    with Redis(port=guarded_redis.port, socket_timeout=2) as client, pytest.raises(AuthenticationError):
        client.ping()
    assert "nopass" not in FILE.read_text()
    assert "#" not in FILE.read_text()


def test_andon_itself_cannot_change_the_server(guarded_redis: GuardedRedis) -> None:
    with guarded_redis.connect("andon") as andon:
        for words in (["FLUSHALL"], ["CONFIG", "SET", "dir", "/tmp"], ["ACL", "LIST"], ["GET", "other"]):
            with pytest.raises(NoPermissionError):
                andon.execute_command(*words)
