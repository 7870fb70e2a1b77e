"""Many threads' calls as few: whoever comes while a call is under way waits, and all that wait go in the next one.

Flat combining (Hendler, Incze, Shavit, Tzafrir, SPAA 2010), with a database in the place of the shared structure.
Who comes alone waits for nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class _Place(Generic[Ask, Answer]):
    """Somebody who waits. The `turn` comes with the answer, or else to make the next call."""

    __slots__ = ("answer", "ask", "error", "turn")

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.answer: list[Answer] = []
        self.error: Exception | None = None
        self.turn = threading.Lock()
        self.turn.acquire()


class Together(Generic[Ask, Answer]):
    """`call(asks)` answers each of them. It is made in the thread of one of those who ask; its error is everybody's."""

    def __init__(self, call: Callable[[Sequence[Ask]], Sequence[Answer]]) -> None:
        self._call = call
        self._lock = threading.Lock()
        self._waiting: list[_Place[Ask, Answer]] = []
        self._under_way = False

    def __call__(self, ask: Ask) -> Answer:
        """The answer to `ask`; raises what the call that it went into raised."""
        place: _Place[Ask, Answer] = _Place(ask)
        with self._lock:
            self._waiting.append(place)
            first, self._under_way = not self._under_way, True
        if not first:
            place.turn.acquire()
        if not place.answer and place.error is None:
            self._answer_all()
        if place.error is not None:
            raise place.error
        return place.answer[0]

    def _answer_all(self) -> None:
        with self._lock:
            places, self._waiting = self._waiting, []
        try:
            for place, answer in zip(places, self._call([each.ask for each in places]), strict=True):
                place.answer.append(answer)
        except Exception as error:
            for place in places:
                place.error = error
        with self._lock:
            self._under_way = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.release()
        for place in places:
            place.turn.release()
