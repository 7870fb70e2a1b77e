"""One loop over everything that lanes say, with timers. What belongs to lanes is touched by its thread alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

log = logging.getLogger(__name__)
TURN_SECONDS = 1.0
Timer = asyncio.TimerHandle


class Loop:
    """`run` in one thread; `post` from any. A call that raises is logged and hurts nothing else.

    It is asyncio's, for callbacks alone: what lanes say is answered at once or posted, and awaited nowhere.
    """

    def __init__(self) -> None:
        self._loop = asyncio.SelectorEventLoop()
        self._loop.set_exception_handler(_failed)
        self.turned_at = time.monotonic()
        self._turn()

    def post(self, call: Callable[[], object]) -> None:
        """Call it soon, in the loop's thread; never, once `run` has returned."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    def after(self, seconds: float, call: Callable[[], object]) -> Timer:
        """Call it then, unless it is cancelled before. In the loop's thread only."""
        return self._loop.call_later(seconds, call)

    def watch(self, file: Any, readable: Callable[[], object], writable: Callable[[], object] | None = None) -> None:
        """Call `readable` while there is something to read, and `writable`, if given, while there is room."""
        self._loop.add_reader(file, readable)
        if writable is None:
            self._loop.remove_writer(file)
        else:
            self._loop.add_writer(file, writable)

    def forget(self, file: Any) -> None:
        """Watch it no more."""
        with suppress(ValueError, RuntimeError):  # it is closed, or the loop is
            self._loop.remove_reader(file)
            self._loop.remove_writer(file)

    def close(self) -> None:
        """Make `run` return; from any thread."""
        self.post(self._loop.stop)

    def run(self) -> None:
        """Turn until closed."""
        self._loop.run_forever()
        self._loop.close()

    def _turn(self) -> None:
        self.turned_at = time.monotonic()
        self._loop.call_later(TURN_SECONDS, self._turn)


def _failed(_: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
    log.error("a turn of the worker's loop failed", exc_info=what.get("exception"))
