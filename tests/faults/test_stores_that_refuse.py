"""Rows 32 and 33: a store answers, and says no. The API says so, the dispatcher holds, and all goes on afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from andon.embedded import PostgresServer, RedisServer
from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import Scene

TAKES_NOTHING = {
    "full": ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
    "read-only": ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
    "without replicas": ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
}


@contextmanager
def set_for_all(url: str, setting: str, value: str) -> Iterator[None]:
    """As an administrator sets it for a whole server; sessions that are there notice, too."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"ALTER SYSTEM SET {setting} = {value}".encode())
        admin.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute(f"ALTER SYSTEM RESET {setting}".encode())
            admin.execute("SELECT pg_reload_conf()")


def post(scene: Scene, case: str) -> int:
    answer = scene.api.post("/events", json={"name": "walk/requested", "data": {"case": case, "steps": 1}})
    if answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) >= 1
    return answer.status_code


def test_32_a_read_only_postgres_is_held_out_and_nothing_dies_or_is_dead(
    own_postgres: PostgresServer, stage: Stage, redis_server: RedisServer
) -> None:
    scene = stage(database_url=own_postgres.url, workers=0)
    scene.wait_leader()
    with set_for_all(own_postgres.url, "default_transaction_read_only", "on"):
        wait_until(lambda: post(scene, "refused") == 503, what="503")
        scene.request("meanwhile", steps=1)
        assert scene.api.get("/runs").status_code == 200, "what can be read is read"
        dispatcher = scene.system["dispatcher-1"]
        wait_until(lambda: "postgres away: it is read-only" in dispatcher.output, what="the log's words")
        assert not scene.handled(), "acknowledged without a commit"
    wait_until(lambda: post(scene, "afterwards") == 202, what="202 again")
    scene.wait_run("meanwhile", "queued")
    scene.wait_run("afterwards", "queued")
    assert scene.one("SELECT count(*) FROM andon.dead_events") == 0
    assert all(each.running for each in scene.system.processes.values())


def test_32_limits_that_an_administrator_sets_stop_neither_api_nor_dispatcher(
    own_postgres: PostgresServer, stage: Stage, redis_server: RedisServer
) -> None:
    with (
        set_for_all(own_postgres.url, "lock_timeout", "'200ms'"),
        set_for_all(own_postgres.url, "statement_timeout", "'2s'"),
    ):
        scene = stage(database_url=own_postgres.url)
        scene.request("a", steps=2)
        assert scene.wait_run("a")["status"] == "completed"
        with scene.holding("LOCK TABLE andon.runs IN ACCESS EXCLUSIVE MODE"):
            scene.request("b", steps=1)
            assert scene.api.get("/runs").status_code == 503
            answer = scene.api.get(f"{scene.system.url}/healthz")
            assert answer.status_code == 200
        assert scene.wait_run("b")["status"] == "completed"
        assert scene.one("SELECT count(*) FROM andon.dead_events") == 0


@pytest.mark.parametrize("how", TAKES_NOTHING)
def test_33_a_redis_that_takes_nothing_is_told_of_and_loses_nothing(
    stage: Stage, own_redis: RedisServer, database_url: str, how: str
) -> None:
    scene = stage(redis_url=own_redis.url)
    scene.request("holding", steps=3, plan={"step-2": {"gate": True}})
    scene.wait_step("holding", "step-2")
    refuse, take = TAKES_NOTHING[how]
    scene.redis.execute_command(*refuse.split())  # type: ignore[no-untyped-call]
    try:
        assert post(scene, "meanwhile") == 202
        answer = scene.api.get(f"{scene.system.url}/readyz")
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
        assert answer.json()["checks"]["redis"].startswith("takes nothing")
        [run] = scene.runs("holding")
        assert scene.api.post(f"/runs/{run['id']}/cancel").status_code == 202
        assert scene.wait_run("holding")["status"] == "cancelled"
    finally:
        scene.redis.execute_command(*take.split())  # type: ignore[no-untyped-call]
    assert scene.wait_run("meanwhile")["status"] == "completed"
    assert all(each.running for each in scene.system.processes.values())
