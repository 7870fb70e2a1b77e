"""Ends of runs that no worker tells: of those whose worker is lost, and how many are settled at once."""

import json
import logging
import time
from collections.abc import Sequence

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.duties import ending
from andon.adapters.postgres.duties.ending import Expired, Locked
from andon.adapters.postgres.duties.hinted import ALONE_FROM
from andon.adapters.postgres.duties.look import Due
from andon.adapters.postgres.runs import awaiting_children
from andon.adapters.postgres.runs.settle import Settled, settle_void
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.halving import halving

log = logging.getLogger(__name__)


class Reclaim(Duty):
    """Takes back runs of lost workers. Who begins to lead waits for a lease: till then heartbeats may have failed."""

    name = "reclaim"

    def is_due(self, due: Due) -> bool:
        return due.reclaim and time.monotonic() - self._leader.since >= self._leader.settings.lease_seconds

    def act(self) -> None:
        self._leader.publish(reclaim(self._leader.connection(), self._leader.settings.lost_worker_limit))


class EndOutlived(Duty):
    """Settles cancelled runs that had to wait for their children's ends."""

    name = "outlived"

    def act(self) -> None:
        self._leader.publish(outlived(self._leader.connection()))


def outlived(connection: Connection) -> list[Settled]:
    """Settle those whose children have ended."""
    runs = [Locked(*row) for row in awaiting_children.over(connection)]
    return end_each(connection, runs, by=lambda ids: awaiting_children.settle(connection, ids))


def reclaim(connection: Connection, lost_limit: int) -> list[Settled]:
    """Take back runs whose worker's lease ran out: queue them again, or settle them.

    A run whose cancel is pending is cancelled: its body has no lease any more. One that has lost `lost_limit`
    workers without finishing another step has failed; never before it was tried alone.
    """
    lost_limit = max(lost_limit, ALONE_FROM + 1)
    runs = ending.expired(connection)
    counted = [(each, each.lost + 1 if each.lost_step == each.step else 1) for each in runs if not each.cancelled]
    again = [(each.locked.run, count, each.step) for each, count in counted if count < lost_limit]
    for id in ending.requeue(connection, again):
        log.warning("run %s lost its worker and is queued again", id, extra={"run": str(id)})
    cancelled = [each.locked for each in runs if each.cancelled]
    awaiting_children.take_back(connection, [each.run for each in cancelled])
    settled = end_each(connection, cancelled, by=lambda ids: settle_void(connection, ids, forced=False))
    for each, count in counted:
        if count >= lost_limit:
            settled += _give_up(connection, each, lost_limit)
    return settled


def _give_up(connection: Connection, run: Expired, lost_limit: int) -> list[Settled]:
    where = f"after step {run.step!r}" if run.step else "before its first step was finished"
    if run.current is not None and run.current != run.step:
        where = f"in step {run.current!r}"
    message = f"{lost_limit} workers were lost while executing this run {where}"
    log.error("run %s: %s", run.locked.run, message, extra={"run": str(run.locked.run)})
    error = json.dumps({"type": "WorkerLost", "message": message, "step": run.current})
    return end_each(connection, [run.locked], by=lambda ids: settle_void(connection, ids, forced=False, error=error))


def end_each(connection: Connection, runs: Sequence[Locked], *, by: ending.By) -> list[Settled]:
    """Settle these `by` a verb; one whose data keep it from being settled keeps no other."""
    settled: list[Settled] = []

    def tell(run: Locked, failure: Exception) -> None:
        log.error("run %s can't be settled", run.run, exc_info=failure, extra={"run": str(run.run)})

    halving(runs, lambda some: settled.extend(ending.end(connection, some, by)), tell)
    return settled
