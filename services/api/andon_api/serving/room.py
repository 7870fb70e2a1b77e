"""How much of bodies that arrive may lie on disk: so much in all, and half of that for a tenant."""

from __future__ import annotations

from collections import Counter

from andon_api.serving.callers import Caller

MOST_BYTES = 4 << 30
STEPS = 128  # in which a body that doesn't say its length takes all the room that there is


class Room:
    """Counts what is promised. Only the loop's thread asks."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self.step = max(1, most // STEPS)
        self._taken: Counter[Caller] = Counter()

    def take(self, caller: Caller, size: int) -> bool:
        """Whether there is room for so many bytes more; then they are promised."""
        if sum(self._taken.values()) + size > self._most:
            return False
        if caller.known and self._taken[caller] + size > self._most // 2:
            return False
        self._taken[caller] += size
        return True

    def give(self, caller: Caller, size: int) -> None:
        """They are gone."""
        self._taken[caller] -= size
        if not self._taken[caller]:
            del self._taken[caller]
