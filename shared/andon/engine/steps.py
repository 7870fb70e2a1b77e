"""`Step`: what a handler is given. Each call checks for a cancel, recalls or runs, and records."""

from __future__ import annotations

import datetime as dt
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from andon.engine.arguments import check_step
from andon.engine.bodies import Body
from andon.engine.errors import (
    AndonError,
    Cancelled,
    DefinitionChanged,
    HandOver,
    Interrupted,
    InvalidResult,
    LeaseLost,
    StepError,
    StepTimeout,
    Suspend,
)
from andon.engine.memos import Memo, describe, encode_result, plain
from andon.engine.ports import CancelCheck, Isolation, Journal
from andon.engine.retries import delay
from andon.engine.sleeps import bounded, in_utc
from andon.engine.stops import Cause, StopSignal

T = TypeVar("T")
GRACE_SECONDS = 0.2
MAX_NOTE = 500


@dataclass(frozen=True)
class Isolate:
    """Run a step in a process of its own; `grace` is the seconds from SIGTERM to SIGKILL."""

    grace: float = GRACE_SECONDS


@dataclass
class Progress:
    """What the run is doing, in memory; the worker's heartbeat writes it out."""

    fraction: float | None = None
    note: str | None = None
    step: str | None = None
    step_started: float = 0.0
    changed: bool = False


