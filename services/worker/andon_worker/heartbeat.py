"""The heartbeat: extends all leases in one statement, shows progress, and learns of cancels that Redis lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from psycopg import Error

from andon.adapters.postgres import runs
from andon.adapters.postgres.database import Database
from andon.engine.stops import Cause
from andon_worker.hosting import Hosted, Hosts

log = logging.getLogger(__name__)
SHOW_SECONDS = 0.25
STUCK_SECONDS = 10.0


class Heartbeat(threading.Thread):
    """Beats every `interval` seconds, and sooner for runs with something new to show."""

    def __init__(
        self,
        database: Database,
        hosts: Hosts,
        *,
        interval: float,
        lease: float,
        changed: Callable[[Sequence[Hosted]], None],
        stuck: Callable[[], None],
    ) -> None:
        super().__init__(daemon=True, name="andon-heartbeat")
        self._database = database
        self._hosts = hosts
        self._interval = interval
        self._lease = lease
        self._changed = changed
        self._stuck = stuck
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
            except Error as error:
                log.warning("heartbeat failed: %s", str(error).strip().split("\n")[0])
                self._database.drop()
                continue
            except Exception:
                log.exception("heartbeat failed")  # every run of this worker hangs on this thread: it must go on
                continue
            if full:
                due = time.monotonic() + self._interval
                self.last_beat = time.monotonic()
            self._look_for_stuck(everyone)

    def _beat(self, hosted: Sequence[Hosted]) -> None:
        if not hosted:
            return
        news = [each for each in hosted if each.changed]
        beats = [each.beat() for each in hosted]
        alive = {row.run_id: row for row in self._database.run(lambda c: runs.heartbeat(c, beats, lease=self._lease))}
        for each in hosted:
            if each.run.id not in alive:
                each.stop.set(Cause.LEASE_LOST)
            elif alive[each.run.id].cancelled:
                each.stop.set(Cause.CANCELLED)
        self._changed(news)

    def _look_for_stuck(self, hosted: Sequence[Hosted]) -> None:
        """A body that doesn't end although its run is lost can't be cured: the process drains and restarts."""
        for each in hosted:
            if each.stop.cause == Cause.LEASE_LOST and time.monotonic() - each.stop.set_at > STUCK_SECONDS:
                log.error("run %s is lost and its code doesn't stop: this worker drains and restarts", each.run.id)
                self._stuck()
                return
