"""Row 19: Postgres is down for longer than a lease. Nothing is acknowledged, nothing starts unchecked, all goes on."""

from __future__ import annotations

import time

import pytest

from andon.embedded import PostgresServer, RedisServer
from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import STREAM

LEASE = 2.0


@pytest.mark.parametrize("seconds", [2.5 * LEASE, pytest.param(120.0, marks=pytest.mark.slow)])
def test_19_an_outage_longer_than_a_lease_acknowledges_nothing_and_restarts_nothing(
    own_postgres: PostgresServer, stage: Stage, redis_server: RedisServer, seconds: float
) -> None:
    scene = stage(database_url=own_postgres.url)
    scene.request("holding", steps=4, plan={"step-2": {"gate": True}})
    scene.wait_step("holding", "step-2")
    own_postgres.stop()
    down = time.monotonic()
    scene.request("meanwhile", steps=1)
    answer = scene.api.post("/events", json={"name": "walk/requested", "data": {"case": "refused"}})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    scene.ledger.open("holding")  # its step ends now, and the next must wait
    wait_until(lambda: time.monotonic() - down > seconds, seconds + 1, what="the outage")
    assert not scene.handled(), "acknowledged without a commit"
    assert scene.ledger.steps("holding") == ["step-1", "step-2"]
    own_postgres.start()
    assert scene.wait_run("meanwhile")["status"] == "completed"
    run = scene.wait_run("holding")
    assert (run["status"], run["fence"], run["attempt"], run["lost"]) == ("completed", 1, 1, 0)
    assert scene.ledger.steps("holding") == ["step-1", "step-2", "step-3", "step-4"]
    assert all(each.running for each in scene.system.processes.values())
    assert scene.redis.xlen(STREAM) >= 2
