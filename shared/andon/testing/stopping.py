"""Cancels that a test orders: seen by steps, and raised in code that runs."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from andon.engine.ports import Attempt
from andon.engine.stops import SIGNAL, Cause, Stop
from andon.testing.memory import MemoryJournal


class ManualCancelCheck:
    """A cancel flag that a test raises: by `cancel()`, or at check number `at_check` (from 1)."""

    def __init__(self, at_check: int | None = None) -> None:
        self.cancelled = False
        self.checks = 0
        self._at_check = at_check
        self._listeners: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Raise the flag; whoever listens hears it at once, as a worker does from its watcher."""
        self.cancelled = True
        for listener in self._listeners:
            listener()

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the flag is raised, or now if it is."""
        self._listeners.append(listener)
        if self.cancelled:
            listener()

    def is_cancelled(self) -> bool:
        """Whether the flag is up."""
        self.checks += 1
        if self.checks == self._at_check:
            self.cancelled = True
        return self.cancelled


class CancelCheckBelow(ManualCancelCheck):
    """The flag of a child: its own cancel leaves its parent alone, the parent's cancels it, too."""

    def __init__(self, above: ManualCancelCheck) -> None:
        super().__init__()
        self._above = above
        above.on_cancel(self.cancel)

    def is_cancelled(self) -> bool:
        """Whether either flag is up."""
        return self._above.is_cancelled() or super().is_cancelled()


@contextmanager
def stoppable(check: ManualCancelCheck, journal: MemoryJournal) -> Iterator[Stop]:
    """A stop that cancels and time-outs order, delivered by a signal where that is possible: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield _wired(Stop(), check, journal)
        return
    main = threading.get_ident()
    stop = Stop(lambda: signal.pthread_kill(main, SIGNAL))
    before = signal.signal(SIGNAL, lambda *_: stop.deliver())
    try:
        yield _wired(stop, check, journal)
    finally:
        if journal.watch is not None:
            journal.watch(None)
        signal.signal(SIGNAL, before)


def _wired(stop: Stop, check: ManualCancelCheck, journal: MemoryJournal) -> Stop:
    def order(cause: Cause) -> None:
        stop.order(cause)
        stop.nudge()

    timers: list[threading.Timer] = []

    def watch(attempt: Attempt | None) -> None:
        while timers:
            timers.pop().cancel()
        if attempt is not None and attempt.timeout is not None:
            timers.append(threading.Timer(attempt.timeout, order, [Cause.TIMEOUT]))
            timers[-1].daemon = True
            timers[-1].start()

    journal.watch = watch
    check.on_cancel(lambda: order(Cause.CANCELLED))
    return stop
