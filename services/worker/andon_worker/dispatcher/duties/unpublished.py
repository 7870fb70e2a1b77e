"""What is true and was told nobody: events that lie open in the outbox, and ends of runs that many have come to."""

import logging
import time
from collections.abc import Sequence

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.duties.look import Due
from andon.adapters.postgres.events import dead_events, inbox
from andon.adapters.postgres.runs.settle import make_ends
from andon.adapters.redis import bus
from andon.adapters.redis.sending import Command, send
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.halving import halving
from andon_worker.dispatcher.intake import Intake
from andon_worker.dispatcher.leader import TURN_SECONDS, Leader

log = logging.getLogger(__name__)
RELAY_SECONDS = 1.0
RELAY_CHUNK = 2_000
SWEEP_FIRST_SECONDS = 1.0
RELAYED_AT_ONCE = 20  # each may be as large as an event may be


class MakeEnds(Duty):
    """Makes the events of runs that were swept, for a part of the time: what comes in goes on between.

    A sweep that isn't through comes first: it is what keeps runs from starting.
    """

    name = "tell"
    told_at = float("-inf")

    def is_due(self, due: Due) -> bool:
        return due.tell and (not due.sweep or time.monotonic() - self.told_at >= SWEEP_FIRST_SECONDS)

    def act(self) -> None:
        self.told_at = time.monotonic()
        until = time.monotonic() + TURN_SECONDS
        while settled := make_ends(self._leader.connection()):
            self._leader.publish(settled)
            if time.monotonic() >= until:
                self._leader.look_again()
                return


class Overtake(Duty):
    """While the bus is longer than is read ahead, takes accepted events of tenants that have little on it from the
    outbox: what they added to the bus has no effect then.
    """

    name = "overtake"

    def __init__(self, leader: Leader, intake: Intake) -> None:
        super().__init__(leader)
        self._intake = intake

    def is_due(self, due: Due) -> bool:
        return self._intake.behind

    def act(self) -> None:
        self._intake.overtake()


class Relay(Duty):
    """Publishes what lies open in the outbox and can't be on the bus: what was published before the entries that nobody
    has handled. What was published later may be there, and published again it would make a backlog longer.
    """

    name = "relay"

    def __init__(self, leader: Leader, intake: Intake) -> None:
        super().__init__(leader)
        self._intake = intake
        self._look_at = 0.0

    def is_due(self, due: Due) -> bool:
        return due.relay and time.monotonic() >= self._look_at

    def act(self) -> None:
        began = time.monotonic()
        seqs = self._lost()
        if not seqs:  # to look through a backlog takes long
            self._look_at = time.monotonic() + 9 * (time.monotonic() - began)
        until = time.monotonic() + TURN_SECONDS
        for start in range(0, len(seqs), RELAYED_AT_ONCE):
            self._publish(self._leader.connection(), seqs[start : start + RELAYED_AT_ONCE])
            if time.monotonic() >= until:
                self._leader.look_again()
                return

    def _lost(self) -> list[int]:
        """The seqs of some events that are open and not on the bus."""
        unread, held = self._intake.unhandled()
        connection = self._leader.connection()
        return inbox.find_open(connection, older_than=RELAY_SECONDS + unread, held=held, limit=RELAY_CHUNK)

    def _publish(self, connection: Connection, seqs: Sequence[int]) -> None:
        commands: list[Command] = []
        halving(
            seqs,
            lambda some: commands.extend(bus.publishing(inbox.send_open(connection, some))),
            lambda seq, error: self._bury(connection, seq, error),
        )
        send(self._leader.redis, commands)

    def _bury(self, connection: Connection, seq: int, error: Exception) -> None:
        """An event of the outbox that can't be published is kept with the reason, and its row closed."""
        log.error("event %d of the outbox can't be published and is dead", seq, exc_info=error)
        self._leader.metrics.failed("relay")
        dead_events.bury_open(connection, seq, f"it can't be published: {type(error).__name__}: {first_line(error)}")
