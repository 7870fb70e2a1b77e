"""A run under a test's control: real steps, a real signal, and the shipped fakes."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from andon import AsyncStep, Event, Step
from andon.engine.execution import Outcome, execute, is_async
from andon.engine.stops import SIGNAL, Cause, Place, Stop
from andon.testing import ManualCancelCheck, MemoryJournal

Handler = Callable[[Event, Step], Any]


class Shown:
    """What a run shows of its progress."""

    def __init__(self) -> None:
        self.seen: list[tuple[float | None, str | None]] = []

    def show(self, fraction: float | None, note: str | None) -> None:
        """Remember it."""
        self.seen.append((fraction, note))


class Run:
    """One run. Each `go` is one turn on a worker: it replays from the memos until the handler ends or suspends."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.flag = ManualCancelCheck()
        self.stop = self.new_stop()
        self.shown = Shown()
        self.retries = 0
        self.attempt = 1
        self.step: Step

    def new_stop(self) -> Stop:
        """A turn's own order to stop, as in a process that gets the run."""
        main = threading.main_thread().ident
        assert main is not None
        self.stop = Stop(lambda: signal.pthread_kill(main, SIGNAL))
        return self.stop

    def order(self, cause: Cause) -> None:
        """Order the run to stop, as a worker does: the code is told at once."""
        self.stop.order(cause)
        self.stop.nudge()

    def go(self, handler: Handler, event: Event | None = None) -> Outcome:
        """One turn; returns what came of it."""
        event = event or Event("test/run.requested")
        with asyncio.Runner() as runner:
            self.step = (AsyncStep if is_async(handler) else Step)(
                memos=self.journal.memos(),
                retries=self.retries,
                stop=self.stop,
                journal=self.journal,
                cancel_check=self.flag,
                progress=self.shown,
                run_async=runner.run,
                run_id="r1",
                attempt=self.attempt,
                event=event,
            )
            return execute(
                handler,
                event,
                self.step,
                self.stop,
                attempt=self.attempt,
                retries=self.retries,
                run_async=runner.run,
            )

    def statuses(self) -> dict[str, str]:
        """What is remembered of each step."""
        return {name: memo.status for name, memo in self.journal.rows.items()}


@pytest.fixture
def run() -> Iterator[Run]:
    made = Run()
    before = signal.signal(SIGNAL, lambda *_: made.stop.deliver())
    yield made
    signal.signal(SIGNAL, before)
    assert made.stop.place is Place.ENGINE, "user code was left behind"
