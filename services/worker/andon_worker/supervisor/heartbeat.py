"""The heartbeat: extends all leases in one statement, shows progress, and learns of cancels that Redis lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from psycopg import Error

from andon.adapters.postgres import workers
from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.runs import cleanups, journal, leases
from andon.adapters.postgres.workers import Present
from andon.engine.stops import Cause
from andon_worker.supervisor.hosting.hosts import Hosts, Run

log = logging.getLogger(__name__)
SHOW_SECONDS = 0.25


class Heartbeat(threading.Thread):
    """Beats every `interval` seconds, and sooner for runs with something new to show."""

    def __init__(
        self,
        database: Database,
        hosts: Hosts,
        *,
        interval: float,
        lease: float,
        changed: Callable[[Sequence[Run]], None],
        stop: Callable[[Run, Cause], None],
        present: Callable[[], Present],
    ) -> None:
        """`present` is what people are shown of this worker."""
        super().__init__(daemon=True, name="andon-heartbeat")
        self._database = database
        self._hosts = hosts
        self._interval = interval
        self._lease = lease
        self._changed = changed
        self._stop_run = stop
        self._present = present
        self._now = threading.Event()
        self._closed = False
        self.last_beat = self.last_turn = time.monotonic()

    def beat_now(self) -> None:
        """Don't wait for the interval: a push may have been lost."""
        self._now.set()

    def close(self) -> None:
        """Stop beating."""
        self._closed = True
        self._now.set()

    def run(self) -> None:
        """Beat until closed; an outage is waited for, the runs go on meanwhile."""
        due = 0.0
        while not self._closed:
            asked = self._now.wait(SHOW_SECONDS)
            self._now.clear()
            self.last_turn = time.monotonic()  # also while the database is away: then the thread works
            everyone = self._hosts.all()
            full = asked or time.monotonic() >= due
            try:
                self._beat(everyone if full else [each for each in everyone if each.changed])
                if full:
                    self._database.run(lambda connection: workers.seen(connection, self._present()))
            except Error as error:
                log.warning("heartbeat failed: %s", first_line(error))
                self._database.drop()
                continue
            except Exception:
                log.exception("heartbeat failed")  # every run of this worker hangs on this thread: it must go on
                continue
            if full:
                due = time.monotonic() + self._interval
                self.last_beat = time.monotonic()
        with suppress(Error):
            self._database.run(lambda connection: workers.gone(connection, self._present().id))

    def _beat(self, hosted: Sequence[Run]) -> None:
        if lingering := self._hosts.lingering():
            self._hold_back(lingering)
        if not hosted:
            return
        news = [each for each in hosted if each.changed]
        beats = [each.beat() for each in hosted]
        alive = {row.run_id: row for row in self._database.run(lambda c: leases.heartbeat(c, beats, lease=self._lease))}
        for each in hosted:
            if each.id in alive:
                each.paused = alive[each.id].paused
                if alive[each.id].cancelled:
                    self._stop_run(each, Cause.CANCELLED)
        self._look_at([each for each in hosted if each.id not in alive])
        self._changed(news)

    def _look_at(self, missing: Sequence[Run]) -> None:
        """These leases were not extended: they are lost, or somebody locks the rows, and nobody else can take them."""
        if not missing:
            return
        holdings = {each.holding for each in missing}
        found = self._database.run(lambda connection: journal.standings(connection, holdings))
        self._hold_back([each for each in missing if found.get(each.holding, "lost") == "lost"])
        for each in missing:
            match found.get(each.holding, "lost"):
                case "lost":
                    self._stop_run(each, Cause.LEASE_LOST)
                case "cancelled":
                    self._stop_run(each, Cause.CANCELLED)

    def _hold_back(self, lost: Sequence[Run]) -> None:
        """Their code still runs here: what cleans up after it waits."""
        if lost:
            holdings = [each.holding for each in lost]
            self._database.run(lambda connection: cleanups.hold_back(connection, holdings, self._lease))
