"""A run under a test's control: real steps, a real interrupter, and the shipped fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from andon import Event, Step
from andon.engine.execution import Outcome, execute
from andon.engine.stops import Interrupter, StopSignal
from andon.testing import ManualCancelCheck, MemoryJournal

Handler = Callable[[Event, Step], Any]


class Run:
    """One run. Each `go` is one turn on a worker: it replays from the memos until the handler ends or suspends."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.flag = ManualCancelCheck()
        self.signals: list[StopSignal] = []
        self.interrupter = Interrupter(lambda: list(self.signals))
        self.stop = self.new_stop()
        self.retries = 0
        self.attempt = 1
        self.step: Step

    def new_stop(self) -> StopSignal:
        """A turn's own signal, as on a worker that claims the run."""
        stop = StopSignal(self.interrupter.notify)
        self.signals[:] = [stop]
        self.stop = stop
        return stop

    def go(self, handler: Handler) -> Outcome:
        """One turn; returns what came of it."""
        self.step = Step(
            memos=self.journal.memos(),
            retries=self.retries,
            stop=self.stop,
            journal=self.journal,
            cancel_check=self.flag,
            isolation=None,
            run_id="r1",
            attempt=self.attempt,
        )
        return execute(
            handler, Event("test/run.requested"), self.step, self.stop, attempt=self.attempt, retries=self.retries
        )

    def statuses(self) -> dict[str, str]:
        """What is remembered of each step."""
        return {name: memo.status for name, memo in self.journal.rows.items()}


@pytest.fixture
def run() -> Iterator[Run]:
    made = Run()
    made.interrupter.start()
    yield made
    assert made.interrupter.is_alive(), "the interrupter has died"
    assert made.stop.target is None, "a body was left behind as the target"
    made.interrupter.close()
    made.interrupter.join()
