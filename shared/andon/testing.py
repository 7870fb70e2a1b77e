"""Test a function without stores: everything that a run needs from outside, in memory.

    ended = run_function(generate_hybrid_report, Event("report/generation.requested", {"reportId": "r1"}))
    assert ended.status == "completed"

`run_function` follows the run to its end as a worker would: each suspension (a sleep, the back-off before another
try) is a replay from the memos, on a clock that is advanced instead of waited for. To see a function being
cancelled, keep the `ManualCancelCheck` that it is given and call `cancel()`: from inside a step, or before.

`MemoryJournal` and `ManualCancelCheck` are fakes held to the same contract tests as the real adapters.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from andon.engine.bodies import Body
from andon.engine.errors import Cancelled, LeaseLost
from andon.engine.events import Event
from andon.engine.execution import Completed, Failed, HandedOver, Lost, Suspended, execute
from andon.engine.functions import Function
from andon.engine.memos import Memo
from andon.engine.ports import CancelCheck, Isolation
from andon.engine.states import Status
from andon.engine.steps import Step
from andon.engine.stops import Cause, Interrupter, StopSignal

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@dataclass
class MemoryJournal:
    """What one run remembers. Set `lost` or `cancelled` to see what a worker sees then; move time by `advance`.

    `session` makes what `step.transaction` hands to its function; it is a context manager that commits or undoes.
    """

    session: Callable[[], Any] | None = None
    lost: bool = False
    cancelled: bool = False
    now: dt.datetime = START
    rows: dict[str, Memo] = field(default_factory=dict)
    wakes: dict[str, dt.datetime] = field(default_factory=dict)

    def memos(self) -> dict[str, Memo]:
        """What the next replay is given."""
        return {name: replace(memo, due=self._due(name)) for name, memo in self.rows.items()}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)

    def complete(self, name: str, position: int, attempt: int, seconds: float, output: str) -> bool:
        """Keep a step's result; returns whether a cancel came first, in which case nothing is kept."""
        self._raise_if_lost()
        if not self.cancelled:
            self.rows[name] = Memo(name, position, "completed", attempt, output=json.loads(output))
        return self.cancelled

    def fail(
        self, name: str, position: int, attempt: int, seconds: float, error: dict[str, Any], *, final: bool
    ) -> None:
        """Keep a step's failed attempt."""
        self._raise_if_lost()
        self.rows[name] = Memo(name, position, "failed" if final else "retrying", attempt, error=error)

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes; called again it keeps the first answer."""
        self._raise_if_lost()
        self.rows.setdefault(name, Memo(name, position, "sleeping", 1))
        return self.wakes.setdefault(name, until or self.now + dt.timedelta(seconds=seconds or 0.0))

    def transaction(
        self,
        name: str,
        position: int,
        attempt: int,
        fn: Callable[[Any], Any],
        encode: Callable[[Any], str],
        stop: StopSignal,
    ) -> str:
        """Call `fn(session)` and keep its result, or undo it when the run is cancelled or lost by then."""
        if self.session is None:
            raise TypeError("this journal has no session to give: MemoryJournal(session=...)")
        with self.session() as session:
            text = encode(fn(session))
            if self.complete(name, position, attempt, 0.0, text):
                raise Cancelled(name)
        return text

    def _due(self, name: str) -> bool:
        return name not in self.wakes or self.wakes[name] <= self.now

    def _raise_if_lost(self) -> None:
        if self.lost:
            raise LeaseLost


class ManualCancelCheck:
    """A cancel flag that a test raises: by `cancel()`, or at check number `at_check` (from 1)."""

    def __init__(self, at_check: int | None = None) -> None:
        self.cancelled = False
        self.checks = 0
        self._at_check = at_check
        self._listeners: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Raise the flag; whoever listens hears it at once, as a worker does from its watcher."""
        self.cancelled = True
        for listener in self._listeners:
            listener()

    def on_cancel(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the flag is raised, or now if it is."""
        self._listeners.append(listener)
        if self.cancelled:
            listener()

    def is_cancelled(self) -> bool:
        """Whether the flag is up."""
        self.checks += 1
        if self.checks == self._at_check:
            self.cancelled = True
        return self.cancelled


class ThreadIsolation:
    """Runs isolated steps in a thread of this process: no worker needed, and a debugger sees them."""

    def call(
        self,
        step: str,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        grace: float,
        timeout: float | None,
        stop: StopSignal,
    ) -> Any:
        """Run `fn(*args, **kwargs)` until it returns or `stop` interrupts it."""
        body = Body(lambda: fn(*args, **kwargs), timeout=timeout)
        stop.watch(body)
        try:
            return body.call()
        finally:
            stop.watch(None)


@dataclass(frozen=True)
class Ended:
    """How a run ended. `waited` is what it would have slept and backed off, in seconds."""

    status: Status
    output: Any
    error: dict[str, Any] | None
    waited: float
    steps: dict[str, Memo]


def run_function(
    function: Function,
    event: Event,
    *,
    cancel_check: ManualCancelCheck | None = None,
    journal: MemoryJournal | None = None,
    isolation: Isolation | None = None,
    max_replays: int = 1_000,
) -> Ended:
    """Run `function` for `event` to its end, through every suspension.

    Raises `RuntimeError` when it suspends more than `max_replays` times, or ends with its lease lost.
    """
    check = cancel_check or ManualCancelCheck()
    kept = journal or MemoryJournal()
    began = kept.now
    signals: list[StopSignal] = []
    interrupter = Interrupter(lambda: list(signals))
    stop = StopSignal(interrupter.notify)
    signals.append(stop)
    interrupter.start()
    try:
        check.on_cancel(lambda: stop.set(Cause.CANCELLED))
        status, output, error = _follow(function, event, check, kept, isolation or ThreadIsolation(), stop, max_replays)
    finally:
        interrupter.close()
        interrupter.join()
    return Ended(status, output, error, (kept.now - began).total_seconds(), kept.memos())


def _follow(
    function: Function,
    event: Event,
    check: CancelCheck,
    journal: MemoryJournal,
    isolation: Isolation,
    stop: StopSignal,
    max_replays: int,
) -> tuple[Status, Any, dict[str, Any] | None]:
    attempt = 1
    for _ in range(max_replays):
        step = Step(
            memos=journal.memos(),
            retries=function.retries,
            stop=stop,
            journal=journal,
            cancel_check=check,
            isolation=isolation,
            attempt=attempt,
        )
        match execute(function.handler, event, step, stop, attempt=attempt, retries=function.retries):
            case Completed(text):
                return Status.COMPLETED, json.loads(text), None
            case Failed(error):
                return Status.FAILED, None, error
            case Suspended(seconds, wake_at, failed):
                attempt += failed is not None
                journal.advance((wake_at - journal.now).total_seconds() if wake_at else seconds or 0.0)
            case HandedOver() | Lost() as outcome:
                raise RuntimeError(f"the run of {function.id!r} has no end: {type(outcome).__name__}")
            case _:
                return Status.CANCELLED, None, None
    raise RuntimeError(f"the run of {function.id!r} suspended more than {max_replays} times")
