import os
import stat

import psycopg
import pytest
from redis import Redis
from redis.exceptions import TimeoutError as RedisTimeout

from andon.embedded import PostgresServer, RedisServer
from tests.support.polling import wait_until


def committed(server: PostgresServer) -> list[tuple[int]]:
    with psycopg.connect(server.url) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def commit_a_row(server: PostgresServer) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")


def test_postgres_killed_and_started_again_has_what_was_committed(own_postgres: PostgresServer) -> None:
    commit_a_row(own_postgres)
    url = own_postgres.url
    own_postgres.kill()
    assert not own_postgres.running
    own_postgres.start()
    assert own_postgres.url == url
    assert committed(own_postgres) == [(7,)]


def test_postgres_stopped_and_started_again_has_what_was_committed(own_postgres: PostgresServer) -> None:
    commit_a_row(own_postgres)
    own_postgres.stop()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(own_postgres.url)
    own_postgres.start()
    assert committed(own_postgres) == [(7,)]


def test_a_second_start_on_the_same_folder_ends_the_postmaster_that_was_left(
    own_postgres: PostgresServer,
) -> None:
    commit_a_row(own_postgres)
    with PostgresServer(own_postgres.folder) as second:
        assert committed(second) == [(7,)]
        wait_until(lambda: not own_postgres.running, what="the end of the first postmaster")


def test_a_stale_pid_file_that_names_a_stranger_keeps_nobody_from_starting(
    own_postgres: PostgresServer,
) -> None:
    own_postgres.stop()
    own_postgres.pidfile().write_text(f"{os.getpid()}\n{own_postgres.data}\n")
    own_postgres.start()
    assert own_postgres.running


def test_an_initdb_that_was_cut_short_is_done_again(own_postgres: PostgresServer) -> None:
    own_postgres.stop()
    own_postgres.data.rename(own_postgres.folder / "data.unfinished")
    own_postgres.start()
    with psycopg.connect(own_postgres.url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_postgres_asks_for_the_password_that_only_its_owner_can_read(own_postgres: PostgresServer) -> None:
    assert stat.S_IMODE(own_postgres.password_file.stat().st_mode) == 0o600
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(own_postgres.url, password="wrong")


def test_postgres_does_not_run_as_root(own_postgres: PostgresServer) -> None:
    assert own_postgres.process is not None
    with open(f"/proc/{own_postgres.pid}/status") as status:
        user = next(line.split()[1:] for line in status if line.startswith("Uid:"))
    assert "0" not in user


def test_redis_stopped_and_started_again_has_its_keys(own_redis: RedisServer) -> None:
    with Redis.from_url(own_redis.url, decode_responses=True) as client:
        client.set("kept", "yes")
        own_redis.stop()
        own_redis.start()
        assert client.get("kept") == "yes"


def test_redis_killed_comes_back_on_the_same_port_with_what_reached_its_file(own_redis: RedisServer) -> None:
    with Redis.from_url(own_redis.url, decode_responses=True) as client:
        client.set("kept", "yes")
        wait_until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0, what="the fsync")
        own_redis.kill()
        own_redis.start()
        assert client.get("kept") == "yes"
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_paused_redis_answers_nobody_and_goes_on_when_resumed(own_redis: RedisServer) -> None:
    with Redis.from_url(own_redis.url, socket_timeout=0.3, retry=None) as client:
        own_redis.pause()
        with pytest.raises(RedisTimeout):
            client.ping()
        assert own_redis.running
        own_redis.resume()
    with Redis.from_url(own_redis.url) as client:
        assert client.ping()
