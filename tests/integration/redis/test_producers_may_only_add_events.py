"""`deploy/redis/users.acl` on a real Redis: Andon works as `andon`, and a producer can add events and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from andon.embedded.redis import RedisServer
from tests.conftest import StartSystem
from tests.polling import wait_until

FILE = Path("deploy/redis/users.acl")
USERS = ("andon", "producer")


class GuardedRedis(RedisServer):
    """A Redis with users, whose passwords are their names."""

    def command(self) -> list[str]:
        return [*super().command(), "--aclfile", str(self.folder / "users.acl")]

    def answers(self) -> bool:
        try:
            with self.connect("producer") as client:
                return client.ping() is True
        except RedisError:
            return False

    def connect(self, user: str, password: str | None = None) -> Redis:
        """A client of this user."""
        return Redis(port=self.port, username=user, password=password or user, socket_timeout=2)


@pytest.fixture
def guarded_redis(tmp_path: Path) -> Iterator[GuardedRedis]:
    """A server with the file's users, each given a password as the documentation says."""
    text = FILE.read_text()
    for user in USERS:
        sha256 = hashlib.sha256(user.encode()).hexdigest()
        text = text.replace(f"user {user} on resetpass", f"user {user} on resetpass #{sha256}")
    (tmp_path / "users.acl").write_text(text)
    server = GuardedRedis(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_a_producer_starts_runs_and_andon_works_with_its_own_user(
    guarded_redis: GuardedRedis, system: StartSystem, tmp_path: Path
) -> None:
    url = f"redis://andon:andon@127.0.0.1:{guarded_redis.port}/0"
    env = {"ANDON_TEST_FOLDER": str(tmp_path), "ANDON_BUS_PARTITIONS": "2"}
    running = system(redis_url=url, functions=["tests.functions"], env=env)
    with guarded_redis.connect("producer") as producer, running.client() as api:
        for stream in ("andon:events", "andon:events:1"):
            producer.xadd(stream, {"name": "walk/requested", "data": '{"case": "acl"}'})

        def ended() -> bool:
            runs: list[dict[str, Any]] = api.get("/runs").json()["items"]
            return [each["status"] for each in runs] == ["completed", "completed"]

        wait_until(ended, 30, what="the runs' end")
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
    for user, password in (("default", "x"), ("producer", "guess"), ("andon", "guess")):
        with guarded_redis.connect(user, password) as client, pytest.raises(AuthenticationError):
            client.ping()
    with Redis(port=guarded_redis.port, socket_timeout=2) as client, pytest.raises(AuthenticationError):
        client.ping()
    assert "nopass" not in FILE.read_text()
    assert "#" not in FILE.read_text()


def test_andon_itself_cannot_change_the_server(guarded_redis: GuardedRedis) -> None:
    with guarded_redis.connect("andon") as andon:
        for words in (["FLUSHALL"], ["CONFIG", "SET", "dir", "/tmp"], ["ACL", "LIST"], ["KEYS", "*"], ["GET", "other"]):
            with pytest.raises(NoPermissionError):
                andon.execute_command(*words)
