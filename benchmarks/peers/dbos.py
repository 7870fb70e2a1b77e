"""DBOS: durable workflows in Postgres, at its best setting found: a queue of 8 that is polled every 20 ms.

Neither 32 at once, polls every 5 ms nor asynchronous steps were faster. The loop is a step that can be preempted.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

from dbos import DBOS, DBOSClient

from benchmarks import work
from benchmarks.driver import serve

URL = os.environ["BENCH_DATABASE_URL"]


@DBOS.step()
def step(slot, number, seconds):
    return work.step(slot, number, seconds)


@DBOS.step(preemptible=True)
async def loop_step(slot):
    ends = time.monotonic() + work.LOOP_SECONDS
    while time.monotonic() < ends:
        work.marks().did(slot)
        await asyncio.sleep(0.01)


@DBOS.workflow(name="steps")
def steps(slot, steps, seconds):
    for number in range(steps):
        step(slot, number, seconds)
    work.marks().done(slot)


@DBOS.workflow(name="loop")
async def loop(slot, steps, seconds):
    await loop_step(slot)


def worker():
    DBOS(config={"name": "bench", "system_database_url": URL, "application_version": "1", "executor_id": "local",
                 "run_admin_server": False, "log_level": "WARNING"})  # fmt: skip
    DBOS.launch()
    DBOS.register_queue("bench", worker_concurrency=8, polling_interval_sec=0.02)
    if sys.argv[1] == "worker":
        threading.Event().wait()
    os._exit(0)  # the schema stands


def drive():
    client = DBOSClient(system_database_url=URL)

    def submit(kind, jobs):
        options = {"queue_name": "bench", "workflow_name": kind, "app_version": "1"}
        return [client.enqueue(options, each["slot"], each["steps"], each["seconds"]).workflow_id for each in jobs]

    serve(submit, client.cancel_workflow, cancel_many=client.cancel_workflows)


if __name__ == "__main__":
    worker() if sys.argv[1:] else drive()
