"""How long a run will probably still take, by the pace of its progress in the last minute."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 60.0
# Less than this says nothing yet.
LEAST_SECONDS = 5.0
LEAST_SHARE = 0.01


class Pace:
    """Remembers a run's progress since this worker took it: what others did before was done at another pace."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()

    def remaining(self, fraction: float | None, now: float) -> float | None:
        """Seconds that are left when `fraction` (0 to 1) is done at `now`; None while that can't be told.

        Progress that falls begins anew. Only a minute is looked back: a report's sections take unlike times.
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
        return (1 - fraction) * (now - began) / (fraction - first)
