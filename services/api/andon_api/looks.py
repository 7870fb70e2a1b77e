"""Looks at what is true now, shared by all who want to know: a hundred viewers of one report cost one read of it."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from andon_api.http.etags import digest


@dataclass(frozen=True)
class Seen:
    """A thing as JSON, and what tells it apart; no text where it isn't there any more."""

    text: str = ""
    ended: bool = False

    @property
    def tag(self) -> str:
        """Names this state of it."""
        return digest(self.text)


class Look:
    """What was last seen of one thing. Only who holds it keeps it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._began = float("-inf")
        self._seen = Seen()

    def at(self, since: float, read: Callable[[], Seen]) -> Seen:
        """What was true at `since` or later; read anew, unless another has done that meanwhile."""
        with self._lock:
            if self._began < since:
                began = time.monotonic()
                self._seen = read()
                self._began = began
            return self._seen


class Looks:
    """A process's looks, by what they are at."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: WeakValueDictionary[Hashable, Look] = WeakValueDictionary()

    def of(self, name: Hashable) -> Look:
        """The look at this thing that others share."""
        with self._lock:
            look = self._kept.get(name)
            if look is None:
                look = self._kept[name] = Look()
            return look
