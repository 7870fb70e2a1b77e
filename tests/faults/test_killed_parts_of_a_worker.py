"""Row 35: whichever process of a worker is killed, nothing of its runs lives on, and they go on elsewhere."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from andon_worker.linux import parents
from tests.faults.conftest import Stage
from tests.faults.test_any_code_stops import lives
from tests.faults.test_lanes import FUNCTIONS
from tests.support.polling import wait_until


def gone(pids: list[int]) -> bool:
    """Whether none of these processes runs any more."""
    return not any(map(lives, pids))


def above(lane: int, supervisors: set[int]) -> tuple[int, int]:
    """A lane's supervisor and its nursery; between that and the lane there may be a nurse."""
    parent, nursery = parents(), lane
    while parent[nursery] not in supervisors:
        nursery = parent[nursery]
    return parent[nursery], nursery


@pytest.mark.promise
def test_35_whoever_of_a_worker_is_killed_nothing_of_its_runs_lives_on(stage: Stage) -> None:
    scene = stage(workers=2, env=FUNCTIONS)
    for number, whom in enumerate(("lane", "nursery", "supervisor")):
        case = f"hold-{number}"
        scene.xadd("lane/hold", {"case": case})
        scene.wait_step(case, "hold")
        pids = [int(pid) for pid in scene.ledger.steps(f"{case}.pids")]
        lane = scene.ledger.begins(case, "hold")[0].pid
        supervisor, nursery = above(lane, {each.pid for each in scene.system.workers})
        os.kill({"lane": lane, "nursery": nursery, "supervisor": supervisor}[whom], signal.SIGKILL)
        wait_until(partial(gone, [*pids, lane]), what=f"the end of all after {whom}")
        scene.wait_step(case, "hold", times=2)
        scene.post("lane/hold.cancelled", {"case": case})
        assert scene.wait_run(case)["status"] == "cancelled"


@pytest.mark.promise
def test_10_a_step_that_kills_its_parent_again_and_again_fails_and_harms_no_other_run(stage: Stage) -> None:
    scene = stage(workers=1, env=FUNCTIONS)
    for case in ("long-1", "long-2"):
        scene.request(case, plan={"step-2": {"gate": True}})
        scene.wait_step(case, "step-2")
    scene.xadd("lane/die", {"case": "killer", "how": "parent"})
    scene.wait_step("killer", "die", times=2)  # the first time nobody knows who it was, and it takes the others along
    scene.request("beside")
    assert scene.wait_run("beside")["status"] == "completed"
    killer = scene.wait_run("killer")
    assert killer["output"] == "FAILED: The process of step 'die' was ended: it killed its parent"
    assert len(scene.ledger.begins("killer", "die")) == 3
    for case in ("long-1", "long-2"):
        scene.wait_step(case, "step-2", times=2)
        scene.ledger.open(case)
        run = scene.wait_run(case, "completed")
        assert (run["attempt"], run["lost"], run["fence"]) == (1, 0, 2)
        assert {each["attempt"] for each in scene.steps(run["id"])} == {1}
    assert scene.system["worker-1"].running
