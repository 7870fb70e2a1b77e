"""Doctor, prune and gauges look at every partition of the bus, however many the stores say there are."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from redis import Redis

from andon.adapters.postgres import partitions
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.redis.bus import GROUP, is_read, streams
from andon_worker.dispatcher.gauges import bus_gauges, postgres_gauges
from andon_worker.dispatcher.leadership import Leadership
from tests.integration.cli.conftest import Command

FIRST, SECOND = streams(2)


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


@pytest.fixture
def stores(database_url: str, redis_url: str) -> Command:
    """The command, on stores in which nothing runs."""
    return Command({"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url})


@pytest.fixture
def bus(database: Connection, redis: Redis) -> Redis:
    """Two partitions with a few entries of long ago each; those of the first were handled."""
    partitions.make(database, 2)
    for stream in (FIRST, SECOND):
        for number in range(3):
            redis.xadd(stream, {"name": "a/b.c"}, id=f"{1000 + number}-0")
        redis.xgroup_create(stream, GROUP, id="0")
    redis.xreadgroup(GROUP, "me", {FIRST: ">"})
    redis.xack(FIRST, GROUP, "1000-0", "1001-0", "1002-0")
    return redis


def test_their_number_never_falls(database: Connection) -> None:
    assert partitions.count(database) == 1
    assert [partitions.make(database, wanted) for wanted in (1, 4, 2, 6, 1)] == [1, 4, 4, 6, 6]


def test_a_batch_learns_the_number_with_its_lock(database: Connection, database_url: str) -> None:
    leadership = Leadership("me", seconds=60)
    assert leadership.acquire(database)
    with database.transaction():
        assert leadership.hold(database).partitions == 1
    with connect(database_url, name="other") as other:
        partitions.make(other, 3)
    with database.transaction():
        assert leadership.hold(database).partitions == 3


def test_one_that_has_its_share_leaves_a_partition_to_others_for_a_while(database: Connection) -> None:
    partitions.make(database, 2)
    patient, eager = (Leadership(name, seconds=60, partition=1) for name in ("patient", "eager"))
    assert not patient.acquire(database, patience=60)
    assert eager.acquire(database)
    eager.release(database)
    assert not eager.acquire(database, patience=60), "it has just given it up"
    assert patient.acquire(database)


def test_doctor_tells_of_each(stores: Command, bus: Redis) -> None:
    looked = {each["name"]: each["health"] for each in stores("doctor", "--json").json}
    assert looked["unread entries"] == "ok"
    assert looked[f"unread entries of {SECOND}"] == "warning"
    assert "nobody has led partition 1 yet" in stores("doctor").out


def test_prune_trims_each_up_to_what_was_handled_there_and_the_inbox_up_to_the_lowest(
    stores: Command, bus: Redis, database: Connection
) -> None:
    pruned = stores("prune", "--json").json
    assert pruned["lowWater"] == "0-1", "nothing of the second was read"
    marks = database.execute("SELECT low_water FROM andon.dispatcher_leases ORDER BY partition").fetchall()
    assert marks[1] == ("0-1",)
    assert int(marks[0][0].split("-")[0]) > 1002
    assert bus.xlen(SECOND) == 3


def test_gauges_tell_of_each(redis_url: str, bus: Redis, database: Connection) -> None:
    Leadership("me", seconds=60).acquire(database)
    found = [*postgres_gauges(database, ["default"], 3), *bus_gauges(Redis.from_url(redis_url), [FIRST, SECOND])]
    samples = {(sample.name, *sample.labels.values()): sample.value for family in found for sample in family.samples}
    held = "andon_dispatcher_lease_held"
    assert [samples[held, str(partition)] for partition in range(3)] == [1, 0, 0]
    assert (samples["andon_bus_unread_entries", FIRST], samples["andon_bus_unread_entries", SECOND]) == (0, 3)
    assert samples["andon_bus_age_seconds", FIRST] == 0
    assert samples["andon_bus_age_seconds", SECOND] == pytest.approx(time.time() - 1, rel=0.1)


def test_the_bus_is_read_when_each_of_its_streams_is(redis_url: str, bus: Redis) -> None:
    raw = Redis.from_url(redis_url)
    assert is_read(raw, [FIRST])
    assert not is_read(raw, [FIRST, SECOND])
    assert not is_read(raw, [FIRST, "andon:events:2"]), "nobody has read it yet"
    bus.xreadgroup(GROUP, "me", {SECOND: ">"})
    assert is_read(raw, [FIRST, SECOND])
