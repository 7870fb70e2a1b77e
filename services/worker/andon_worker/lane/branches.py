"""Branches of a group of steps in processes of their own: for what computes, where threads would take turns.

Each is forked from the run's process, so its function needs no pickling and finds what the handler has loaded; it has
the fate of that process, and its result comes back through a pipe. Unlike a thread it can be interrupted.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from andon.engine.errors import AndonError
from andon.engine.memos import encode_result
from andon.engine.ports import Attempt
from andon.engine.steps.beside import BRANCH, Done
from andon.engine.steps.progress import Progress
from andon.engine.steps.stepping import failure
from andon.engine.stops import SIGNAL, Place
from andon.logs import flush_output
from andon_worker.lane.progress import SharedProgress, make_page
from andon_worker.lane.stopping import LaneStop
from andon_worker.linux import end_with_parent

LOOK_SECONDS = 0.1
LEAVE_SECONDS = 1.0
_READ = 1 << 16


class BranchDied(AndonError):
    """A branch's process died of its own code. It is tried again like after any failure."""


@dataclass(eq=False)
class _Going:
    """A branch that has begun."""

    attempt: Attempt
    pid: int
    pipe: int
    page: SharedProgress
    began: float
    said: bytes = b""
    shown: int = 0


class Forked:
    """Runs branches, `limit` at a time, as `andon.engine.beside.Beside` does. It belongs to the lane's main thread."""

    def __init__(
        self,
        todo: Sequence[tuple[Attempt, partial[Any]]],
        limit: int,
        count: int,
        observe: Callable[[str], AbstractContextManager[object]],
        *,
        stop: LaneStop,
        show: Progress,
    ) -> None:
        self.stopped = False
        self._todo = deque(todo)
        self._limit = limit
        self._observe = observe
        self._stop = stop
        self._show = show
        self._fractions = [1.0] * count
        for attempt, _ in todo:
            self._fractions[attempt.branch or 0] = 0.0
        self._going: dict[int, _Going] = {}
        self._selector = selectors.DefaultSelector()
        self._own: SharedProgress | None = None

    def start(self) -> None:
        """Begin as many as may run at once."""
        while self._todo and len(self._going) < self._limit and not self.stopped:
            self._begin(*self._todo.popleft())

    def next(self) -> Done:
        """What came of the branch that has ended next; waits for it."""
        while (ended := self._read(LOOK_SECONDS)) is None:
            self._show_progress()
        self.start()
        return ended

    def progress(self, show: Progress, fraction: float | None, note: str | None) -> None:
        """In a branch's process: how far it is."""
        if self._own is not None:
            self._own.show(fraction, note)

    def stop(self) -> None:
        """Begin none any more, and interrupt those that go."""
        self.stopped = True
        for each in self._going.values():
            with suppress(ProcessLookupError):
                os.kill(each.pid, SIGNAL)

    def join(self) -> None:
        """Wait for the branches that have begun."""
        while self._going:
            self._read(None)

    def leave(self) -> None:
        """End those that go on: soon, whatever they do."""
        self.stop()
        until = time.monotonic() + LEAVE_SECONDS
        while self._going and (left := until - time.monotonic()) > 0:
            self._read(left)
        for each in self._going.values():
            os.kill(each.pid, signal.SIGKILL)
        self.join()

    def _begin(self, attempt: Attempt, call: partial[Any]) -> None:
        reading, writing = os.pipe()
        page = SharedProgress(make_page())
        flush_output()
        lane = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, [SIGNAL])  # a stop isn't lost before the branch can hear it
        pid = os.fork()
        if pid == 0:
            self._live(lane, attempt, call, writing, page)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [SIGNAL])
        os.close(writing)
        os.set_blocking(reading, False)
        going = _Going(attempt, pid, reading, page, time.monotonic())
        self._going[reading] = going
        self._selector.register(reading, selectors.EVENT_READ, going)

    def _read(self, timeout: float | None) -> Done | None:
        """Take in what branches say; the one that has ended, if one has."""
        for key, _ in self._selector.select(timeout):
            going: _Going = key.data
            if data := os.read(going.pipe, _READ):
                going.said += data
            else:
                return self._ended(going)
        return None

    def _ended(self, going: _Going) -> Done:
        self._selector.unregister(going.pipe)
        os.close(going.pipe)
        del self._going[going.pipe]
        _, status = os.waitpid(going.pid, 0)
        going.page.close()
        self._fractions[going.attempt.branch or 0] = 1.0
        seconds = time.monotonic() - going.began
        try:
            text, failed = json.loads(going.said)
        except ValueError:
            code = os.waitstatus_to_exitcode(status)
            how = f"died by {signal.Signals(-code).name}" if -code in set(signal.Signals) else f"ended with {code}"
            died = BranchDied(f"The process of step {going.attempt.name!r} {how}")
            text, failed = "", failure(going.attempt, died)
        return Done(going.attempt, seconds, text, failed=None if failed is None else (failed[0], failed[1]))

    def _show_progress(self) -> None:
        note, news = None, False
        for each in self._going.values():
            count, fraction, said = each.page.read()
            if count not in (0, each.shown):
                each.shown, news, note = count, True, said or note
                if fraction is not None:
                    self._fractions[each.attempt.branch or 0] = fraction
        if news:
            self._show.show(sum(self._fractions) / len(self._fractions), note)

    # --- in the branch's own process ------------------------------------------------------------------------------

    def _live(self, lane: int, attempt: Attempt, call: partial[Any], writing: int, page: SharedProgress) -> NoReturn:
        code = 1
        try:
            end_with_parent(lane)
            self._own = page
            said = self._outcome(attempt, call)
            flush_output()
            with open(writing, "wb") as pipe:
                pipe.write(json.dumps(said).encode())
            code = 0
        finally:
            os._exit(code)

    def _outcome(self, attempt: Attempt, call: partial[Any]) -> tuple[str, Any]:
        """Its result as JSON text, or how it has failed."""
        BRANCH.set(attempt.branch)
        self._stop.obey_the_signal_alone()
        try:
            with self._observe(attempt.name), self._stop.user_code(Place.BODY):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [SIGNAL])
                returned = call()
                if inspect.iscoroutine(returned):
                    returned = asyncio.run(returned)
            return encode_result(attempt.name, returned), None
        except BaseException as error:
            return "", failure(attempt, error)
