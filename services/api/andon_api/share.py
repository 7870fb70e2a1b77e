"""So much of something, in all and for each who takes of it."""

import math
from collections import Counter
from collections.abc import Hashable


class Share:
    """What is taken of it. Whoever counts sees to it that nobody else does at the same moment."""

    def __init__(self, most: float, most_each: float = math.inf) -> None:
        self._most = most
        self._most_each = most_each
        self._of: Counter[Hashable] = Counter()
        self.taken = 0

    def take(self, who: Hashable, size: int = 1, *, alone: bool = True) -> bool:
        """Whether there is room for so much more; then it is taken. One who isn't `alone` stands for many, of whom each
        may have as much.
        """
        if self.taken + size > self._most or (alone and self._of[who] + size > self._most_each):
            return False
        self.taken += size
        self._of[who] += size
        return True

    def give(self, who: Hashable, size: int = 1) -> None:
        """Give it back."""
        self.taken -= size
        self._of[who] -= size
        if not self._of[who]:
            del self._of[who]
