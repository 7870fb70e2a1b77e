"""One loop over everything that lanes say, with timers. What belongs to lanes is touched by its thread alone."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)


class Timer:
    """A call that is due at a time; `cancel` it when it isn't wanted any more."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Don't call."""
        self.call = None


class Loop:
    """`run` in one thread; `post` from any. A call that raises is logged and hurts nothing else."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._posted: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        self._awake = threading.Lock()
        self._closed = False
        self.turned_at = time.monotonic()
        self._selector.register(self._woken, selectors.EVENT_READ, self._drain)

    def post(self, call: Callable[[], object]) -> None:
        """Call it soon, in the loop's thread."""
        self._posted.append(call)
        if self._awake.acquire(blocking=False):
            with suppress(BlockingIOError):
                os.write(self._wake, b"x")

    def after(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Call it then. In the loop's thread only."""
        timer = Timer(call)
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), timer))
        return timer

    def watch(self, file: Any, readable: Callable[[], object], writable: Callable[[], object] | None = None) -> None:
        """Call `readable` while there is something to read, and `writable`, if given, while there is room."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writable else 0)
        key = self._selector.get_map().get(file)
        data = readable if writable is None else (readable, writable)
        if key is None:
            self._selector.register(file, events, data)
        else:
            self._selector.modify(file, events, data)

    def forget(self, file: Any) -> None:
        """Watch it no more."""
        with suppress(KeyError, ValueError):
            self._selector.unregister(file)

    def close(self) -> None:
        """Make `run` return; from any thread."""
        self._closed = True
        self.post(lambda: None)

    def run(self) -> None:
        """Turn until closed."""
        while not self._closed:
            for key, events in self._selector.select(self._wait()):
                if self._selector.get_map().get(key.fd) is key:  # one before it may have closed this one
                    self._call(key.data, events)
            self.turned_at = time.monotonic()
            while self._posted:
                self._guard(self._posted.popleft())
            self._fire()

    def _call(self, data: Any, events: int) -> None:
        if not isinstance(data, tuple):
            self._guard(data)
            return
        for call, event in zip(data, (selectors.EVENT_READ, selectors.EVENT_WRITE), strict=True):
            if events & event:
                self._guard(call)

    def _guard(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception:
            log.exception("a turn of the worker's loop failed")

    def _wait(self) -> float:
        if self._posted:
            return 0.0
        return min(max(self._timers[0][0] - time.monotonic(), 0.0), 1.0) if self._timers else 1.0

    def _fire(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if (call := timer.call) is not None:
                timer.call = None
                self._guard(call)

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
        if self._awake.locked():
            self._awake.release()
