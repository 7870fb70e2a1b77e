"""W4: the worker is killed at step 30 of 60. From which step does the job go on, and after how long?"""

from __future__ import annotations

import signal
import time
from typing import Any

from benchmarks.stage import Stage

AT_STEP = 30
PATIENCE = 45.0


def measure(stage: Stage, *, restart: bool) -> dict[str, Any]:
    """Kill -9; then start the worker again at once, or rely on a second one that was running already."""
    if not restart:
        stage.start_worker()
        time.sleep(3)
    [job] = jobs = stage.jobs(1, steps=60, seconds=0.05)
    stage.driver.ask("submit", "steps", jobs)
    if not stage.wait(jobs, lambda mark: mark.step >= AT_STEP, 60):
        raise RuntimeError(f"{stage.contender.name}: the job did not get to step {AT_STEP}")
    first = stage.workers[0]
    if not restart:
        first = _holder(stage)
    stage.kill_worker(first)
    killed, before = time.monotonic(), stage.marks[job["slot"]]
    if restart:
        stage.start_worker()
    while time.monotonic() < killed + PATIENCE:
        mark = stage.marks[job["slot"]]
        if mark.last > killed + 0.001 and mark.last != before.last:
            return {
                "killed in step": int(before.step),
                "goes on at": int(mark.step),
                "after s": round(mark.last - killed, 2),
            }
        time.sleep(0.005)
    return {"killed in step": int(before.step), "goes on at": None, "after s": None, "waited s": PATIENCE}


def _holder(stage: Stage) -> Any:
    """The process that runs the job: the one that, when it stands still, makes the job stand still."""
    for process in stage.workers:
        stage.signal_worker(process, signal.SIGSTOP)
        time.sleep(0.15)
        last = [mark.last for mark in (stage.marks[slot] for slot in range(stage.slots))]
        time.sleep(0.2)
        still = last == [mark.last for mark in (stage.marks[slot] for slot in range(stage.slots))]
        stage.signal_worker(process, signal.SIGCONT)
        if still:
            return process
    raise RuntimeError("no worker seems to run the job")
