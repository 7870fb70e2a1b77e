"""Procrastinate: jobs in Postgres; a job asks whether it should stop.

Jobs of lost workers are retried by a periodic task, as its documentation tells: here every 2 s, of workers that were
silent for 6 s.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import JobAborted

from benchmarks import record, work
from benchmarks.driver import serve

URL = os.environ["BENCH_DATABASE_URL"]
app = App(connector=PsycopgConnector(conninfo=URL, max_size=12))


@app.task(name="steps", pass_context=True)
def steps(context, slot, steps, seconds):
    for number in range(steps):
        if context.should_abort():
            raise JobAborted
        record.step(str(context.job.id), number, work.step(slot, number, seconds))
    work.marks().done(slot)


@app.task(name="loop", pass_context=True)
def loop(context, slot, **_):
    ends = time.monotonic() + work.LOOP_SECONDS
    while time.monotonic() < ends:
        if context.should_abort():
            raise JobAborted
        work.marks().did(slot)
        time.sleep(0.01)


@app.periodic(cron="*/2 * * * * *")
@app.task(name="retry-stalled", queueing_lock="retry-stalled", pass_context=True)
async def retry_stalled(context, timestamp):
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=6):
        await app.job_manager.retry_job(job)


async def work_on():
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(8))  # by default six on two processors
    async with app.open_async():
        await app.run_worker_async(concurrency=8, update_heartbeat_interval=1.5, stalled_worker_timeout=6)


def main():
    if sys.argv[1:] == ["schema"]:
        with App(connector=SyncPsycopgConnector(conninfo=URL)).open() as opened:
            opened.schema_manager.apply_schema()
    elif sys.argv[1:] == ["worker"]:
        asyncio.run(work_on())
    else:
        with app.replace_connector(SyncPsycopgConnector(conninfo=URL)) as client, client.open():
            serve(
                lambda kind, jobs: [str(id) for id in client.tasks[kind].batch_defer(*jobs)],
                lambda id: client.job_manager.cancel_job_by_id(int(id), abort=True),
            )


if __name__ == "__main__":
    main()
