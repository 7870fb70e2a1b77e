"""A bell: whoever waits for it is a thread, or a connection that no thread serves meanwhile."""

import threading
from collections.abc import Callable

PARK = "andon.park"  # in the environ: `park(bell, seconds)`, and the body is asked for more when either is over


class Bell:
    """Rung when something has changed. A ring that nobody waits for is heard by the next who does."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may ring while its thread is in here
        self._rung = threading.Event()
        self._heard: Callable[[], None] | None = None

    def ring(self) -> None:
        """Something changed."""
        with self._lock:
            self._rung.set()
            heard, self._heard = self._heard, None
        if heard is not None:
            heard()

    def wait(self, seconds: float) -> None:
        """Return at a ring, or after `seconds`."""
        self._rung.wait(seconds)

    def hear(self) -> bool:
        """Whether it has rung since this was asked last."""
        rung = self._rung.is_set()
        self._rung.clear()
        return rung

    def call(self, heard: Callable[[], None]) -> None:
        """Call `heard` once: at the next ring, or now if it has rung. It takes the place of the one before."""
        with self._lock:
            if not self._rung.is_set():
                self._heard = heard
                return
        heard()
