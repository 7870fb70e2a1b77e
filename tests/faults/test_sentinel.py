"""Row 16 with a real Sentinel: the leader dies, another is promoted, and what stands before them follows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from redis import Redis
from redis.sentinel import MasterNotFoundError

from andon.embedded import RedisServer
from tests.faults.conftest import Stage
from tests.faults.failover import SentinelServer, replica_of
from tests.faults.proxy import Proxy
from tests.support.polling import wait_until


def test_16_runs_and_accepted_events_outlive_a_failover_by_sentinel(
    stage: Stage, own_redis: RedisServer, tmp_path: Path
) -> None:
    sentinel = SentinelServer(tmp_path / "sentinel", own_redis)
    with Proxy(own_redis.url) as way, replica_of(own_redis, tmp_path / "replica") as second:
        sentinel.start()
        try:
            wait_until(lambda: sentinel.replicas() == 1, what="the Sentinel knows the replica")
            scene = stage(redis_url=way.url)
            scene.request("under-way", steps=3, plan={"step-2": {"gate": True}})
            scene.wait_step("under-way", "step-2")
            report = scene.report(compute={"gate": True})
            scene.generate(report)
            scene.wait_step(report, "compute")

            own_redis.kill()
            scene.post("walk/requested", {"case": "meanwhile", "steps": 1})
            assert scene.api.post(f"/reports/{report}/cancel").status_code == 202
            wait_until(lambda: promoted(sentinel, second), what="the failover")
            way.retarget(second.url)

            scene.ledger.open("under-way")
            assert scene.wait_run("under-way")["status"] == "completed"
            assert scene.wait_run("meanwhile")["status"] == "completed"
            assert scene.wait_run(report)["status"] == "cancelled"
            scene.request("afterwards", steps=1)
            assert scene.wait_run("afterwards")["status"] == "completed"
            scene.wait_quiet()
            assert scene.ledger.steps("under-way") == ["step-1", "step-2", "step-3"]
            assert all(each.running for each in scene.system.processes.values())
        finally:
            sentinel.stop()


def promoted(sentinel: SentinelServer, second: RedisServer) -> bool:
    """Whether the second server leads, as the Sentinel says and as it says itself."""
    with suppress(MasterNotFoundError), Redis.from_url(second.url, decode_responses=True) as client:
        return sentinel.leader() == second.port and client.info("replication")["role"] == "master"
    return False
