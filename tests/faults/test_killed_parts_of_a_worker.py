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
from tests.polling import wait_until


def gone(pids: list[int]) -> bool:
    """Whether none of these processes runs any more."""
    return not any(map(lives, pids))


@pytest.mark.promise
def test_35_whoever_of_a_worker_is_killed_nothing_of_its_runs_lives_on(stage: Stage) -> None:
    scene = stage(workers=2, env=FUNCTIONS)
    for number, whom in enumerate(("lane", "nursery", "supervisor")):
        case = f"hold-{number}"
        scene.xadd("lane/hold", {"case": case})
        scene.wait_step(case, "hold")
        pids = [int(pid) for pid in scene.ledger.steps(f"{case}.pids")]
        lane = scene.ledger.begins(case, "hold")[0].pid
        nursery = parents()[lane]
        os.kill({"lane": lane, "nursery": nursery, "supervisor": parents()[nursery]}[whom], signal.SIGKILL)
        wait_until(partial(gone, [*pids, lane]), what=f"the end of all after {whom}")
        scene.wait_step(case, "hold", times=2)
        scene.post("lane/hold.cancelled", {"case": case})
        assert scene.wait_run(case)["status"] == "cancelled"
