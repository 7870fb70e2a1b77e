"""Rows 15 to 18 and 20: Redis empties, fails over, is down, or its wire goes dead. It is transport and signal only."""

from __future__ import annotations

import datetime as dt
import json
import time
from pathlib import Path

import httpx
import pytest
from redis import Redis

from andon.embedded import RedisServer
from tests.faults.conftest import Stage
from tests.faults.failover import replica_of
from tests.faults.proxy import Proxy
from tests.support.polling import wait_until
from tests.support.process import Process
from tests.support.scene import GROUP, STREAM, Scene

HEARTBEAT = 0.5
SLACK = 6.0
OUTAGE = 300
PROMPT = 2.0
QUEUES = 3  # of a worker: for each a thread of its own asks Redis for hints


def test_15_after_flushall_the_group_reads_from_the_beginning_and_queued_runs_are_sent_again(stage: Stage) -> None:
    scene = stage(workers=1, env={"ANDON_LANES": "2"})
    scene.wait_leader()
    for case in ("held-1", "held-2"):
        scene.request(case, steps=2, plan={"step-1": {"gate": True}})
        scene.wait_step(case, "step-1")
    queued = [f"queued-{number}" for number in range(5)]
    for case in queued:
        scene.request(case, steps=1)
        scene.wait_run(case, "queued")
    scene.redis.flushall()
    scene.request("afterwards", steps=1)  # before or after the group is made again: it must be read
    for case in ("held-1", "held-2"):
        scene.ledger.open(case)
    for case in ("held-1", "held-2", "afterwards", *queued):
        assert scene.wait_run(case)["status"] == "completed"
    assert scene.redis.xinfo_groups(STREAM)[0]["name"] == GROUP
    scene.wait_quiet()
    assert all(len(scene.ledger.begins(case)) == 1 for case in queued)


def test_15_runs_that_merely_wait_for_a_thread_are_not_sent_again_and_flags_are_rebuilt(stage: Stage) -> None:
    scene = stage(workers=1, env={"ANDON_LANES": "1"})
    scene.wait_leader()
    scene.request("busy", plan={"step-1": {"deaf": 12}})
    scene.wait_step("busy", "step-1")
    for number in range(4):
        scene.request(f"patient-{number}", steps=1)
        scene.wait_run(f"patient-{number}", "queued")
    hints = "andon:hints:default"
    wait_until(lambda: scene.redis.llen(hints) >= 3, what="the hints")
    before = scene.redis.llen(hints)
    scene.cancel("busy")
    scene.wait_run("busy", "cancelling")
    flags = set(scene.redis.scan_iter("andon:flag:*"))
    assert flags
    scene.redis.flushall()
    wait_until(lambda: scene.redis.get("andon:epoch"), what="the recovery")
    assert flags <= set(scene.redis.scan_iter("andon:flag:*"))
    wait_until(lambda: scene.redis.llen(hints) >= before, what="the hints, sent again")
    most = scene.redis.llen(hints)
    scene.wait_run("busy", "cancelled")
    assert scene.redis.llen(hints) <= most
    for number in range(4):
        scene.wait_run(f"patient-{number}", "completed")


def test_15_an_empty_redis_in_the_place_of_a_lost_one_is_all_that_is_needed(
    stage: Stage, own_redis: RedisServer
) -> None:
    scene = stage(redis_url=own_redis.url, env={"ANDON_LANES": "1"})
    scene.request("held", steps=2, plan={"step-1": {"gate": True}})
    scene.wait_step("held", "step-1")
    scene.post("walk/requested", {"case": "queued", "steps": 1})
    scene.wait_run("queued", "queued")
    own_redis.kill()
    (own_redis.folder / "appendonly.aof").unlink()
    own_redis.start()
    scene.ledger.open("held")
    assert {scene.wait_run(case)["status"] for case in ("held", "queued")} == {"completed"}
    scene.request("next", steps=1)
    assert scene.wait_run("next")["status"] == "completed"
    assert scene.ledger.steps("held") == ["step-1", "step-2"]
    scene.wait_quiet()


