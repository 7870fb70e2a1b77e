"""Celery: prefork, late acknowledgement; `revoke(terminate=True)` kills or signals the child.

A lost job comes again after the visibility timeout, an hour: it must be longer than the longest job.
"""

from __future__ import annotations

import os

from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_revoked

from benchmarks import record, work
from benchmarks.driver import serve

SIGNAL = os.environ.get("BENCH_CELERY_SIGNAL", "SIGTERM")
app = Celery("bench", broker=os.environ["BENCH_REDIS_URL"])
app.conf.update(
    task_acks_late=True, worker_prefetch_multiplier=1, task_ignore_result=True, worker_hijack_root_logger=False
)


@task_revoked.connect
def revoked(request, **_):
    """Runs in the worker's main process once the child was told to end."""
    if SIGNAL == "SIGTERM":
        record.end(request.id, "cancelled")


def job(body):
    def run(self, **arguments):
        try:
            body(self.request.id, **arguments)
        except SoftTimeLimitExceeded:
            record.end(self.request.id, "cancelled")
        else:
            record.end(self.request.id, "completed")

    return run


def _steps(id, slot, steps, seconds):
    for number in range(steps):
        record.step(id, number, work.step(slot, number, seconds))
    work.marks().done(slot)


def _loop(id, slot, **_):
    record.step(id, 0, work.loop(slot))


def _blocking(id, slot, **_):
    record.step(id, 0, work.blocking(slot))


KINDS = {kind: app.task(name=kind, bind=True)(job(body)) for kind, body in
         {"steps": _steps, "loop": _loop, "blocking": _blocking}.items()}  # fmt: skip


def submit(kind, jobs):
    return [KINDS[kind].apply_async(kwargs=each).id for each in jobs]


def cancel(id):
    app.control.revoke(id, terminate=True, signal=SIGNAL)


if __name__ == "__main__":
    serve(submit, cancel, cancel_many=cancel)  # `revoke` takes many ids, too
