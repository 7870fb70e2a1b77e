"""How slow a client may be: some patience at first, more with each byte, and an end whatever it does."""

import time
from collections.abc import Callable

GRACE_SECONDS = 5.0  # for the first byte of a request, and for its head
SLOWEST = 1000  # bytes per second, from then on, in either direction
SAVED_SECONDS = 60.0  # what a burst earns at most: a client that stops after one is noticed
STALLED_SECONDS = 20.0  # for a reader that takes nothing of its answer
LONGEST_SECONDS = 3600.0  # for one request, and for one answer


class Pace:
    """One transfer's patience. `moved` earns time for each byte; `late` says that it is used up."""

    def __init__(
        self, patience: float, *, longest: float = LONGEST_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        began = clock()
        self._until = began + patience
        self._end = began + longest

    def moved(self, count: int) -> None:
        """So many bytes have moved."""
        self._until = min(self._until + count / SLOWEST, self._clock() + SAVED_SECONDS)

    @property
    def late(self) -> bool:
        """Whether the client has been too slow."""
        return self._clock() >= min(self._until, self._end)
