"""Doors: who can go is let in, what was lost is looked for, and what is paused is taken out of its line."""

import time

from andon.adapters.postgres.doors.pauses import Pauses
from andon.adapters.postgres.duties.look import Due
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.gatekeeper import Gatekeeper
from andon_worker.dispatcher.leader import TURN_SECONDS, Leader

QUEUES_SECONDS = 1.0
TAKE_OUT_SECONDS = 0.5


class OpenDoors(Duty):
    """Lets in who can go, for a part of the time: what comes in goes on between."""

    name = "gate"

    def __init__(self, leader: Leader, gatekeeper: Gatekeeper) -> None:
        super().__init__(leader)
        self._gatekeeper = gatekeeper
        self.wanted = False
        """Whether a batch has brought runs that stand at doors: the dispatcher then doesn't wait for its next look."""

    def is_due(self, due: Due) -> bool:
        return due.doors

    def act(self) -> None:
        self.wanted, more = False, True
        until = time.monotonic() + TURN_SECONDS
        while more and time.monotonic() < until:
            with self._leader.transaction() as connection:
                hints, more = self._gatekeeper.open(connection)
            self._leader.broker.hint(hints)
        if more:
            self._leader.look_again()


class LookAtQueues(OpenDoors):
    """Lets runs in to queues that have a door, as many as their workers can take."""

    name = "queues"
    _next_at = 0.0

    def is_due(self, due: Due) -> bool:
        return self._gatekeeper.minds_queues and time.monotonic() >= self._next_at

    def act(self) -> None:
        with self._leader.transaction() as connection:
            self._gatekeeper.look_at_queues(connection)
        self._next_at = time.monotonic() + QUEUES_SECONDS
        super().act()


class Reconcile(Duty):
    """Looks at doors that nobody holds a slot of."""

    name = "reconcile"

    def __init__(self, leader: Leader, gatekeeper: Gatekeeper) -> None:
        super().__init__(leader)
        self._gatekeeper = gatekeeper

    def is_due(self, due: Due) -> bool:
        return self._gatekeeper.wants_to_reconcile

    def act(self) -> None:
        with self._leader.transaction() as connection:
            self._gatekeeper.reconcile(connection)


class TakeOutPaused(Duty):
    """Takes runs out of lines whose function or queue is paused, and lets them go on when it isn't any more."""

    name = "pauses"

    def __init__(self, leader: Leader, pauses: Pauses) -> None:
        super().__init__(leader)
        self._pauses = pauses
        self._next_at = 0.0

    def is_due(self, due: Due) -> bool:
        return bool(self._pauses.over) or (bool(self._pauses) and time.monotonic() >= self._next_at)

    def act(self) -> None:
        if self._pauses.over:
            self._leader.look_again()
        with self._leader.transaction() as connection:
            more = self._pauses.take_out(connection)
        self._next_at = 0.0 if more else time.monotonic() + TAKE_OUT_SECONDS
