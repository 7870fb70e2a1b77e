"""SAQ: asyncio; an abort cancels the job's task at its next await. Aborts are polled, each second by
default; every 20 ms stops sooner and costs much of the throughput, so that is another contender.

A lost job is found by its time limit alone: here twice its length and ten seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time

import psycopg
from saq import Queue, Worker

from benchmarks import work
from benchmarks.driver import serve

ABORT = float(os.environ.get("BENCH_SAQ_ABORT", 1))
queue = Queue.from_url(os.environ["BENCH_REDIS_URL"])
_free: list[psycopg.AsyncConnection] = []


async def _execute(sql, values):
    connection = _free.pop() if _free else await psycopg.AsyncConnection.connect(
        os.environ["BENCH_DATABASE_URL"], autocommit=True)  # fmt: skip
    await connection.execute(sql, values)
    _free.append(connection)


async def _end(id, status):
    await _execute("INSERT INTO bench_jobs VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET status = excluded.status",
                   [id, status])  # fmt: skip


async def _job(context, body):
    id = context["job"].id
    try:
        await body(id)
    except asyncio.CancelledError:
        await _end(id, "cancelled")
        raise
    await _end(id, "completed")


async def steps(context, *, slot, steps, seconds):
    async def body(id):
        for number in range(steps):
            work.marks().did(slot, number)
            if seconds:
                await asyncio.sleep(seconds)
                work.marks().did(slot, number)
            await _execute("INSERT INTO bench_steps (job, step, result) VALUES (%s, %s, %s)",
                           [id, number, json.dumps(number)])  # fmt: skip
        work.marks().done(slot)

    await _job(context, body)


async def loop(context, *, slot, steps, seconds):
    async def body(id):
        ends = time.monotonic() + work.LOOP_SECONDS
        while time.monotonic() < ends:
            work.marks().did(slot)
            await asyncio.sleep(0.01)

    await _job(context, body)


def drive():
    turn = asyncio.new_event_loop()
    threading.Thread(target=turn.run_forever, daemon=True).start()

    def wait(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, turn).result()

    async def submit(kind, jobs):
        return [(await queue.enqueue(kind, timeout=_limit(kind, **each), retries=3, **each)).id for each in jobs]

    async def cancel(id):
        job = await queue.job(id.rpartition(":")[2])
        await job.abort("asked")

    async def cancel_many(ids):
        await asyncio.gather(*map(cancel, ids))

    serve(lambda kind, jobs: wait(submit(kind, jobs)), lambda id: wait(cancel(id)),
          cancel_many=lambda ids: wait(cancel_many(ids)))  # fmt: skip


def _limit(kind, slot, steps, seconds):
    return round(10 + 2 * steps * seconds) if kind == "steps" else 0


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        asyncio.run(Worker(queue, [steps, loop], concurrency=8, timers={"abort": ABORT, "sweep": 2}).start())
    else:
        drive()
