"""Row 38: a tenant floods the queue, and others' runs start and stop as if it weren't there."""

from __future__ import annotations

import json

import pytest

from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import STREAM, Scene

THREADS = 8
QUEUED = "SELECT count(*) FROM andon.runs WHERE tenant = %s AND status = 'queued'"
BEFORE = """
SELECT count(*) FROM andon.runs noisy JOIN andon.runs r ON noisy.started_at BETWEEN r.queued_at AND r.started_at
WHERE r.id = %s AND noisy.tenant = 'noisy'
"""


def flood(scene: Scene, tenant: str, count: int, *, seconds: float = 0.1) -> None:
    """So many runs of a tenant, each of which takes so long; returns when they are queued."""
    with scene.redis.pipeline(transaction=False) as pipe:
        for _ in range(count):
            data = {"case": tenant, "steps": 1, "plan": {"step-1": {"seconds": seconds}}}
            pipe.xadd(STREAM, {"name": "walk/requested", "data": json.dumps(data), "tenant": tenant})
        pipe.execute()
    wait_until(lambda: scene.one(QUEUED, tenant) > count * 0.6, what=f"the flood of {tenant}")


@pytest.mark.promise
@pytest.mark.parametrize(("count", "seconds"), [(300, 1.5), pytest.param(1500, 0.1, marks=pytest.mark.slow)])
def test_38_behind_a_flood_a_newcomers_run_starts_within_one_run_per_thread(
    stage: Stage, count: int, seconds: float
) -> None:
    scene = stage(env={"ANDON_LANES": str(THREADS)})
    flood(scene, "noisy", count, seconds=seconds)
    for number in range(3):
        scene.request(f"quick-{number}", steps=1)
        run = scene.wait_run(f"quick-{number}", "completed")
        assert scene.one(BEFORE, run["id"]) <= 2 * THREADS
    assert scene.one(QUEUED, "noisy") > 0, "the flood was to last"

    scene.cancel("noisy", tenant="noisy")
    scene.request("after", steps=1)
    scene.wait_run("after", "completed")
    scene.wait_quiet()
    assert scene.one("SELECT count(*) FROM andon.runs WHERE status NOT IN ('completed', 'cancelled')") == 0


def test_38_beside_several_floods_each_tenant_gets_its_share(stage: Stage) -> None:
    scene = stage(env={"ANDON_LANES": str(THREADS)})
    for number in range(3):
        flood(scene, f"noisy-{number}", 400)
    for number in range(20):
        scene.request(f"quick-{number}", steps=1)
    for number in range(20):
        scene.wait_run(f"quick-{number}", "completed")
    last = scene.runs("quick-19")[-1]
    served = scene.one(
        "SELECT count(*) FROM andon.runs WHERE tenant <> 'default' AND started_at BETWEEN %s AND %s",
        scene.runs("quick-0")[-1]["queued_at"],
        last["started_at"],
    )
    assert served <= 20 * 3 + 3 * THREADS, "a fourth of all that was served meanwhile was this tenant's"
    for number in range(3):
        scene.cancel(f"noisy-{number}", tenant=f"noisy-{number}")
    scene.wait_quiet()
