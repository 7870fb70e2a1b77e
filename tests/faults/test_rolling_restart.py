"""Row 8 under load: every worker is told to stop and replaced, one after the other, while many runs go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.process import Process
from tests.support.scene import PATIENCE, Scene

WORKERS = 3
STEPS = 8
STEP_SECONDS = 0.2  # well within the grace: no body has to be interrupted
LEASE = 60.0  # nothing here may wait for one to run out
PAUSE = 10.0  # between two steps of a run; a busy machine's


def test_08_no_finished_step_is_repeated_and_no_run_lost_when_all_workers_are_replaced_under_load(
    stage: Stage,
) -> None:
    seconds = {"LEASE": str(LEASE), "STEP_GRACE": "5", "SHUTDOWN": "10"}
    scene = stage(workers=WORKERS, env={f"ANDON_{name}_SECONDS": value for name, value in seconds.items()})
    scene.wait_leader()
    with requesting(scene) as cases:
        for worker in scene.system.workers:
            wait_until(lambda: len(busy_workers(scene)) == WORKERS, PATIENCE, what="every worker has runs")
            assert worker.stop() == 0
            assert worker.pid not in busy_workers(scene)
            restart(worker)
    scene.wait_quiet()

    names = [f"step-{number}" for number in range(1, STEPS + 1)]
    handed_over = 0
    for case in cases:
        [run] = scene.runs(case)
        assert (run["status"], run["attempt"], run["lost"]) == ("completed", 1, 0), case
        assert scene.ledger.steps(case) == names, case
        assert run["fence"] <= 1 + WORKERS, "a run is handed over once by each worker that stops"
        assert longest_pause(scene, case) < PAUSE, case
        handed_over += run["fence"] > 1
    assert handed_over >= WORKERS, "the restarts met no run"


@contextmanager
def requesting(scene: Scene) -> Iterator[list[str]]:
    """Ask for walks at a steady pace for as long as the block lasts; yields the cases asked for so far."""
    cases: list[str] = []
    stop = threading.Event()
    plan = {f"step-{number}": {"seconds": STEP_SECONDS} for number in range(1, STEPS + 1)}

    def request() -> None:
        for number in count(1):
            cases.append(f"load-{number}")
            scene.request(cases[-1], steps=STEPS, plan=plan)
            if stop.wait(0.25):
                return

    thread = threading.Thread(target=request)
    thread.start()
    try:
        yield cases
    finally:
        stop.set()
        thread.join()


def restart(worker: Process) -> None:
    """Start it, and wait until it takes runs."""
    starts = worker.output.count("is ready")
    worker.start()
    wait_until(lambda: worker.output.count("is ready") > starts, PATIENCE, what=f"{worker.name} is ready")


def longest_pause(scene: Scene, case: str) -> float:
    """The longest time, in seconds, from one step's end to the next one's begin."""
    entries = scene.ledger.entries(case)
    return max(begin.at - end.at for end, begin in zip(entries[1::2], entries[2::2], strict=False))


def busy_workers(scene: Scene) -> set[int]:
    """The pids of the workers that hold a run now."""
    held = scene.rows("SELECT DISTINCT worker_id FROM andon.runs WHERE status = 'running'")
    return {int(row["worker_id"].split(":")[1]) for row in held}
