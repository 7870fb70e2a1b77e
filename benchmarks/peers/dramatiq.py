"""Dramatiq with dramatiq-abort: an asynchronous exception in the worker's thread. Nothing durable but the INSERTs.

A lost worker is looked for more often than by default: silent for 6 s, with one command in ten.
"""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq_abort import Abort, Abortable, abort, backends

from benchmarks import record, work
from benchmarks.driver import serve

broker = RedisBroker(url=os.environ["BENCH_REDIS_URL"], heartbeat_timeout=6000, maintenance_chance=100_000)
broker.add_middleware(dramatiq.middleware.CurrentMessage())
broker.add_middleware(Abortable(backend=backends.RedisBackend.from_url(os.environ["BENCH_REDIS_URL"])))
dramatiq.set_broker(broker)


def job(body):
    def run(slot, steps, seconds):
        id = dramatiq.middleware.CurrentMessage.get_current_message().message_id
        try:
            body(id, slot, steps, seconds)
        except Abort:
            record.end(id, "cancelled")
        else:
            record.end(id, "completed")

    return run


def _steps(id, slot, steps, seconds):
    for number in range(steps):
        record.step(id, number, work.step(slot, number, seconds))
    work.marks().done(slot)


def _loop(id, slot, *_):
    record.step(id, 0, work.loop(slot))


def _blocking(id, slot, *_):
    record.step(id, 0, work.blocking(slot))


KINDS = {kind: dramatiq.actor(job(body), actor_name=kind, max_retries=0) for kind, body in
         {"steps": _steps, "loop": _loop, "blocking": _blocking}.items()}  # fmt: skip


def submit(kind, jobs):
    return [KINDS[kind].send(**each).message_id for each in jobs]


if __name__ == "__main__":
    serve(submit, abort)
