"""Runs that wait for what has come already: looked for once, and from then on in each batch."""

import time

from andon.adapters.postgres.events import arrivals
from andon_worker.dispatcher.duties.duty import Duty
from andon_worker.dispatcher.leader import TURN_SECONDS


class LookForArrivals(Duty):
    """Looks once for what runs that wait now want, the tenants' in turn."""

    name = "look"
    _looked = ""

    def act(self) -> None:
        until = time.monotonic() + TURN_SECONDS
        while time.monotonic() < until:
            # The next tenant has its turn also where this one's fails.
            tenant = arrivals.next_tenant(self._leader.connection(), after=self._looked)
            if tenant is None:
                return
            self._looked = tenant
            with self._leader.transaction() as connection:
                arrivals.look(connection, tenant)
        self._leader.look_again()
