"""Cancels that reach many runs: each is applied a chunk at a time, for as long as one turn may take."""

import time

from andon.adapters.postgres.cancels import cascades, paused, wide
from andon.adapters.redis import flags
from andon.engine.declared.rules import run_flag
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.leader import TURN_SECONDS


class Sweep(Duty):
    """Applies open wide cancels, the tenants' in turn."""

    name = "sweep"
    _swept = ""

    def act(self) -> None:
        until = time.monotonic() + TURN_SECONDS
        while time.monotonic() < until:
            # The next tenant has its turn also where this one's fails.
            after, self._swept = self._swept, wide.next_tenant(self._leader.connection(), after=self._swept)
            with self._leader.transaction() as connection:
                swept = wide.sweep(connection, after=after)
            if swept is None:
                return
            self._leader.look_again()
            self._leader.metrics.failed_evaluations(swept.failed)
            flags.raise_flags(self._leader.redis, {run_flag(id): seq for id, seq in swept.cancelling.items()})
            self._leader.publish(swept.settled)


class CancelPaused(Duty):
    """Cancels what has started and is paused, where the pause says so, some at a time."""

    name = "cancel paused"

    def act(self) -> None:
        with self._leader.transaction() as connection:
            (cancelling, settled), more = paused.cancel_started(connection)
        if more:
            self._leader.look_again()
        self._leader.stop(cancelling)
        self._leader.publish(settled)


class Cascade(Duty):
    """Cancels the children of what was cancelled, level by level."""

    name = "cascade"

    def act(self) -> None:
        until, more = time.monotonic() + TURN_SECONDS, True
        while more and time.monotonic() < until:
            with self._leader.transaction() as connection:
                cancelling, settled, more = cascades.cascade(connection)
            self._leader.stop(cancelling)
            self._leader.publish(settled)
        if more:
            self._leader.look_again()
