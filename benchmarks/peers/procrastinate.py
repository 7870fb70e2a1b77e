"""Procrastinate: jobs in Postgres; a job asks whether it should stop."""

from __future__ import annotations

import os
import sys
import time

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


@app.task(name="blocking", pass_context=True)
def blocking(context, slot, **_):
    work.blocking(slot)
    if context.should_abort():
        raise JobAborted


def main():
    if sys.argv[1:] == ["schema"]:
        with App(connector=SyncPsycopgConnector(conninfo=URL)).open() as opened:
            opened.schema_manager.apply_schema()
    elif sys.argv[1:] == ["worker"]:
        app.run_worker(concurrency=8)
    else:
        with app.replace_connector(SyncPsycopgConnector(conninfo=URL)) as client, client.open():
            serve(
                lambda kind, jobs: [str(id) for id in client.tasks[kind].batch_defer(*jobs)],
                lambda id: client.job_manager.cancel_job_by_id(int(id), abort=True),
            )


if __name__ == "__main__":
    main()
