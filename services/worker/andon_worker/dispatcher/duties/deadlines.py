"""What has its time: cancelled runs whose code must have stopped, and runs that must have begun or ended."""

import logging

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.duties import ending
from andon.adapters.postgres.runs.settle import Settled, settle_void
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.duties.ending import end_each

log = logging.getLogger(__name__)


class Overdue(Duty):
    """Settles by force the cancelled runs whose code has not stopped by their deadline."""

    name = "overdue"

    def act(self) -> None:
        self._leader.publish(settle_overdue(self._leader.connection()))


class Late(Duty):
    """Cancels runs that haven't started, or haven't ended, in time."""

    name = "late"

    def act(self) -> None:
        cancelling, settled = ending.cancel_late(self._leader.connection())
        if len(cancelling) + len(settled) >= ending.CHUNK:
            self._leader.look_again()
        self._leader.stop(cancelling)
        self._leader.publish(settled)


def settle_overdue(connection: Connection) -> list[Settled]:
    """Settle those, and say whose code hasn't stopped."""
    runs = ending.overdue(connection)
    for each in runs:
        id = str(each.run)
        log.error("run %s has not stopped by its cancel deadline: settled by force", id, extra={"run": id})
    return end_each(connection, runs, by=lambda ids: settle_void(connection, ids, forced=True))
