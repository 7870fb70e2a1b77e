"""Workers that serve some queues: a pool that is full or gone holds up no other, and each stops what is cancelled."""

from __future__ import annotations

from typing import Any

from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import Scene

POOLS = {
    "worker-1": {"ANDON_QUEUES": "default", "ANDON_LANES": "1"},
    "worker-2": {"ANDON_QUEUES": "heavy", "ANDON_LANES": "1"},
}
FUNCTIONS = {"ANDON_FUNCTIONS": "tests.functions,tests.heavy_functions"}
GATED: dict[str, Any] = {"gate": True}


def test_a_long_job_in_one_pool_holds_up_no_other_and_each_pool_stops_what_is_cancelled(stage: Stage) -> None:
    scene = stage(env=FUNCTIONS, each=POOLS, workers=2)
    scene.xadd("haul/requested", {"case": "long", "plan": GATED})
    scene.xadd("haul/requested", {"case": "behind-it"})
    scene.wait_step("long", "lift")
    for number in range(3):
        scene.request(f"quick-{number}", steps=2)
        scene.wait_run(f"quick-{number}", "completed")
    assert scene.runs("behind-it")[-1]["status"] == "queued"
    assert workers_of(scene, "quick-0") == {scene.system["worker-1"].pid}

    scene.request("walk", plan={"step-1": GATED})
    scene.wait_step("walk", "step-1")
    scene.cancel("walk")
    scene.xadd("haul/cancelled", {"case": "long"})
    for case, worker in (("walk", "worker-1"), ("long", "worker-2")):
        assert scene.wait_run(case)["status"] == "cancelled"
        assert workers_of(scene, case) == {scene.system[worker].pid}
    scene.wait_run("behind-it", "completed")
    scene.wait_quiet()


def test_a_lost_hint_is_sent_again_although_another_pools_queue_is_full(stage: Stage) -> None:
    scene = stage(env=FUNCTIONS, each=POOLS, workers=2)
    scene.system["worker-1"].pause()
    scene.system["worker-2"].pause()
    for number in range(3):
        scene.xadd("haul/requested", {"case": f"waiting-{number}"})
    scene.request("forgotten", steps=1)
    wait_until(lambda: scene.runs("forgotten") and scene.runs("forgotten")[-1]["sent_at"], what="the run's hint")
    scene.redis.delete("andon:hints:default")
    scene.system["worker-1"].resume()
    scene.wait_run("forgotten", "completed")
    assert scene.redis.llen("andon:hints:heavy") == 3, "the other pool was to be behind all the time"


def test_a_worker_for_a_queue_that_no_function_has_says_so_and_ends(stage: Stage) -> None:
    scene = stage(workers=0)
    worker = scene.system.add_worker(ANDON_QUEUES="default,hevy")
    wait_until(lambda: not worker.running, what="its end")
    assert worker.exit_code == 1
    assert "ANDON_QUEUES names 'hevy', and no function has that queue: default" in worker.output
    assert "Traceback" not in worker.output


def workers_of(scene: Scene, case: str) -> set[int]:
    """The processes in which the steps of a case were executed."""
    return {each.pid for each in scene.ledger.begins(case)}
