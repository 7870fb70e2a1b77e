"""`deploy/redis/users.acl` on a real Redis: everything that Andon does in bad hours is allowed to its own user."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dramatiq.common import current_millis
from redis import Redis

from andon.adapters.redis.connect import connect
from andon.embedded.stores.binaries import redis_programs
from andon_worker.broker import NAMESPACE, HintBroker
from tests.conftest import StartSystem
from tests.faults.proxy import Proxy
from tests.functions import FOLDER
from tests.support.guarded_redis import GuardedRedis
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.scene import FUNCTIONS, QUICK, Scene

QUEUE = "default"
FLOOD = 400


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GuardedRedis]:
    server = GuardedRedis(tmp_path / "redis")
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_the_hints_of_a_worker_that_has_gone_come_back(guarded: GuardedRedis) -> None:
    with connect(guarded.url_of("andon"), name="test") as redis, guarded.connect("admin") as admin:
        gone, here = HintBroker(redis), HintBroker(redis)
        gone.hint([(uuid.uuid4(), QUEUE)])
        assert next(gone.consume(QUEUE, prefetch=1, timeout=1)) is not None
        assert admin.llen(f"{NAMESPACE}:{QUEUE}") == 0
        age(admin)

        here.maintenance_chance = 10**6  # each call does what one in a hundred does
        consumer = here.consume(QUEUE, prefetch=1, timeout=1)
        hint = wait_until(lambda: next(consumer), what="the hint that the other one had taken")
        consumer.ack(hint)
        assert next(consumer) is None
        assert gone.broker_id.encode() not in admin.zrange(f"{NAMESPACE}:__heartbeats__", 0, -1)


def test_a_system_loses_a_worker_is_flooded_emptied_and_moved_to_a_promoted_server(
    guarded: GuardedRedis, system: StartSystem, database_url: str, tmp_path: Path
) -> None:
    second = GuardedRedis(tmp_path / "second")
    with Proxy(guarded.url_of("andon")) as way:
        second.start()
        try:
            started = system(functions=(FUNCTIONS,), env={**QUICK, FOLDER: str(tmp_path)}, workers=2, redis_url=way.url)
            with (
                Scene(started, database_url, way.url, Ledger(tmp_path)) as scene,
                guarded.connect("admin") as admin,
                second.connect("admin") as promoted,
            ):
                started["worker-2"].kill()
                age(admin)
                for number in range(FLOOD // 100):
                    events = [
                        {"name": "walk/requested", "data": {"case": f"{number}-{each}", "steps": 1}}
                        for each in range(100)
                    ]
                    assert scene.api.post("/events", json=events).status_code == 202
                wait_until(lambda: ended(scene) == FLOOD, what="the end of the flood")

                admin.flushall()
                admin.script_flush()
                scene.request("emptied", steps=1)
                assert scene.wait_run("emptied")["status"] == "completed"

                promoted.config_set("masteruser", "admin")
                promoted.config_set("masterauth", "admin")
                promoted.replicaof("127.0.0.1", str(guarded.port))
                wait_until(lambda: promoted.info("replication")["master_link_status"] == "up", what="the replica")
                guarded.kill()
                promoted.replicaof("NO", "ONE")
                way.retarget(second.url)
                scene.request("moved", steps=2, plan={"step-1": {"gate": True}})
                scene.wait_step("moved", "step-1")
                scene.cancel("moved")
                assert scene.wait_run("moved")["status"] == "cancelled"
                doctor = run_doctor(started.env)
                assert "✓ redis " in doctor, doctor
            for name, process in started.processes.items():
                assert not re.search("NOPERM|permission", process.output), name
        finally:
            second.stop()


def test_the_runbooks_commands_work_for_the_administrator(guarded: GuardedRedis) -> None:
    page = Path("docs/operations.md").read_text()
    before, after = re.findall(r"^(redis-cli ACL SETUSER .*)$", page, re.MULTILINE)
    for line in (before, "redis-cli ACL SAVE", "redis-cli config get maxmemory-policy"):
        assert shell(guarded, line).returncode == 0, line
    with guarded.connect("andon", "new") as changed, guarded.connect("andon") as old:
        assert changed.ping()
        assert old.ping()
    assert shell(guarded, after.replace("<old", "<andon")).stdout.strip() == "OK"
    [block] = re.findall(r"^ +(redis-cli --scan .*\n.*\n.*\n)", page, re.MULTILINE)
    guarded.stop()
    guarded.start()  # the file that was saved has the new password alone
    with guarded.connect("andon", "new") as changed:
        changed.set("andon:flag:x", "1")
        changed.xadd("andon:events", {"name": "a/b"})
        changed.xgroup_create("andon:events", "andon", "0")
        for line in block.splitlines():
            assert not shell(guarded, line).stderr, line
        assert not changed.exists("andon:flag:x")
        assert changed.xinfo_groups("andon:events") == []


def age(admin: Redis) -> None:
    """Make every worker look as one that was last heard of a minute ago; those that live say so again at once."""
    key = f"{NAMESPACE}:__heartbeats__"
    workers: Any = admin.zrange(key, 0, -1)
    for worker in workers:
        admin.zadd(key, {worker.decode(): current_millis() - 60_000})


def ended(scene: Scene) -> int:
    [row] = scene.rows("SELECT count(*) AS n FROM andon.runs WHERE status = 'completed'")
    return int(row["n"])


def run_doctor(env: dict[str, str]) -> str:
    """What `andon doctor` says of the system."""
    words = [sys.executable, "-m", "andon.cli", "doctor"]
    return subprocess.run(words, env={**os.environ, **env}, capture_output=True, text=True, timeout=60).stdout


def shell(server: GuardedRedis, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of the page as the administrator."""
    path = f"{redis_programs()}:{os.environ['PATH']}"
    login = f"redis-cli --no-auth-warning --user admin --pass admin -p {server.port}"
    words = line.replace("redis-cli", login)
    return subprocess.run(["bash", "-c", words], env={"PATH": path}, capture_output=True, text=True, timeout=20)
