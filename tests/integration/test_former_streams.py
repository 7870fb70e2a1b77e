"""Streams that were partitions of the bus are read for one release, under the old ids and low-water marks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import psycopg
import pytest
from alembic import command
from redis import Redis

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.events import former_streams
from andon.adapters.postgres.leadership import Leadership, NotLeader
from andon.adapters.redis.bus import GROUP, STREAM
from andon.embedded import PostgresServer
from andon.engine.declared.functions import Registry
from andon.migrations.runner import _config
from andon.settings import Settings
from andon_worker.dispatcher.bootstrap import dispatcher
from andon_worker.dispatcher.gauges.whole import StoreGauges
from tests.databases import create, drop
from tests.integration.cli.conftest import Command
from tests.polling import wait_until

FORMER = f"{STREAM}:2"
LEAD = "INSERT INTO andon.dispatcher_leases (partition, holder, lease_until) VALUES (%s, %s, now() + interval '1 h')"


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        connection.execute("INSERT INTO andon.former_streams (stream, low_water) VALUES (%s, '2000-0')", [FORMER])
        yield connection


@pytest.fixture
def stores(database_url: str, redis_url: str) -> Command:
    """The command, on stores in which nothing runs."""
    return Command({"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url})


def add(redis: Redis, stream: str, name: str, id: str = "*") -> str:
    return str(redis.xadd(stream, {"name": "a/b", "data": json.dumps({"name": name})}, id=id))


def seen(database: Connection) -> list[str]:
    """What the events in the inbox are called, in order."""
    rows = database.execute("SELECT data->>'name' FROM andon.events WHERE name = 'a/b' ORDER BY seq").fetchall()
    return [name for (name,) in rows]


@contextmanager
def dispatching(database_url: str, redis_url: str) -> Iterator[None]:
    """For as long as the block lasts, a dispatcher leads."""
    settings = Settings.from_env({"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url})
    service = dispatcher(settings, Registry())
    thread = Thread(target=service.run)
    thread.start()
    try:
        yield
    finally:
        service.ask_to_stop()
        thread.join()


def test_what_lies_there_unread_and_unacknowledged_is_handled_once_and_what_lies_below_the_mark_is_dropped(
    database: Connection, redis: Redis, database_url: str, redis_url: str
) -> None:
    add(redis, FORMER, "of a month ago", "1000-0")
    database.execute(
        "INSERT INTO andon.events (tenant, id, name, data, ts, stream_id)"
        " VALUES ('default', '2:3000-0-x', 'a/b', '{\"name\": \"known\"}', now(), '2:3000-0')"
    )
    redis.xadd(FORMER, {"name": "a/b", "data": '{"name": "known"}', "id": "2:3000-0-x"}, id="4000-0")
    add(redis, FORMER, "read and not acknowledged", "5000-0")
    redis.xgroup_create(FORMER, GROUP, id="0")
    redis.xreadgroup(GROUP, "a dispatcher of before", {FORMER: ">"})
    add(redis, FORMER, "unread", "6000-0")
    redis.xadd(FORMER, {"name": "of no use"}, id="7000-0")
    with dispatching(database_url, redis_url):
        wait_until(lambda: "unread" in seen(database), what="the unread entry")
        wait_until(lambda: redis.xpending(FORMER, GROUP)["pending"] == 0, what="everything acknowledged")
        add(redis, FORMER, "of a producer that goes on")
        add(redis, STREAM, "of the bus")
        wait_until(lambda: len(seen(database)) == 5, what="what came after")
    assert seen(database)[:3] == ["known", "read and not acknowledged", "unread"]
    names = database.execute("SELECT stream_id FROM andon.events WHERE stream_id LIKE '2:%' ORDER BY seq").fetchall()
    assert [name for (name,) in names][:3] == ["2:3000-0", "2:5000-0", "2:6000-0"]
    assert database.execute("SELECT stream_id FROM andon.dead_events").fetchall() == [("2:7000-0",)]


def test_a_group_that_is_missing_is_made_from_the_streams_beginning(
    database: Connection, redis: Redis, database_url: str, redis_url: str
) -> None:
    add(redis, FORMER, "first", "5000-0")
    with dispatching(database_url, redis_url):
        wait_until(lambda: seen(database) == ["first"], what="the entry")
        redis.flushall()
        add(redis, FORMER, "second", "6000-0")
        wait_until(lambda: seen(database) == ["first", "second"], what="the entry in a Redis made anew")


def test_where_the_stream_is_gone_nothing_makes_it_anew(
    database: Connection, redis: Redis, database_url: str, redis_url: str
) -> None:
    with dispatching(database_url, redis_url):
        add(redis, STREAM, "of the bus")
        wait_until(lambda: seen(database) == ["of the bus"], what="the entry")
    assert not redis.exists(FORMER)


def test_doctor_names_the_streams_that_producers_still_write_to(
    stores: Command, database: Connection, redis: Redis
) -> None:
    assert FORMER not in stores("doctor").out
    redis.xgroup_create(FORMER, GROUP, id="0", mkstream=True)
    add(redis, FORMER, "of long ago", "1000-0")
    looked = {each["name"]: each for each in stores("doctor", "--json").json}
    assert looked[f"unread entries of {FORMER}"]["health"] == "warning"
    assert f"producers of {FORMER}" not in looked
    add(redis, FORMER, "of now")
    looked = {each["name"]: each for each in stores("doctor", "--json").json}
    assert looked[f"producers of {FORMER}"]["health"] == "warning"
    assert STREAM in looked[f"producers of {FORMER}"]["remedy"]


def test_prune_forgets_no_event_that_may_still_lie_there(stores: Command, database: Connection, redis: Redis) -> None:
    Leadership("me", seconds=60).acquire(database)
    for stream in (STREAM, FORMER):
        redis.xgroup_create(stream, GROUP, id="0", mkstream=True)
    add(redis, FORMER, "unread", "5000-0")
    assert stores("prune", "--json").json["lowWater"] == "2000-0"
    redis.xreadgroup(GROUP, "me", {FORMER: ">"})
    redis.xack(FORMER, GROUP, "5000-0")
    assert int(stores("prune", "--json").json["lowWater"].split("-")[0]) > 5000


def test_prune_waits_for_no_stream_that_is_gone(stores: Command, database: Connection, redis: Redis) -> None:
    Leadership("me", seconds=60).acquire(database)
    redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    assert int(stores("prune", "--json").json["lowWater"].split("-")[0]) > 5000
    with database.transaction():
        assert int(former_streams.low_water(database, FORMER).split("-")[0]) > 5000


def test_gauges_show_the_former_streams_too(
    database: Connection, database_url: str, redis: Redis, redis_url: str
) -> None:
    add(redis, FORMER, "unread", "1000-0")
    gauges = StoreGauges(database_url, Redis.from_url(redis_url), queues=["default"])
    families = gauges.collect()
    gauges.close()
    samples = {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}
    assert samples["andon_bus_unread_entries", FORMER] == 1
    assert samples["andon_bus_age_seconds", FORMER] == pytest.approx(time.time() - 1, rel=0.1)


def test_the_migration_fences_the_leaders_of_partitions_and_keeps_their_marks(postgres_server: PostgresServer) -> None:
    admin, url = postgres_server.url_of("postgres"), postgres_server.url_of("andon_partitioned")
    create(admin, "andon_partitioned", "template0")
    try:
        command.upgrade(_config(url), "0005")
        with psycopg.connect(url, autocommit=True) as connection:
            for partition in range(3):
                connection.execute(LEAD, [partition, f"holder-{partition}"])
            connection.execute("UPDATE andon.dispatcher_leases SET partitions = 3, low_water = partition || '000-7'")
            command.upgrade(_config(url), "0006")
            assert former_streams.names(connection) == [f"{STREAM}:1", f"{STREAM}:2"]
            with connection.transaction():
                assert former_streams.low_water(connection, f"{STREAM}:2") == "2000-7"
            left = connection.execute("SELECT partition, holder, partitions FROM andon.dispatcher_leases").fetchall()
            assert left == [(0, "holder-0", 1)]
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(LEAD, [1, "a dispatcher of before"])
            command.downgrade(_config(url), "0005")
            marks = connection.execute(
                "SELECT partition, partitions, low_water FROM andon.dispatcher_leases ORDER BY 1"
            )
            assert [(number, mark) for number, _, mark in marks] == [(0, "0000-7"), (1, "1000-7"), (2, "2000-7")]
    finally:
        drop(admin, "andon_partitioned")


def test_a_former_leader_commits_nothing(database: Connection, database_url: str) -> None:
    former, next_one = Leadership("former", seconds=0), Leadership("next", seconds=60)
    assert former.acquire(database)
    with connect(database_url, name="other") as other:
        assert next_one.acquire(other)
        with pytest.raises(NotLeader), database.transaction():
            former.hold(database)
        with other.transaction():
            assert next_one.hold(other) == "0-0"
        assert not former.acquire(database)
        next_one.release(other)
    assert former.acquire(database)
