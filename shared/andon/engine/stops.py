"""A run's order to stop, and how its code feels it.

The order may come from any thread or a signal handler; it is *delivered* in the code's own thread, by a signal handler
there. It raises once, and only while user code runs: never in the middle of what the engine says to the supervisor,
and not again in a `finally`. A body gets `Interrupted`, the handler's own code `Cancelled`. Whoever runs the code
never uses its process again after that (see `docs/decisions/`): an exception out of a signal handler can land anywhere.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, IntEnum, auto
from typing import Any

from andon.engine.errors import Cancelled, HandOver, Interrupted, LeaseLost

REPEAT_SECONDS = 0.02
SIGNAL = signal.SIGURG
"""Says "look" to the code's thread. None that libraries use, and ignored by default: a program that a step starts, or a
process that is just being born, doesn't feel it."""


class Cause(IntEnum):
    """Why a run's code is stopped. A larger one replaces a smaller."""

    HAND_OVER = 1
    TIMEOUT = 2
    CANCELLED = 3
    LEASE_LOST = 4


class Place(Enum):
    """Whose code runs now."""

    ENGINE = auto()
    HANDLER = auto()
    BODY = auto()


class Stop:
    """The order of one run. `nudge` makes the code's own thread call `deliver` soon, from whatever thread it is called.

    Where there is nothing to nudge with (a run in another thread than the main one), the code learns of the order at
    its next step or `check`.
    """

    def __init__(self, nudge: Callable[[], None] = lambda: None) -> None:
        self.cause: Cause | None = None
        self.place = Place.ENGINE
        self._task: asyncio.Task[Any] | None = None
        self.nudge = nudge
        self._asked = False
        self._delivered = False
        self._callbacks: list[Callable[[], object]] = []

    def order(self, cause: Cause) -> None:
        """Order the stop; says nothing to the code yet."""
        if self.cause is None or cause > self.cause:
            self.cause = cause

    def deliver(self, *, last: bool = False) -> None:
        """In the code's thread: raise what was ordered, once. All but the `last` call let it end politely."""
        if self.cause is None or self._delivered or self.place is Place.ENGINE:
            return
        if not last and self._ends_politely():
            return
        self._delivered = True
        raise self.exception()

    def _ends_politely(self) -> bool:
        if self._task is not None and not self._asked:
            self._asked = True
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)
        return self._task is not None or bool(self._callbacks)

    def exception(self, step: str | None = None) -> BaseException:
        """What the order means where the code is now."""
        if self.place is Place.BODY:
            return Interrupted()
        match self.cause:
            case Cause.CANCELLED:
                return Cancelled(step)
            case Cause.HAND_OVER:
                return HandOver()
            case Cause.LEASE_LOST:
                return LeaseLost()
        return Interrupted()

    def raise_if_ordered(self, step: str | None = None) -> None:
        """For the engine, between two pieces of user code."""
        if self.cause is not None:
            raise self.exception(step)

    @contextmanager
    def user_code(self, place: Place, task: asyncio.Task[Any] | None = None) -> Iterator[None]:
        """The block calls user code; an order that has come meanwhile is delivered at its start.

        With `task`, the code is `async` and runs in it: it is stopped by the task's cancellation.
        """
        before = self.place, self._task
        self.place, self._task = place, task
        try:
            self.deliver()
            yield
        finally:
            self.place, self._task = before

    @contextmanager
    def engine_code(self) -> Iterator[None]:
        """The block, which user code has called, is the engine's own; an order is delivered when it is over."""
        before, self.place = self.place, Place.ENGINE
        try:
            yield
        finally:
            self.place = before
        self.deliver()

    @contextmanager
    def interrupt_with(self, callback: Callable[[], object]) -> Iterator[None]:
        """While the block runs, an order first calls `callback` in a thread of its own, and again until the block ends.

        One call can come too early to be heard. The exception follows the first call's return.
        """
        self._callbacks.append(callback)
        left = threading.Event()
        helper = threading.Thread(target=self._interrupt, args=(callback, left), daemon=True, name="andon-interrupt")
        helper.start()
        try:
            yield
        finally:
            left.set()
            self._wake_helper(left)
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def _interrupt(self, callback: Callable[[], object], left: threading.Event) -> None:
        self._wait_for_order(left)
        while not left.is_set():
            with suppress(Exception):  # what it is to end may just have ended
                callback()
            if callback in self._callbacks:
                self._callbacks.remove(callback)
            self.nudge()
            left.wait(REPEAT_SECONDS)

    def _wait_for_order(self, left: threading.Event) -> None:
        """In the helper's thread: return when the stop is ordered, or the block was left."""
        while self.cause is None and not left.wait(REPEAT_SECONDS):
            pass

    def _wake_helper(self, left: threading.Event) -> None:
        """The block was left: its helper may end."""
