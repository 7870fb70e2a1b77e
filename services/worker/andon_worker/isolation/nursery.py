"""The children that wait for work, and the one thread that starts and buries them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from andon.engine.errors import AndonError
from andon_worker.isolation.children import Child

REAP_SECONDS = 0.05
BACK_OFF_SECONDS = 1.0


class Nursery:
    """Keeps `spares` warm children, makes more when they are taken, lets surplus ones go after `linger` seconds."""

    def __init__(self, preload: Sequence[str], spares: int, linger: float) -> None:
        self._preload = tuple(preload)
        self._spares = spares
        self._linger = linger
        self._changed = threading.Condition()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._leaving: list[Child] = []
        self._takers = 0
        self._failure: OSError | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._tend, daemon=True, name="andon-isolation")
        self._thread.start()

    def take(self) -> Child:
        """A child of the caller's own until it is given back or discarded; the one used last, if any."""
        with self._changed:
            self._takers += 1
            self._changed.notify_all()
            try:
                while True:
                    if self._closed:
                        raise AndonError("this worker's isolation is closed")
                    if (child := self._next()) is not None:
                        self._busy.add(child)
                        return child
                    if self._failure is not None:
                        raise self._failure
                    self._changed.wait()
            finally:
                self._takers -= 1
                self._changed.notify_all()

    def _next(self) -> Child | None:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            self._leaving.append(child)
        return None

    def give_back(self, child: Child) -> None:
        """The call has ended cleanly: the child can serve another."""
        with self._changed:
            self._busy.discard(child)
            child.idle_since = time.monotonic()
            self._idle.append(child)
            self._changed.notify_all()

    def discard(self, child: Child) -> None:
        """The call was ended, or the child has died: its whole group goes."""
        child.kill()
        with self._changed:
            self._busy.discard(child)
            self._leaving.append(child)
            self._changed.notify_all()

    def close(self) -> None:
        """End every child, working or not, and the thread."""
        with self._changed:
            self._closed = True
            for child in self._busy:
                child.kill()
            self._changed.notify_all()
        self._thread.join()

    def _tend(self) -> None:
        with self._changed:
            while not self._closed or self._idle or self._busy or self._leaving:
                self._let_go()
                self._leaving = [child for child in self._leaving if not child.reap()]
                if not self._closed and len(self._idle) < self._spares + self._takers:
                    self._start()
                else:
                    self._changed.wait(self._pause())

    def _start(self) -> None:
        self._changed.release()
        try:
            child, failure = Child(self._preload), None
        except OSError as error:
            child, failure = None, error
        finally:
            self._changed.acquire()
        self._failure = failure
        if child is not None:
            child.idle_since = time.monotonic()
            self._idle.insert(0, child)
        self._changed.notify_all()
        if failure is not None:
            self._changed.wait(BACK_OFF_SECONDS)

    def _let_go(self) -> None:
        """Dismiss those that nobody has needed for a while; all of them at the end."""
        oldest_wanted = time.monotonic() - self._linger
        surplus = len(self._idle) - (0 if self._closed else self._spares)
        for child in self._idle[: max(surplus, 0)]:
            if self._closed or child.idle_since < oldest_wanted:
                self._idle.remove(child)
                self._leaving.append(child)
                child.dismiss()

    def _pause(self) -> float | None:
        if self._leaving or self._closed:
            return REAP_SECONDS
        surplus = len(self._idle) > self._spares
        return max(self._linger, REAP_SECONDS) if surplus else None
