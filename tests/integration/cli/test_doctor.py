from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from redis import Redis

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.redis.bus import GROUP, STREAM
from andon.embedded.ports import free_port
from tests.integration.cli.conftest import Command, Result


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.fixture
def andon(database_url: str, redis_url: str) -> Command:
    """The command where both stores run and nothing else does."""
    url = f"http://127.0.0.1:{free_port()}"
    return Command({"ANDON_URL": url, "ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url})


def health(result: Result) -> dict[str, str]:
    return {each["name"]: each["health"] for each in result.json}


def remedy(result: Result, name: str) -> str:
    return next(str(each["remedy"]) for each in result.json if each["name"] == name)


def test_a_system_that_runs_is_well(command: Command) -> None:
    looked = command("doctor", "--json")
    assert {name for name, each in health(looked).items() if each == "problem"} == set(), looked.out
    assert looked.code == 0
    assert "✓ dispatcher" in command("doctor").out


def test_what_is_missing_is_a_problem_with_a_remedy(andon: Command) -> None:
    looked = andon("doctor", "--json")
    assert looked.code == 1
    bad = {name for name, each in health(looked).items() if each == "problem"}
    assert bad == {"api", "dispatcher", "consumer group"}
    assert "andon dispatcher" in remedy(looked, "dispatcher")
    assert "-> Events are accepted and wait: start `andon dispatcher`" in andon("doctor").out


def test_stores_that_are_away_and_a_schema_that_is_missing_are_told_apart(andon: Command, postgres_url: str) -> None:
    port = free_port()
    away = andon("doctor", "--json", ANDON_DATABASE_URL=f"postgresql://x@127.0.0.1:{port}/x")
    assert (health(away)["postgres"], health(away)["redis"]) == ("problem", "ok")
    away = andon("doctor", "--json", ANDON_REDIS_URL=f"redis://127.0.0.1:{port}/0")
    assert (health(away)["postgres"], health(away)["redis"]) == ("ok", "problem")
    bare = andon("doctor", "--json", ANDON_DATABASE_URL=postgres_url)
    assert (health(bare)["schema"], health(bare).get("dispatcher")) == ("problem", None)


def test_what_waits_too_long_is_a_warning(andon: Command, database: Connection, redis_url: str) -> None:
    database.execute(
        "INSERT INTO andon.events (tenant, id, name, data, ts) VALUES ('default', 'e', 'a/b.c', '{}', now())"
    )
    database.execute("INSERT INTO andon.outbox (event_seq, created_at) VALUES (1, now() - interval '1 hour')")
    for status in ("queued", "running", "cancelling"):
        database.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, queued_at, lease_until,"
            " cancel_requested_at, worker_id)"
            " VALUES (%s, 'default', %s, 1, %s, now() - interval '1 hour', now() - interval '1 hour',"
            " now() - interval '1 hour', 'w')",
            [uuid.uuid4(), status, status],
        )
    database.execute(
        "INSERT INTO andon.dead_events (stream_id, tenant, fields, reason) VALUES ('1-0', 'x', '[]', 'no')"
    )
    with Redis.from_url(redis_url) as redis:
        redis.xadd(STREAM, {"name": "a/b.c"}, id="1000-0")
        redis.xadd(STREAM, {"name": "a/b.c"}, id="1001-0")
        redis.xgroup_create(STREAM, GROUP, id="0")
        redis.xreadgroup(GROUP, "me", {STREAM: ">"}, count=1)
    database.execute(
        "INSERT INTO andon.functions (id, module, trigger, cancel_on, settings)"
        " VALUES ('running', 'm', 'a/b.c', '[]', '{}')"
    )
    assert "1 runs wait for one that no module declares, as queued" in andon("doctor").out
    looked = health(andon("doctor", "--json"))
    waiting = (
        "functions",
        "queue",
        "worker leases",
        "cancels",
        "outbox",
        "dead events",
        "pending entries",
        "unread entries",
    )
    assert {name: looked[name] for name in waiting} == dict.fromkeys(waiting, "warning")


def test_a_redis_that_may_drop_the_bus_is_a_problem(andon: Command, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        try:
            looked = andon("doctor", "--json")
        finally:
            redis.config_set("maxmemory-policy", "noeviction")
    assert health(looked)["redis memory"] == "problem"
    assert "noeviction" in remedy(looked, "redis memory")


def test_a_redis_that_is_full_or_read_only_answers_and_is_a_problem(andon: Command, redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        redis.config_set("maxmemory", 1)
        try:
            looked = andon("doctor", "--json")
        finally:
            redis.config_set("maxmemory", 0)
        assert (health(looked)["redis"], health(looked)["redis writes"]) == ("ok", "problem")
        assert "its memory is full" in looked.out
        redis.replicaof("127.0.0.1", 1)
        try:
            assert "refused: it is read-only" in andon("doctor", "--json").out
        finally:
            redis.replicaof("NO", "ONE")
        assert health(andon("doctor", "--json"))["redis writes"] == "ok"
        assert redis.ttl("andon:probe") > 0, "it goes by itself"


def test_a_postgres_that_is_read_only_is_a_problem(andon: Command, database: Connection) -> None:
    name = database.info.dbname
    database.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
    looked = andon("doctor", "--json")
    assert (health(looked)["postgres"], health(looked)["postgres writes"]) == ("ok", "problem")
