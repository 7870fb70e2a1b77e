"""Backup and restore as docs/operations.md describes them, with runs in flight."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redis import Redis

from andon.embedded import PostgresServer
from andon.migrations import migrate
from tests.conftest import StartSystem
from tests.integration.deploy.conftest import FUNCTIONS
from tests.support.databases import create
from tests.support.polling import wait_until
from tests.support.system import System

pytestmark = pytest.mark.slow


class Producer:
    """Adds events to the bus, for runs that keep notes of their steps."""

    def __init__(self, redis: Redis, folder: Path) -> None:
        self._redis = redis
        self._notes = folder / "notes"
        self.gate = folder / "gate"

    def request(self, key: str, *, gated: bool = False) -> None:
        data = {"key": key, "notes": str(self._notes), "gate": str(self.gate) if gated else None}
        self._add("backup/gated.requested", data)

    def cancel(self, key: str) -> None:
        self._add("backup/gated.cancelled", {"key": key})

    def notes(self) -> list[str]:
        return self._notes.read_text().splitlines() if self._notes.exists() else []

    def _add(self, name: str, data: dict[str, Any]) -> None:
        self._redis.xadd("andon:events", {"name": name, "data": json.dumps(data)})


@contextmanager
def reading(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def runs(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Each run's key and status."""
    return connection.execute(
        "SELECT e.data->>'key', r.status FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq ORDER BY 1"
    ).fetchall()


def forget_what_came_after(redis: Redis) -> None:
    """Step 3 of the restore."""
    flags = list(redis.scan_iter("andon:flag:*"))
    assert flags
    redis.unlink(*flags)
    redis.delete("andon:epoch")
    redis.xgroup_destroy("andon:events", "andon")


def dump(server: PostgresServer, file: Path) -> None:
    command = [str(server.programs / "pg_dump"), "--format=custom", f"--file={file}", server.url]
    subprocess.run(command, check=True)


def restore(server: PostgresServer, file: Path) -> str:
    create(server.url_of("postgres"), "restored", "template0")
    url = server.url_of("restored")
    command = [
        str(server.programs / "pg_restore"),
        "--clean",
        "--if-exists",
        "--no-owner",
        f"--dbname={url}",
        str(file),
    ]
    subprocess.run(command, check=True)
    return url


def test_a_restored_database_goes_on_where_the_dump_was_taken(
    system: StartSystem, redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    producer, file = Producer(redis, tmp_path), tmp_path / "andon.dump"
    with PostgresServer(tmp_path / "postgres") as server, reading(server.url) as old:
        migrate(server.url)
        first = system(functions=FUNCTIONS, database_url=server.url, redis_url=redis_url)
        before_the_dump(producer, old)
        dump(server, file)
        after_the_dump(producer, redis, old)
        first.end()
        old.close()

        url = restore(server, file)
        forget_what_came_after(redis)
        with reading(url) as new:
            second = system(functions=FUNCTIONS, database_url=url, redis_url=redis_url)
            goes_on(producer, second, new)


def before_the_dump(producer: Producer, old: psycopg.Connection[Any]) -> None:
    producer.request("done")
    producer.request("in flight", gated=True)
    producer.request("stopped", gated=True)
    held = [("done", "completed"), ("in flight", "running"), ("stopped", "running")]
    wait_until(lambda: runs(old) == held and "stopped before" in producer.notes(), what="runs are in flight")
    producer.cancel("stopped")
    wait_until(lambda: ("stopped", "cancelled") in runs(old), what="the cancel")


def after_the_dump(producer: Producer, redis: Redis, old: psycopg.Connection[Any]) -> None:
    """An event that the bus keeps; and a cancel that it has lost, whose number will be given again."""
    producer.request("late")
    wait_until(lambda: ("late", "completed") in runs(old), what="the late run")
    kept = redis.xlen("andon:events")
    for _ in range(50):
        producer.cancel("nobody")
    producer.cancel("again")
    newest = "SELECT count(*) FROM andon.events WHERE name = 'backup/gated.cancelled'"
    wait_until(lambda: (old.execute(newest).fetchone() or [0])[0] == 52, what="the cancels are recorded")
    entries: Any = redis.xrange("andon:events")
    redis.xdel("andon:events", *[id for id, _ in entries[kept:]])


def goes_on(producer: Producer, second: System, new: psycopg.Connection[Any]) -> None:
    producer.request("again")
    producer.gate.touch()
    settled = [
        ("again", "completed"),
        ("done", "completed"),
        ("in flight", "completed"),
        ("late", "completed"),
        ("stopped", "cancelled"),
    ]
    wait_until(lambda: runs(new) == settled, what=f"{settled}")
    notes = producer.notes()
    assert notes.count("done before") == notes.count("done after") == 1, "an ended run is not done again"
    assert notes.count("in flight before") == notes.count("in flight after") == 1, "nor is a step that the dump has"
    assert "stopped after" not in notes
    outbox = "SELECT count(*) FROM andon.outbox"
    wait_until(lambda: new.execute(outbox).fetchone() == (0,), what="an empty outbox")
    assert all(process.running for process in second.processes.values())
