"""Why a run must stop now, and the thread that makes its code do so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from typing import Protocol

REPEAT_SECONDS = 0.02


class Cause(IntEnum):
    """Why a run's code is stopped. A larger one replaces a smaller."""

    HAND_OVER = 1
    CANCELLED = 2
    LEASE_LOST = 3


class Interruptible(Protocol):
    """What can be ended from outside: a body in a thread, a child process, a query."""

    deadline: float | None

    @property
    def ended(self) -> bool:
        """Whether there is nothing left to interrupt."""
        ...

    @property
    def is_prompt(self) -> bool:
        """Whether `interrupt` returns at once: then who orders the stop calls it, too, and wakes nobody for it."""
        ...

    def interrupt(self) -> None:
        """End it. Called again until it has ended."""
        ...


class StopSignal:
    """One run's order to stop. It is set from any thread and read by the run's own."""

    def __init__(self, notify: Callable[[], None]) -> None:
        self._notify = notify
        self.cause: Cause | None = None
        self.set_at = 0.0
        self.hurry = True
        self.target: Interruptible | None = None
        self.timed_out: Interruptible | None = None

    def set(self, cause: Cause, *, hurry: bool = True) -> None:
        """Order the stop; with `hurry` a running body is interrupted, else it may reach its boundary."""
        if self.cause is None or cause > self.cause:
            self.set_at = time.monotonic()
            self.cause = cause
            self.hurry = hurry
        elif hurry:
            self.hurry = True
        target = self.due(time.monotonic())
        if target is not None and target.is_prompt:
            target.interrupt()
        self._notify()

    def watch(self, target: Interruptible | None) -> None:
        """From now on `target` is what a stop, or its own deadline, has to end."""
        if target is not None:
            self.timed_out = None
        self.target = target
        if target is not None and (target.deadline is not None or self.cause is not None):
            self._notify()

    def due(self, now: float) -> Interruptible | None:
        """The body that must be interrupted now, if any."""
        target = self.target
        if target is None or target.ended:
            return None
        if self.cause is not None and self.hurry:
            return target
        if target.deadline is not None and now >= target.deadline:
            self.timed_out = target
            return target
        return None


class Interrupter(threading.Thread):
    """Interrupts what is due, and again until it has ended: one interrupt can be swallowed, or come too early."""

    def __init__(self, signals: Callable[[], list[StopSignal]]) -> None:
        super().__init__(daemon=True, name="andon-interrupter")
        self._signals = signals
        self._wake = threading.Event()
        self._closed = False

    def notify(self) -> None:
        """Look again now."""
        self._wake.set()

    def close(self) -> None:
        """Stop the thread."""
        self._closed = True
        self._wake.set()

    def run(self) -> None:
        """Interrupt what is due until closed."""
        while not self._closed:
            self._wake.clear()
            self._wake.wait(self._interrupt_due())

    def _interrupt_due(self) -> float | None:
        """Interrupt once; return how long to wait before the next look, or None for as long as nothing changes."""
        wait: float | None = None
        now = time.monotonic()
        for signal in self._signals():
            if (target := signal.due(now)) is not None:
                with suppress(Exception):  # a server that can't be asked must not end this thread; it asks again
                    target.interrupt()
                wait = REPEAT_SECONDS if wait is None else min(wait, REPEAT_SECONDS)
            elif (target := signal.target) is not None and target.deadline is not None and not target.ended:
                remaining = max(target.deadline - now, 0.001)
                wait = remaining if wait is None else min(wait, remaining)
        return wait
