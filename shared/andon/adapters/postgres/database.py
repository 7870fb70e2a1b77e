"""One connection per thread, reconnected with jitter for as long as the database is away."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg

from andon.adapters.postgres.connect import Connection, connect

T = TypeVar("T")
log = logging.getLogger(__name__)
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.IdleInTransactionSessionTimeout)


class Database:
    """The engine's way to Postgres from many threads; no thread that can be interrupted may use it."""

    def __init__(self, url: str, *, name: str) -> None:
        self.url = url
        self._name = name
        self._local = threading.local()
        self._all: list[Connection] = []
        self._lock = threading.Lock()

    def connection(self) -> Connection:
        """This thread's connection; raises `psycopg.OperationalError` when the database is away."""
        current: Connection | None = getattr(self._local, "connection", None)
        if current is None or current.closed:
            current = connect(self.url, name=self._name)
            self._local.connection = current
            with self._lock:
                self._all = [c for c in self._all if not c.closed]
                self._all.append(current)
        return current

    def drop(self) -> None:
        """Close this thread's connection: it can't be trusted after an error of the wire."""
        current: Connection | None = getattr(self._local, "connection", None)
        self._local.connection = None
        if current is not None:
            current.close()

    def run(self, call: Callable[[Connection], T]) -> T:
        """`call` on this thread's connection; a lost connection is made anew, once, and then the error is raised.

        `call` may have committed although the connection broke: it must be harmless to repeat.
        """
        try:
            return call(self.connection())
        except AWAY as error:
            if _is_refusal(error):
                raise
            self.drop()
            return call(self.connection())

    def insist(self, call: Callable[[Connection], T], *, give_up: Callable[[], bool] = lambda: False) -> T:
        """`call` again and again until the database answers, or until `give_up()`; then the last error is raised."""
        pause = 0.05
        while True:
            try:
                return self.run(call)
            except AWAY as error:
                self.drop()
                if _is_refusal(error) or give_up():
                    raise
                log.warning("database away, trying again: %s", str(error).strip().split("\n")[0])
                time.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, 2.0)

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for each in self._all:
                each.close()
            self._all.clear()


def _is_refusal(error: psycopg.Error) -> bool:
    """Whether the server is there and said no (a lock time-out, a cancelled statement), so that waiting won't help."""
    state: Any = error.sqlstate
    return bool(state) and not state.startswith(("08", "57P", "53", "25P03"))
