"""Queued runs take their places in lines, and workers are told of them."""

import time

from andon.adapters.postgres.doors import turns
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.duties.look import Due
from andon.engine.dispatch.lines import lines_of
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.leader import Leader

FLOORS_SECONDS = 1.0
LOST_SECONDS = 5.0


class Wake(Duty):
    """Queues the waiting runs whose time has come; now and then the lines' floors follow, whether or not any has."""

    name = "wake"
    _floors_at = 0.0

    def is_due(self, due: Due) -> bool:
        return due.wake or due.look or time.monotonic() >= self._floors_at

    def act(self) -> None:
        with self._leader.transaction() as connection:
            turns.raise_floors(connection)
            self._floors_at = time.monotonic() + FLOORS_SECONDS
            hints = hinted.wake(connection)
        self._leader.hint(hints)


class Unsent(Duty):
    """Hints queued runs of which nobody was told yet: also those that duties before it have queued."""

    name = "unsent"

    def is_due(self, due: Due) -> bool:
        return due.unsent or due.reclaim or due.overdue or due.subject_doors

    def act(self) -> None:
        with self._leader.transaction() as connection:
            turns.raise_floors(connection)
            hints = hinted.unsent(connection)
        self._leader.hint(hints)


class HintAgain(Duty):
    """Hints again what lies in queues without a hint. It may take a look at every queued run: among a million that is
    a third of a second, so it gets a twentieth of the time.
    """

    name = "lost hints"

    def __init__(self, leader: Leader) -> None:
        super().__init__(leader)
        self._next_at = 0.0
        self._queues = lines_of(leader.registry.queues())

    def is_due(self, due: Due) -> bool:
        return due.hints_lost and time.monotonic() >= self._next_at

    def act(self) -> None:
        began = time.monotonic()
        if idle := self._leader.broker.idle(self._queues):
            self._leader.broker.hint(hinted.lost(self._leader.connection(), LOST_SECONDS, idle))
        now = time.monotonic()
        self._next_at = now + 19 * (now - began)
