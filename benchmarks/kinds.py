"""Kinds of work, Andon alone: from the cancel's POST to the code having stopped, and to `cancelled` in Postgres.

Code in a child process has stopped when the process is gone; a loop with its last turn; a query or a sleep when the
engine notes that the body has ended. A child that answers its SIGTERM has left the code before the process is gone, so
some go after `cancelled` was shown: they are counted.
"""

from __future__ import annotations

import os
import random
import select
import time
from typing import Any

from benchmarks.spread import Spread
from benchmarks.stage import Stage

AT_ONCE = {"sleep": 5, "sleep-here": 5, "query": 1, "product": 1, "busy": 1}
"""How many run at a time: one when it keeps a processor busy, so that Andon has the other."""
IN_PROCESS = ("sleep", "product")
NOTED = ("query", "sleep-here")
PATIENCE = 30.0
_STOPPED = """
SELECT extract(epoch FROM r.cancel_stopped_at) FROM andon.events e JOIN andon.runs r ON r.event_seq = e.seq
WHERE e.tenant = 'default' AND e.id = %s
"""


def measure(stage: Stage, kind: str, count: int) -> dict[str, Any]:
    """Cancel `count` runs, each 0.1 to 0.2 s after the one before; then see that the worker goes on."""
    stopped: list[float] = []
    cancelled: list[float] = []
    while len(cancelled) < count:
        jobs = stage.jobs(AT_ONCE[kind], steps=0, seconds=0)
        ids = stage.driver.ask("submit", kind, jobs)["answer"]
        if not stage.wait(jobs, lambda mark: mark.began, PATIENCE):
            raise RuntimeError(f"{kind} jobs don't start")
        stage.driver.ask("know", ids)
        for id, job in zip(ids, jobs, strict=True):
            time.sleep(random.uniform(0.1, 0.2))
            took = _cancel(stage, kind, id, job["slot"])
            stopped.append(took[0])
            cancelled.append(took[1])
    return {
        "stopped": Spread.of(stopped).milliseconds(),
        "cancelled": Spread.of(cancelled).milliseconds(),
        "gone after it was shown": sum(gone > shown for gone, shown in zip(stopped, cancelled, strict=True)),
        "at once": AT_ONCE[kind],
        "the worker goes on": _goes_on(stage),
    }


def _cancel(stage: Stage, kind: str, id: str, slot: int) -> tuple[float, float]:
    """Seconds from the POST until the code had stopped, and until the run showed it."""
    process = os.pidfd_open(int(stage.marks[slot].step)) if kind in IN_PROCESS else None
    poll = select.poll()
    if process is not None:
        poll.register(process, select.POLLIN)
    began = time.monotonic()
    gone = seen = 0.0
    stage.driver.send("cancel", id)
    while not (seen and (gone or process is None)):
        if process is not None and not gone and poll.poll(0):
            gone = time.monotonic()
        if not seen and stage.shown("cancelled", [id]):
            seen = time.monotonic()
        if time.monotonic() > began + PATIENCE:
            raise RuntimeError(f"a {kind} job did not stop within {PATIENCE:g} s")
        time.sleep(0.0005)
    asked: float = stage.driver.receive()["asked"]
    if process is not None:
        os.close(process)
    elif kind in NOTED:
        [(stopped_at,)] = stage.connection.execute(_STOPPED, [id]).fetchall()
        gone = float(stopped_at) - time.time() + time.monotonic()
    else:
        gone = stage.marks[slot].last
    return max(gone - asked, 0.0), seen - asked


def _goes_on(stage: Stage) -> bool:
    """Whether the same process executes as many runs at once as it has threads."""
    jobs = stage.jobs(8, steps=20, seconds=0.05)
    stage.driver.ask("submit", "steps", jobs)
    if not stage.wait(jobs, lambda mark: mark.done, PATIENCE):
        return False
    ran = [stage.marks[job["slot"]] for job in jobs]
    return max(mark.began for mark in ran) < min(mark.done for mark in ran) and stage.workers[0].poll() is None
