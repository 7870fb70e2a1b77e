"""One connection per thread, reconnected with jitter for as long as the database is away.

What a thread that has ended leaves behind serves the next new one.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from andon.adapters.postgres.away import first_line, why_away
from andon.adapters.postgres.connect import Connection, connect

T = TypeVar("T")
log = logging.getLogger(__name__)


class _Kept:
    """A thread's connection; when the thread ends, it is left to the next one, unless something is amiss with it."""

    def __init__(self, connection: Connection, left: list[Connection]) -> None:
        self.connection = connection
        self._left = left

    def __del__(self) -> None:
        if self.connection.info.transaction_status == TransactionStatus.IDLE:
            self._left.append(self.connection)


class Database:
    """The engine's way to Postgres from many threads; no step's body may use it."""

    def __init__(self, url: str, *, name: str, lock_seconds: int = 0) -> None:
        """With `lock_seconds`, none of its statements waits longer for a lock; the server's setting holds without."""
        self.url = url
        self._name = name
        self._lock_seconds = lock_seconds
        self._local = threading.local()
        self._left: list[Connection] = []
        self._all: list[Connection] = []
        self._lock = threading.Lock()

    def connection(self) -> Connection:
        """This thread's connection; raises `psycopg.OperationalError` when the database is away."""
        kept: _Kept | None = getattr(self._local, "kept", None)
        if kept is None or kept.connection.closed:
            self._local.kept = kept = _Kept(self._left_behind() or self._new(), self._left)
        return kept.connection

    def _left_behind(self) -> Connection | None:
        with suppress(IndexError):
            while (connection := self._left.pop()).closed:
                pass
            return connection
        return None

    def _new(self) -> Connection:
        made = connect(self.url, name=self._name)
        if self._lock_seconds:
            made.execute("SELECT set_config('lock_timeout', %s, false)", [f"{self._lock_seconds}s"])
        with self._lock:
            self._all = [c for c in self._all if not c.closed]
            self._all.append(made)
        return made

    def drop(self) -> None:
        """Close this thread's connection: it can't be trusted after an error of the wire."""
        kept: _Kept | None = getattr(self._local, "kept", None)
        self._local.kept = None
        if kept is not None:
            kept.connection.close()

    def run(self, call: Callable[[Connection], T]) -> T:
        """`call` on this thread's connection; a lost connection is made anew, once, and then the error is raised.

        `call` may have committed although the connection broke: it must be harmless to repeat.
        """
        try:
            return call(self.connection())
        except psycopg.Error as error:
            if not self.mend(error):
                raise
            return call(self.connection())

    def mend(self, error: BaseException) -> bool:
        """Drop this thread's connection if, after this error, another may find a database that answers; tell so."""
        why = why_away(error)
        kept: _Kept | None = getattr(self._local, "kept", None)
        closed = kept is None or kept.connection.closed
        if why is None or not (why.reconnects or closed):
            return False
        self.drop()
        return True

    def insist(self, call: Callable[[Connection], T]) -> T:
        """`call` again and again while the database is away.

        Away is what `why_away` says: it doesn't answer, or it does and says no to everybody, as one does that is
        read-only or whose disk is full. An error because of what was asked for is raised at once.
        """
        pause = 0.05
        while True:
            try:
                return self.run(call)
            except psycopg.Error as error:
                self.mend(error)
                why = why_away(error)
                if why is None:
                    raise
                log.warning("postgres away, trying again: %s (%s)", why, first_line(error))
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, 2.0)

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for each in self._all:
                each.close()
            self._all.clear()
