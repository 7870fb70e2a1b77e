"""The bus is one stream, and one dispatcher leads it: partitions that it had once lead nothing any more."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.leadership import Leadership, NotLeader
from andon.embedded import PostgresServer
from andon.migrations.runner import _config
from tests.support.databases import create, drop

LEAD = "INSERT INTO andon.dispatcher_leases (partition, holder, lease_until) VALUES (%s, %s, now() + interval '1 h')"


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


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
            marks = connection.execute("SELECT stream, low_water FROM andon.former_streams ORDER BY 1").fetchall()
            assert marks == [("andon:events:1", "1000-7"), ("andon:events:2", "2000-7")]
            left = connection.execute("SELECT partition, holder, partitions FROM andon.dispatcher_leases").fetchall()
            assert left == [(0, "holder-0", 1)]
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(LEAD, [1, "a dispatcher of before"])
            command.downgrade(_config(url), "0005")
            marks = connection.execute("SELECT partition, low_water FROM andon.dispatcher_leases ORDER BY 1").fetchall()
            assert marks == [(0, "0000-7"), (1, "1000-7"), (2, "2000-7")]
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