class Step:
    """One run's steps. It belongs to the handler's thread; `check`, `progress` and `interrupt_with` also to bodies."""

    def __init__(
        self,
        *,
        memos: Mapping[str, Memo],
        retries: int,
        stop: StopSignal,
        journal: Journal,
        cancel_check: CancelCheck,
        isolation: Isolation | None,
        observe: Callable[[str], AbstractContextManager[object]] = nullcontext,
        run_id: str = "",
        fence: int = 0,
        attempt: int = 1,
        parent_run_id: str | None = None,
    ) -> None:
        """`observe(name)` is entered around each attempt at a step, in the handler's thread."""
        self.run_id = run_id
        self.parent_run_id = parent_run_id
        self.fence = fence
        self.attempt = attempt
        self.status = Progress()
        self._memos = dict(memos)
        self._by_position = {memo.position: memo.id for memo in memos.values()}
        self._retries = retries
        self._stop = stop
        self._journal = journal
        self._cancel_check = cancel_check
        self._isolation = isolation
        self._observe = observe
        self._calls: Counter[str] = Counter()
        self._position = 0
        self._home = threading.get_ident()
        self._suspended: Suspend | None = None

    # --- durable calls, from the handler only -------------------------------------------------------------------

    def run(
        self,
        id: str,
        fn: Callable[..., T],
        /,
        *args: Any,
        retries: int | None = None,
        timeout: float | None = None,
        isolate: bool | Isolate = False,
        **kwargs: Any,
    ) -> T:
        """Run `fn(*args, **kwargs)` once and remember its JSON result; recall it when the run is replayed.

        The value returned is the decoded memo on the first run too. `timeout` (seconds) interrupts an attempt and
        counts as a failure. Raises `StepError` when no attempt is left, `Cancelled` when the run is cancelled.
        """

        def attempt(name: str) -> Any:
            if isolate:
                grace = isolate.grace if isinstance(isolate, Isolate) else GRACE_SECONDS
                return self._in_child(name, fn, args, kwargs, grace, timeout)
            return self._in_body(name, lambda: fn(*args, **kwargs), timeout)

        name, position, memo = self._enter(id)
        check_step(name, fn=fn, retries=retries, timeout=timeout)
        if memo is not None and memo.status in {"completed", "failed"}:
            return self._recall(memo)  # type: ignore[no-any-return]
        tried = (memo.attempt if memo else 0) + 1
        began = self._begin(name)
        try:
            with self._observe(name):
                text = encode_result(name, attempt(name))
        except Exception as error:
            self._failed(name, position, tried, began, error, self._retries if retries is None else retries)
        self._raise_if_void(name)
        try:
            cancelled = self._journal.complete(name, position, tried, time.monotonic() - began, text)
        except InvalidResult as error:  # the run's results are too much together
            self._failed(name, position, tried, began, error, 0)
        if cancelled:
            self._stop.set(Cause.CANCELLED)
        return json.loads(text)  # type: ignore[no-any-return]

    def transaction(self, id: str, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """As `run`, but `fn(session, *args, **kwargs)` gets a SQLAlchemy session whose writes commit with the memo.

        Exactly once: fence and cancel are checked after `fn`, in that transaction.
        """
        name, position, memo = self._enter(id)
        check_step(name, fn=fn)
        if memo is not None and memo.status in {"completed", "failed"}:
            return self._recall(memo)  # type: ignore[no-any-return]
        tried = (memo.attempt if memo else 0) + 1
        began = self._begin(name)
        try:
            with self._observe(name):
                text = self._journal.transaction(
                    name,
                    position,
                    tried,
                    lambda session: fn(session, *args, **kwargs),
                    lambda value: encode_result(name, value),
                    self._stop,
                )
        except Exception as error:
            self._raise_if_stopped(name)
            self._failed(name, position, tried, began, error, self._retries)
        return json.loads(text)  # type: ignore[no-any-return]

    def sleep(self, id: str, seconds: float) -> None:
        """Give the worker's thread back for `seconds`, by the database's clock; survives restarts.

        A negative number is over at once. Raises `NonRetriable` for what is no number, or over a hundred years.
        """
        self._sleep(id, seconds=bounded(id, seconds), until=None)

    def sleep_until(self, id: str, when: dt.datetime) -> None:
        """Give the worker's thread back until `when` (aware; a naive time is taken as UTC).

        Raises `NonRetriable` for what is no datetime, or in year 9999 and later.
        """
        self._sleep(id, seconds=None, until=in_utc(id, when))

    # --- memory only, from bodies too ---------------------------------------------------------------------------

    def check(self) -> None:
        """Raise `Cancelled` now if the run is cancelled: for loops in the handler or in a step."""
        if self._is_handler:
            self._check(None)
        elif self._stop.cause is not None:
            self._raise_in_body()

    def progress(self, fraction: float, note: str | None = None) -> None:
        """Show how far the run is: `fraction` from 0 to 1. Cheap enough to call in a loop."""
        if not math.isnan(fraction):
            self.status.fraction = min(max(float(fraction), 0.0), 1.0)
        self.status.note = None if note is None else plain(str(note))[:MAX_NOTE]
        self.status.changed = True

    @contextmanager
    def interrupt_with(self, callback: Callable[[], object]) -> Iterator[None]:
        """On cancel, call `callback` (a connection's `interrupt`, say) from another thread, until the body ends."""
        body = self._body
        if body is None:
            raise AndonError("step.interrupt_with belongs inside a step's function")
        with body.interrupt_with(callback):
            if self._stop.cause is not None and self._stop.hurry:
                self._raise_in_body()
            yield

    # --- how ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The handler has returned: every step that is remembered must have been called."""
        if self._suspended is not None:
            raise self._suspended  # the handler swallowed it
        forgotten = [memo.id for memo in self._memos.values() if memo.position >= self._position]
        if forgotten:
            raise DefinitionChanged(
                f"The run has finished step {forgotten[0]!r}, which the function no longer has. "
                "Give changed functions a new id, or let their runs end first."
            )

    def raise_if_stopped(self) -> None:
        """Raise what the stop signal asks for, if it is set."""
        self._raise_if_stopped(None)

    def _enter(self, id: str) -> tuple[str, int, Memo | None]:
        """Name the call, refuse what the memos contradict, and check for a cancel."""
        if not self._is_handler:
            where = "from another thread than the handler's" if self._body is None else "inside another step"
            raise AndonError(f"step {id!r} is called {where}; steps belong to the handler")
        if not isinstance(id, str) or not id or len(id) > 200 or plain(id) != id:
            raise AndonError(f"a step's id is a text of 1 to 200 characters, not {id!r:.80}")
        if self._suspended is not None:
            raise self._suspended
        count = self._calls[id]
        self._calls[id] += 1
        name = id if count == 0 else f"{id}:{count}"
        position = self._position
        self._position += 1
        memo = self._memos.get(name)
        expected = self._by_position.get(position)
        if expected != (memo.id if memo else None) or (memo is not None and memo.position != position):
            raise DefinitionChanged(
                f"The function calls step {name!r} as number {position + 1}, where the run remembers "
                f"{expected!r}. Give changed functions a new id, or let their runs end first."
            )
        self._check(name)
        return name, position, memo

    @property
    def _is_handler(self) -> bool:
        """Whether the caller is the handler itself."""
        return self._body is None and threading.get_ident() == self._home

    @property
    def _body(self) -> Body | None:
        """The step's body that the caller is in, if it is in one."""
        body = self._stop.target
        return body if isinstance(body, Body) and body.is_current_thread else None

    def _begin(self, name: str) -> float:
        began = time.monotonic()
        self.status.step = name
        self.status.step_started = began
        return began

    def _recall(self, memo: Memo) -> Any:
        if memo.status == "completed":
            return memo.output
        error = memo.error or {}
        raise StepError(str(error.get("message", "failed")), step=memo.id, code=str(error.get("code", "FAILED")))

    def _check(self, name: str | None) -> None:
        self._raise_if_stopped(name)
        if self._cancel_check.is_cancelled():
            self._stop.set(Cause.CANCELLED)
        self._raise_if_stopped(name)

    def _raise_if_void(self, name: str) -> None:
        """After a body: its result counts unless the run is cancelled or lost."""
        if self._stop.cause in {Cause.CANCELLED, Cause.LEASE_LOST}:
            self._raise_if_stopped(name)

    def _raise_if_stopped(self, name: str | None) -> None:
        match self._stop.cause:
            case Cause.CANCELLED:
                raise Cancelled(name)
            case Cause.LEASE_LOST:
                raise LeaseLost
            case Cause.HAND_OVER:
                raise HandOver

    def _raise_in_body(self) -> None:
        raise Cancelled(self.status.step) if self._stop.cause == Cause.CANCELLED else Interrupted

    def _in_body(self, name: str, fn: Callable[[], Any], timeout: float | None) -> Any:
        body = Body(fn, timeout=timeout)
        self._stop.watch(body)
        try:
            return body.call()
        except BaseException as error:
            self._translate(name, body, timeout, error)
        finally:
            self._stop.watch(None)

    def _in_child(
        self,
        name: str,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        grace: float,
        timeout: float | None,
    ) -> Any:
        if self._isolation is None:
            raise AndonError(f"step {name!r}: this worker runs nothing in isolation")
        try:
            return self._isolation.call(name, fn, args, kwargs, grace=grace, timeout=timeout, stop=self._stop)
        except BaseException as error:
            self._translate(name, self._stop.timed_out, timeout, error)

    def _translate(self, name: str, target: object, timeout: float | None, error: BaseException) -> None:
        """What a body's exception means: the stop if one was ordered, else the time-out, else a failure."""
        if self._stop.cause is not None and self._stop.hurry:
            self._raise_if_stopped(name)
        if timeout is not None and target is not None and self._stop.timed_out is target:
            self._stop.timed_out = None
            raise StepTimeout(name, timeout) from error
        if isinstance(error, Exception):
            raise error
        raise StepError(
            f"Step {name!r} raised {type(error).__name__}: {describe(error)['message']}", step=name
        ) from error

    def _failed(self, name: str, position: int, attempt: int, began: float, error: Exception, retries: int) -> None:
        """Keep a failed attempt, then suspend until the next one, or raise `StepError` when there is none."""
        if isinstance(error, Cancelled):
            self._stop.set(Cause.CANCELLED)
            raise error
        wait = delay(error, attempt, retries)
        described = describe(error, name)
        described["code"] = error.code if isinstance(error, StepError) else "FAILED"
        seconds = time.monotonic() - began
        self._journal.fail(name, position, attempt, seconds, described, final=wait is None)
        if wait is not None:
            raise self._suspend(Suspend(seconds=wait)) from error
        if isinstance(error, StepError):
            raise error
        raise StepError(f"{described['type']}: {described['message']}", step=name) from error

    def _sleep(self, id: str, *, seconds: float | None, until: dt.datetime | None) -> None:
        name, position, memo = self._enter(id)
        if memo is not None and memo.status == "completed":
            return
        if memo is not None and memo.due:
            self._journal.complete(name, position, 1, 0.0, "null")
            return
        wake_at = self._journal.sleep(name, position, seconds=seconds, until=until)
        raise self._suspend(Suspend(wake_at=wake_at))

    def _suspend(self, suspend: Suspend) -> Suspend:
        """Whatever a handler does with it, every later step call raises it again."""
        self._suspended = suspend
        return suspend
