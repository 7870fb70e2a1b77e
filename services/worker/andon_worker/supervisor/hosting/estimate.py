"""How long a run will probably still take, by the pace of its progress lately; nothing while that isn't steady."""

from __future__ import annotations

from collections import deque
from itertools import dropwhile

WINDOW_SECONDS = 120.0
# Less than this says nothing yet.
LEAST_SECONDS = 5.0
LEAST_SHARE = 0.01
# A report's sections take unlike times: when the later half says so much more or less than the whole, nobody knows.
STEADY = 2.0


class Pace:
    """Remembers a run's progress since this worker took it: what others did before was done at another pace."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def remaining(self, fraction: float | None, now: float) -> float | None:
        """Seconds that are left when `fraction` (0 to 1) is done at `now`; None while that can't be told.

        Progress that falls begins anew. Only two minutes are looked back.
        """
        if fraction is None:
            return None
        if self._seen and fraction < self._seen[-1][1]:
            self._seen.clear()
        self._seen.append((now, fraction))
        while len(self._seen) > 2 and self._seen[1][0] <= now - WINDOW_SECONDS:
            self._seen.popleft()
        began, first = self._seen[0]
        if now - began < LEAST_SECONDS or fraction - first < LEAST_SHARE:
            return None
        middle, half = next(dropwhile(lambda seen: seen[0] < (began + now) / 2, self._seen))
        whole, lately = (fraction - first) / (now - began), (fraction - half) / max(now - middle, 0.001)
        steady = whole / STEADY <= lately <= whole * STEADY
        return (1 - fraction) / min(whole, lately) if steady else None