def test_16_a_failover_that_loses_acknowledged_entries_loses_no_accepted_event(
    stage: Stage, own_redis: RedisServer, tmp_path: Path
) -> None:
    with Proxy(own_redis.url) as way, replica_of(own_redis, tmp_path / "replica") as second:
        scene = stage(redis_url=way.url, dispatchers=0)
        promoted = Redis.from_url(second.url, decode_responses=True)
        promoted.replicaof("NO", "ONE")  # from here on it misses what the primary acknowledges
        scene.post("walk/requested", {"case": "lost", "steps": 2})
        assert scene.redis.xlen(STREAM) == 1
        own_redis.kill()
        way.retarget(second.url)
        assert promoted.xlen(STREAM) == 0
        scene.system.add_dispatcher()
        assert scene.wait_run("lost")["status"] == "completed"
        scene.wait_quiet()
        assert len(scene.runs("lost")) == 1
        promoted.close()


def test_17_a_failover_that_replays_acknowledged_entries_has_no_second_effect(
    stage: Stage, own_redis: RedisServer, tmp_path: Path
) -> None:
    with Proxy(own_redis.url) as way, replica_of(own_redis, tmp_path / "replica") as second:
        scene = stage(redis_url=way.url)
        scene.wait_leader()
        scene.request("first", steps=1)
        scene.wait_run("first", "completed")
        with Redis.from_url(second.url, decode_responses=True) as promoted, Redis.from_url(own_redis.url) as primary:
            wait_until(lambda: promoted.xlen(STREAM) == primary.xlen(STREAM), what="the replica has the entries")
            promoted.replicaof("NO", "ONE")
            scene.wait_quiet()
            # The replica missed the acknowledgements of everything: it gives all of it out again.
            promoted.xgroup_setid(STREAM, GROUP, "0")
            own_redis.kill()
            way.retarget(second.url)
            replayed = promoted.xlen(STREAM)
            assert replayed >= 1
            scene.request("second", steps=1)
        assert scene.wait_run("second")["status"] == "completed"
        scene.wait_quiet()
        assert scene.ledger.steps("first") == ["step-1"]
        assert len(scene.runs("first")) == len(scene.runs("second")) == 1


def test_18_while_redis_is_down_requests_are_accepted_and_a_cancel_still_stops_a_running_run(
    stage: Stage, own_redis: RedisServer
) -> None:
    scene = stage(redis_url=own_redis.url)
    report = scene.report(compute={"gate": True})
    scene.generate(report)
    scene.wait_step(report, "compute")
    scene.request("going-on", steps=4, plan={"step-2": {"gate": True}})
    scene.wait_step("going-on", "step-2")
    own_redis.stop()
    accepted = scene.post("walk/requested", {"case": "outbox", "steps": 1})
    assert accepted
    asked = time.monotonic()
    assert scene.api.post(f"/reports/{report}/cancel").status_code == 202
    assert scene.wait_run(report)["status"] == "cancelled"
    assert time.monotonic() - asked < HEARTBEAT + SLACK
    assert scene.show_report(report)["status"] == "cancelled"
    scene.ledger.open("going-on")
    assert scene.wait_run("going-on")["status"] == "completed"
    assert not scene.runs("outbox")
    assert all(each.running for each in scene.system.processes.values())
    own_redis.start()
    assert scene.wait_run("outbox")["status"] == "completed"
    scene.wait_quiet()
    assert all(each.running for each in scene.system.processes.values())


