"""How long computations hear that they should stop, and say how far they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Control(Protocol):
    """What a computation may ask of whoever runs it; the engine's `Step` is one."""

    def interrupt_with(self, callback: Callable[[], object]) -> AbstractContextManager[object]:
        """While the block runs, a cancel calls `callback` from another thread, perhaps more than once."""

    def progress(self, fraction: float, note: str = "") -> object:
        """Say how much of the computation is done, from 0 to 1; cheap enough for a loop."""

    def check(self) -> object:
        """Raise if the computation should stop now."""


class NoControl:
    """Runs to the end and tells nobody: for use outside the engine."""

    def interrupt_with(self, callback: Callable[[], object]) -> AbstractContextManager[object]:
        return nullcontext()

    def progress(self, fraction: float, note: str = "") -> None:
        return None

    def check(self) -> None:
        return None


class Creeping:
    """A computation whose long queries say how far they are: by up to `MOST` beyond what was said last.

    What is shown never falls, so that the computation's own word counts again as soon as it is beyond.
    """

    MOST = 0.15

    def __init__(self, whole: Control) -> None:
        self._whole, self._shown, self._said, self._note = whole, 0.0, 0.0, ""
        self._showing = threading.Lock()

    def interrupt_with(self, callback: Callable[[], object]) -> AbstractContextManager[object]:
        return self._whole.interrupt_with(callback)

    def progress(self, fraction: float, note: str = "") -> None:
        self._said, self._note = fraction, note
        self._show(fraction)

    def creep(self, done: float) -> None:
        """A query is `done`, of 1: from any thread."""
        self._show(self._said + self.MOST * done)

    def check(self) -> None:
        self._whole.check()

    def _show(self, fraction: float) -> None:
        with self._showing:
            self._shown = min(1.0, max(self._shown, fraction))
            self._whole.progress(self._shown, self._note)


class PartOf:
    """A computation's share of a larger one: its 0 to 1 are `start` to `end` of the whole."""

    def __init__(self, whole: Control, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def interrupt_with(self, callback: Callable[[], object]) -> AbstractContextManager[object]:
        return self._whole.interrupt_with(callback)

    def progress(self, fraction: float, note: str = "") -> None:
        self._whole.progress(self._start + (self._end - self._start) * fraction, note)

    def check(self) -> None:
        self._whole.check()
