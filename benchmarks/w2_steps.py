"""W2: jobs of five empty steps with durable results: how many a second, and how long one takes on an idle system."""

from __future__ import annotations

import random
import signal
import time
from typing import Any

from benchmarks.spread import Spread
from benchmarks.stage import Stage

STEPS = 5


def throughput(stage: Stage, count: int) -> dict[str, Any]:
    """All jobs are queued before one worker starts; from the first step's begin to the last job's return."""
    stage.stop_workers(signal.SIGTERM)
    jobs = stage.jobs(count, steps=STEPS, seconds=0)
    ids = stage.driver.ask("submit", "steps", jobs)["answer"]
    while stage.contender.queued and len(stage.shown("queued", ids)) < count:
        time.sleep(0.05)
    stage.start_worker()
    if not stage.wait(jobs, lambda mark: mark.done, 180):
        raise RuntimeError(f"{stage.contender.name} did not complete {count} jobs in 180 s")
    marks = [stage.marks[job["slot"]] for job in jobs]
    seconds = max(mark.done for mark in marks) - min(mark.began for mark in marks)
    return {"jobs/s": round(count / seconds, 1), "steps/s": round(count * STEPS / seconds, 1), "jobs": count}


def idle(stage: Stage, count: int) -> dict[str, Any]:
    """One job at a time on an idle system, from the call that submits it to `completed`."""
    took = []
    for _ in range(count):
        time.sleep(random.uniform(0.1, 0.3))
        jobs = stage.jobs(1, steps=STEPS, seconds=0)
        answer = stage.driver.ask("submit", "steps", jobs)
        while not stage.shown("completed", answer["answer"]):
            time.sleep(0.0005)
        took.append(time.monotonic() - answer["asked"])
    return Spread.of(took).milliseconds()
