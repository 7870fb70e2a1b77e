"""What the loop does later."""

import heapq
import time
from collections.abc import Callable
from itertools import count


class Timers:
    """Calls at their times, made by whoever runs the loop. Only its thread uses this."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._numbers = count()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call this in so many seconds."""
        heapq.heappush(self._waiting, (self._clock() + seconds, next(self._numbers), call))

    def left(self, most: float) -> float:
        """Seconds until the next call, at most `most`."""
        return min(most, max(0.0, self._waiting[0][0] - self._clock())) if self._waiting else most

    def run(self) -> None:
        """Make the calls whose time has come."""
        now = self._clock()
        while self._waiting and self._waiting[0][0] <= now:
            heapq.heappop(self._waiting)[2]()
