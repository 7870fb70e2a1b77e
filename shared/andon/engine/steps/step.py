"""`Step`: what a handler is given. Each call checks for a cancel, recalls or runs, and records."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar, TypeVarTuple, overload

from andon.engine.artifacts import Artifact
from andon.engine.declared.functions import Function
from andon.engine.declared.tags import MOST_TAGS, tag_of
from andon.engine.declared.waits import Wait
from andon.engine.errors import AndonError, Cancelled, Interrupted, NonRetriable
from andon.engine.events import Event
from andon.engine.steps.beside import ALL, BRANCH, Branch, branches_of
from andon.engine.steps.invoking import ABANDON, CANCEL, Child
from andon.engine.steps.progress import bounded_progress
from andon.engine.steps.results import Result
from andon.engine.steps.sleeps import bounded, in_utc
from andon.engine.steps.stepping import Stepping
from andon.engine.steps.waiting import RUN
from andon.engine.stops import Cause, Place

P = ParamSpec("P")
Args = TypeVarTuple("Args")
T = TypeVar("T")
AsyncBody = Callable[P, Coroutine[Any, Any, Result]]


class Step(Stepping):
    """One run's steps. It belongs to the handler; `artifact`, `check`, `progress`, `interrupt_with` also to bodies."""

    # --- durable calls, from the handler only -------------------------------------------------------------------

    @overload
    def run(self, id: str, fn: AsyncBody[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result: ...

    @overload
    def run(self, id: str, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result: ...

    @overload
    def run(
        self,
        id: str,
        fn: Callable[[*Args], Coroutine[Any, Any, Result]],
        /,
        *args: *Args,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> Result: ...

    @overload
    def run(
        self,
        id: str,
        fn: Callable[[*Args], Result],
        /,
        *args: *Args,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> Result: ...

    def run(  # type: ignore[misc]
        self,
        id: str,
        fn: Callable[..., Any],
        /,
        *args: Any,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
        **kwargs: Any,
    ) -> Any:
        """Run `fn(*args, **kwargs)` once and remember its JSON result; recall it when the run is replayed.

        `fn` may be an `async def`. A type checker holds `args` and `kwargs` to it, and its result to JSON; beside the
        step's own arguments it takes positional ones only: others go into a `functools.partial`. The value returned is
        the decoded memo on the first run too. `timeout` (seconds) stops an attempt and counts as a failure; `grace` is
        how many seconds the code gets to end when it is stopped, before its process and all that it started is killed.
        Raises `StepError` when no attempt is left, `Cancelled` when the run is cancelled.
        """
        return _at_once(self._run(id, partial(fn, *args, **kwargs), fn, retries, timeout, grace))

    def transaction(
        self, id: str, fn: Callable[Concatenate[Any, P], Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """As `run`, but `fn(session, *args, **kwargs)` gets a SQLAlchemy session whose writes commit with the memo.

        Exactly once: fence and cancel are checked after `fn`, in that transaction.
        """
        return _at_once(self._transact(id, fn, partial(fn, *args, **kwargs)))  # type: ignore[no-any-return]

    def artifact(
        self, path: str | os.PathLike[str], name: str | None = None, media_type: str | None = None
    ) -> Artifact:
        """Store a copy of the file at `path` as the run's artifact `name`, by default its own name.

        It is published when the run completes; of a run that is cancelled or fails, nobody sees it. In the handler this
        is a step of its own, remembered and tried again as one; in the function of a `run`, part of that step. There it
        belongs where the function writes the file: what one step has written, a later one may not find. A name that the
        run has used, a path that is no file, and a file that is too large are refused (`NonRetriable`).
        """
        if self._storing is not None:
            return self._store(self._busy or "", *self._named(path, name, media_type))
        return Artifact(_at_once(self._artifact(path, name, media_type)))

    def sleep(self, id: str, seconds: float) -> None:
        """Give the process back for `seconds`, by the database's clock; survives restarts.

        A negative number is over at once. Raises `NonRetriable` for what is no number, or over a hundred years.
        """
        _at_once(self._sleep(id, seconds=bounded(f"step {id!r} sleeps for", seconds), until=None))

    def sleep_until(self, id: str, when: dt.datetime) -> None:
        """Give the process back until `when` (aware; a naive time is taken as UTC).

        Raises `NonRetriable` for what is no datetime, or in year 9999 and later.
        """
        _at_once(self._sleep(id, seconds=None, until=in_utc(id, when)))

    def send_event(self, id: str, /, *events: Event) -> list[str]:
        """Send events, exactly once, and return their ids: with the step's memo they are recorded, or not at all.

        At most 500 together, of the run's own tenant. A cancelled run sends nothing. An event that matches a cancel
        rule of this function stops this run, too.
        """
        return _at_once(self._send(id, events))

    def wait_for_event(
        self,
        id: str,
        event: str,
        /,
        *,
        match: str | None = None,
        if_: str | None = None,
        timeout: float | None = None,
        since: str = RUN,
    ) -> Event | None:
        """Give the process back until such an event comes, and return it: the first by seq. None after `timeout`.

        `match` names a field that has the same value in it as in the run's own event; `if_` is CEL over `event` (the
        run's) and `async` (the awaited). What was recorded since the run's own event counts, also before this call;
        with `since="wait"` only what comes from now on. An event that the run has had by another wait of the same name
        and match isn't returned again.
        """
        return _at_once(self._wait(id, [Wait(event, match, if_)], timeout, since))[1]

    def wait_for_any(
        self, id: str, waits: Sequence[Wait], /, *, timeout: float | None = None, since: str = RUN
    ) -> tuple[int | None, Event | None]:
        """As `wait_for_event`, for the first of several: which of `waits` it was, and the event. (None, None) at the
        time-out.
        """
        return _at_once(self._wait(id, waits, timeout, since))

    def invoke(
        self,
        id: str,
        function: Function | str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        on_cancel: str = CANCEL,
        on_failure: str = ABANDON,
        on_timeout: str = CANCEL,
    ) -> Any:
        """Run another function as a child of this run, and return what it returned.

        The process is given back meanwhile. Where this run is cancelled, `on_cancel="cancel"` cancels the child, and so
        on down the tree; with "wait" this run is `cancelled` only when the child has ended, too, or by its cancel
        deadline; "abandon" lets the child go on. `on_failure` says the same for this run's failure, and `on_timeout`
        for the step's time-out. Raises `ChildFailed`, `ChildCancelled`, or `StepTimeout` after `timeout` seconds.
        """
        options = {"on_cancel": on_cancel, "on_failure": on_failure}
        return _at_once(self._invoke(id, function, data, timeout, on_timeout, options))

    def start(
        self,
        id: str,
        function: Function | str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        on_cancel: str = CANCEL,
        on_failure: str = ABANDON,
    ) -> Child:
        """Start another function as a child of this run, and go on; `result` waits for it."""
        options = {"on_cancel": on_cancel, "on_failure": on_failure}
        return _at_once(self._start(id, function, data, options))

    def result(self, child: Child, /, *, timeout: float | None = None, on_timeout: str = CANCEL) -> Any:
        """What a child that was started has returned; waits and raises as `invoke` does."""
        return _at_once(self._result(child, timeout, on_timeout))

    def parallel(
        self,
        id: str,
        branches: Sequence[Sequence[Any]],
        /,
        *,
        limit: int = 4,
        policy: str = ALL,
        processes: bool = False,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> list[Any]:
        """Run functions side by side, each given as (id, function, *arguments), and return their results in this order.

        Each branch is a step of its own, `<id>/<branch>`: it is remembered as soon as it ends, and is tried again
        `retries` times without the others. At most `limit` run at once, in threads of the run's process; with
        `processes=True`, for what computes, each in a process of its own, forked from that one. Where one has failed
        for good, the others end first and the first failure is raised; with `policy="first"` at once, and the others'
        results are of no use. `timeout` is of all of them together. In a branch there are `step.check` and
        `step.progress`; the run's progress is the branches' mean.
        """
        return _at_once(self._group(id, branches_of(id, branches), limit, policy, (retries, timeout, grace), processes))

    def map(
        self,
        id: str,
        fn: Callable[[Any], Any],
        items: Iterable[Any],
        /,
        *,
        limit: int = 4,
        policy: str = ALL,
        processes: bool = False,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> list[Any]:
        """Run `fn(item)` for each item, as the branches 0, 1, ... of `parallel`."""
        branches = [Branch(str(place), partial(fn, item)) for place, item in enumerate(items)]
        return _at_once(self._group(id, branches, limit, policy, (retries, timeout, grace), processes, fn))

    # --- memory only, from bodies too ---------------------------------------------------------------------------

    def check(self) -> None:
        """Raise `Cancelled` now if the run is cancelled: for loops in the handler or in a step."""
        if self._stop.place is Place.HANDLER and threading.get_ident() == self._home:
            with self._stop.engine_code():
                self._check(None)
        elif self._stop.cause is not None:
            raise Cancelled(self._busy) if self._stop.cause is Cause.CANCELLED else Interrupted
        elif self._beside is not None and self._beside.stopped and BRANCH.get() is not None:
            raise Interrupted  # another branch has failed, and this one's result is of no use

    def extend(self, seconds: float) -> None:
        """Let the run take so many seconds from now, where its finish time-out would end it sooner.

        From the handler only.
        """
        with self._between_steps("extend"):
            self._journal.extend(bounded("step.extend takes", seconds))

    def tag(self, key: str, value: str | float | None = None, /) -> None:
        """Tag the run with `key:value`, or with `key` alone: from now on it is found, and cancelled in bulk, by that.

        From the handler only; a plain call in an `async def`, too. It is no step, and a tag that the run has already
        changes nothing, so a replay may pass here again. Raises `NonRetriable` for what can be no tag, of at most 100
        characters, and where the run has ten others, with those of its function.
        """
        with self._between_steps("tag"):
            tag = tag_of(key, value)
            room = self._journal.tag(tag)
            self._stop.raise_if_ordered(None)
            if not room:
                raise NonRetriable(f"step.tag: {tag!r:.80}: the run has {MOST_TAGS} tags, and may have no more")

    def progress(self, fraction: float, note: str | None = None) -> None:
        """Show how far the run is: `fraction` from 0 to 1. Cheap enough to call in a loop."""
        if self._beside is not None and BRANCH.get() is not None:
            self._beside.progress(self._progress, *bounded_progress(fraction, note))
        else:
            self._progress.show(*bounded_progress(fraction, note))

    @contextmanager
    def interrupt_with(self, callback: Callable[[], object]) -> Iterator[None]:
        """When the code is stopped, call `callback` (a connection's `interrupt`, say) first, from another thread.

        What it ends then ends politely. The exception follows when it has returned, at the latest after half the grace.
        """
        if self._stop.place is not Place.BODY:
            raise AndonError("step.interrupt_with belongs inside a step's function")
        self.check()
        with self._stop.interrupt_with(callback):
            yield


def _at_once(call: Coroutine[Any, Any, T]) -> T:
    """The result of a durable call of a plain handler: nothing in it waits for an event loop."""
    try:
        call.send(None)
    except StopIteration as returned:
        return returned.value  # type: ignore[no-any-return]
    raise AssertionError("a durable call of a plain handler waits for nothing")
