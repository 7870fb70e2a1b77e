"""Runs that wait for what has come already: looked for once, and from then on in each batch."""

from __future__ import annotations

import time

from andon.adapters.postgres.events import arrivals
from andon.adapters.postgres.upkeep.look import Due
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.leader import TURN_SECONDS


class LookForArrivals(Duty):
    """Looks once for what runs that wait now want."""

    name = "look"

    def is_due(self, due: Due) -> bool:
        return due.look

    def act(self) -> None:
        until, more = time.monotonic() + TURN_SECONDS, True
        while more and time.monotonic() < until:
            with self._leader.transaction() as connection:
                more, _ = arrivals.look(connection)
        if more:
            self._leader.look_again()