@pytest.mark.slow
def test_18_five_minutes_without_redis_cost_no_request_no_step_and_no_cancel(
    stage: Stage, own_redis: RedisServer
) -> None:
    scene = stage(redis_url=own_redis.url, workers=2)
    reports = [scene.report(compute={"gate": True}) for _ in range(5)]
    for report in reports:
        scene.generate(report)
        scene.wait_step(report, "compute")
    steps = [f"step-{number}" for number in range(1, 51)]
    scene.request("going-on", steps=len(steps), plan={step: {"seconds": 4} for step in steps})
    scene.wait_step("going-on", "step-1")
    scene.request("asleep", steps=2, nap=20)
    scene.wait_run("asleep", "waiting")

    own_redis.stop()
    down = time.monotonic()
    accepted: dict[str, str] = {}
    while len(accepted) < OUTAGE // 10:
        wait_until(lambda: time.monotonic() - down >= 10 * len(accepted), what="the next ten seconds")
        case = f"after-{10 * len(accepted)}-seconds"
        asked = time.monotonic()
        scene.post("walk/requested", {"case": case, "steps": 1})
        assert time.monotonic() - asked < PROMPT
        accepted[case] = "completed"
        if len(accepted) % 3 == 0:
            scene.post("walk/cancelled", {"case": case})
            accepted[case] = "cancelled"
        if len(accepted) % 6 == 0:
            report = reports.pop()
            asked = time.monotonic()
            assert scene.api.post(f"/reports/{report}/cancel").status_code == 202
            assert scene.wait_run(report)["status"] == "cancelled"
            assert time.monotonic() - asked < HEARTBEAT + SLACK
    wait_until(lambda: time.monotonic() - down >= OUTAGE, what="the end of the outage")
    run = scene.wait_run("going-on", timeout=1)
    assert (run["status"], run["fence"], run["attempt"], run["lost"]) == ("completed", 1, 1, 0)
    assert scene.ledger.steps("going-on") == steps
    assert not any(map(scene.runs, accepted))

    own_redis.start()
    wait_until(lambda: all(map(scene.runs, accepted)), what="a run of everything that was accepted")
    scene.wait_quiet()
    for case, status in accepted.items():
        assert [each["status"] for each in scene.runs(case)] == [status]
        assert scene.ledger.steps(case) == (["step-1"] if status == "completed" else ["sweep-1", "sweep-2"])
    assert scene.wait_run("asleep")["status"] == "completed"
    assert all(each.running for each in scene.system.processes.values())
    tries = [tries_of(worker) for worker in scene.system.workers]
    assert max(map(len, tries)) < QUEUES * OUTAGE, "more than one a second"
    assert in_step(*tries) < 0.5


@pytest.mark.parametrize("store", ["redis", pytest.param("postgres", marks=pytest.mark.slow)])
def test_20_a_half_open_connection_is_noticed_and_made_anew_within_ten_seconds(
    stage: Stage, redis_proxy: Proxy, postgres_proxy: Proxy, store: str
) -> None:
    through = {"ANDON_REDIS_URL": redis_proxy.url, "ANDON_DATABASE_URL": postgres_proxy.url}
    scene = stage(each=dict.fromkeys(("api", "dispatcher-1", "worker-1"), through))
    scene.request("warm", steps=1)
    scene.wait_run("warm", "completed")
    way = redis_proxy if store == "redis" else postgres_proxy
    scene.request("under-way", steps=3, plan={"step-2": {"gate": True}})
    scene.wait_step("under-way", "step-2")
    way.half_open()
    assert httpx.get(f"{scene.system.url}/healthz", timeout=2, trust_env=False).status_code == 200
    scene.request("through", steps=1)
    assert scene.wait_run("through", timeout=10 + SLACK)["status"] == "completed"
    # The subscription notices too, which only listens: a push reaches the worker well before its next heartbeat.
    wait_until(lambda: subscribers(scene) >= 1 and way.connections > 0, 10 + SLACK, what="the watcher subscribed again")
    scene.ledger.open("under-way")
    assert scene.wait_run("under-way")["status"] == "completed"
    assert all(each.running for each in scene.system.processes.values())


def tries_of(worker: Process) -> list[float]:
    """When the worker asked Redis for hints, and it was away."""
    said = [json.loads(line) for line in worker.output.splitlines() if '"redis away: ' in line]
    asked = [each["timestamp"] for each in said if each["logger"] == "andon_worker.broker"]
    return [dt.datetime.fromisoformat(each).timestamp() for each in asked]


def in_step(these: list[float], others: list[float]) -> float:
    """The share of these moments at which, but for 20 ms, one of the others lies too."""
    return sum(any(abs(this - other) < 0.02 for other in others) for this in these) / len(these)


def subscribers(scene: Scene) -> int:
    """How many listen for cancels."""
    [(_, count)] = scene.redis.pubsub_numsub("andon:cancel")
    return int(count)
