"""`Step`: what a handler is given. Each call checks for a cancel, recalls or runs, and records."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import partial
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVarTuple, overload

from andon.engine.arguments import check_step
from andon.engine.arguments_shown import shown
from andon.engine.artifacts import MOST_ARTIFACTS, Artifact, Stored, check_file, named
from andon.engine.beside import (
    ALL,
    BRANCH,
    FIRST,
    Beside,
    Branch,
    Done,
    branches_of,
    check_group,
    check_known,
)
from andon.engine.errors import (
    AndonError,
    Cancelled,
    ChildCancelled,
    ChildFailed,
    DefinitionChanged,
    Interrupted,
    InvalidResult,
    NonRetriable,
    StepError,
    StepTimeout,
    Suspend,
)
from andon.engine.events import Event
from andon.engine.functions import Function
from andon.engine.ids import new_id
from andon.engine.invoking import ABANDON, CANCEL, Child, invoked, timed_out
from andon.engine.memos import Memo, describe, encode_result, plain
from andon.engine.ports import Attempt, CancelCheck, Files, Journal
from andon.engine.progress import NoProgress, Progress, bounded_progress
from andon.engine.results import Result
from andon.engine.retries import delay
from andon.engine.sending import sendable
from andon.engine.sleeps import bounded, in_utc
from andon.engine.stops import Cause, Place, Stop
from andon.engine.waiting import CHILD_ENDED, RUN, Awaited, Wait, Waiting, awaited, came, check_timeout

P = ParamSpec("P")
Args = TypeVarTuple("Args")
AsyncBody = Callable[P, Coroutine[Any, Any, Result]]
RunAsync = Callable[[Coroutine[Any, Any, Any]], Any]
Observe = Callable[[str], AbstractContextManager[object]]


class Step:
    """One run's steps. It belongs to the handler; `artifact`, `check`, `progress`, `interrupt_with` also to bodies."""

    def __init__(
        self,
        *,
        memos: Mapping[str, Memo],
        retries: int,
        stop: Stop,
        journal: Journal,
        cancel_check: CancelCheck,
        files: Files | None = None,
        progress: Progress | None = None,
        observe: Observe = nullcontext,
        run_async: RunAsync | None = None,
        run_id: str = "",
        fence: int = 0,
        attempt: int = 1,
        parent_run_id: str | None = None,
        event: Event | None = None,
        check_expression: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`observe(name)` is entered around each attempt at a step. `run_async` runs a coroutine to its end.

        `event` is the run's trigger; `check_expression` raises `ValueError` for what is no CEL.
        """
        self.run_id = run_id
        self.parent_run_id = parent_run_id
        self.fence = fence
        self.attempt = attempt
        self._event = event or Event("")
        self._check_expression = check_expression
        self._consumed: dict[tuple[str, str | None], list[int]] = {}
        self._memos = dict(memos)
        self._by_position = {memo.position: memo.called for memo in memos.values()}
        self._groups: dict[str, list[str]] = {}
        for memo in memos.values():
            if memo.branch is not None:
                self._groups.setdefault(memo.called, []).append(memo.id)
        self._beside: Beside | None = None
        self._retries = retries
        self._stop = stop
        self._journal = journal
        self._cancel_check = cancel_check
        self._files = files
        self._progress = progress or NoProgress()
        self._observe = observe
        self._run_async = run_async
        self._calls: Counter[str] = Counter()
        self._position = 0
        self._home = threading.get_ident()
        self._busy: str | None = None
        self._suspended: Suspend | None = None
        self._storing: list[Stored] | None = None
        """What the body of `run` that runs now has stored."""
        self._names: dict[str, str] = {}
        """The artifacts that are named, each with the step that did."""

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
        return _at_once(  # type: ignore[no-any-return]
            self._transact(id, fn, partial(fn, *args, **kwargs))
        )

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
        _at_once(self._sleep(id, seconds=bounded(id, seconds), until=None))

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
        return _at_once(self._send(id, events))  # type: ignore[no-any-return]

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
        return _at_once(self._wait(id, [Wait(event, match, if_)], timeout, since))[1]  # type: ignore[no-any-return]

    def wait_for_any(
        self, id: str, waits: Sequence[Wait], /, *, timeout: float | None = None, since: str = RUN
    ) -> tuple[int | None, Event | None]:
        """As `wait_for_event`, for the first of several: which of `waits` it was, and the event. (None, None) at the
        time-out.
        """
        return _at_once(self._wait(id, waits, timeout, since))  # type: ignore[no-any-return]

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
        on down the tree; "abandon" lets it go on. `on_failure` says the same for this run's failure, and `on_timeout`
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
        return _at_once(self._start(id, function, data, options))  # type: ignore[no-any-return]

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
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> list[Any]:
        """Run functions side by side, each given as (id, function, *arguments), and return their results in this order.

        Each branch is a step of its own, `<id>/<branch>`: it is remembered as soon as it ends, and is tried again
        `retries` times without the others. At most `limit` run at once, in threads of the run's process. Where one has
        failed for good, the others end first and the first failure is raised; with `policy="first"` at once, and the
        others' results are of no use. `timeout` is of all of them together. In a branch there are `step.check` and
        `step.progress`; the run's progress is the branches' mean.
        """
        return _at_once(  # type: ignore[no-any-return]
            self._group(id, branches_of(id, branches), limit, policy, (retries, timeout, grace))
        )

    def map(
        self,
        id: str,
        fn: Callable[[Any], Any],
        items: Iterable[Any],
        /,
        *,
        limit: int = 4,
        policy: str = ALL,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> list[Any]:
        """Run `fn(item)` for each item, as the branches 0, 1, ... of `parallel`."""
        branches = [Branch(str(place), partial(fn, item)) for place, item in enumerate(items)]
        return _at_once(  # type: ignore[no-any-return]
            self._group(id, branches, limit, policy, (retries, timeout, grace), fn)
        )

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
        if self._stop.place is not Place.HANDLER:
            raise AndonError("step.extend belongs in the handler, between steps")
        with self._stop.engine_code():
            self._journal.extend(bounded("extend", seconds))

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

    # --- for whoever runs the handler ----------------------------------------------------------------------------

    def finish(self) -> None:
        """The handler has returned: every step that is remembered must have been called."""
        if self._suspended is not None:
            raise self._suspended  # the handler swallowed it
        uncalled = [memo.id for memo in self._memos.values() if memo.position >= self._position]
        if uncalled:
            raise DefinitionChanged(
                f"The run has finished step {uncalled[0]!r}, which the function no longer has. "
                "Give changed functions a new id, or let their runs end first."
            )

    # --- how ----------------------------------------------------------------------------------------------------

    async def _run(
        self,
        id: str,
        call: Callable[[], Any],
        fn: object,
        retries: int | None,
        timeout: float | None,
        grace: float | None,
    ) -> Any:
        with self._durable(id) as (name, position, memo):
            check_step(name, fn=fn, retries=retries, timeout=timeout, grace=grace)
            if memo is not None and memo.status in {"completed", "failed"}:
                return self._recall(memo)
            tries = self._retries if retries is None else retries
            given = shown(call) if isinstance(call, partial) else ""
            attempt = Attempt(name, position, (memo.attempt if memo else 0) + 1, tries, timeout, grace, given)
            began = time.monotonic()
            self._journal.begin(attempt)
            files: list[Stored] = []
            names, self._storing = dict(self._names), files
            try:
                with self._observe(name):
                    text = encode_result(name, await self._body(call, fn))
            except BaseException as error:
                self._names = names  # what a failed step has stored is nobody's
                self._failed(attempt, began, error)
            finally:
                self._storing = None
            if self._stop.cause in {Cause.CANCELLED, Cause.LEASE_LOST}:
                raise self._stop.exception(name)
            try:
                cancelled = self._journal.complete(attempt, time.monotonic() - began, text, files)
            except InvalidResult as error:  # it can't be kept, or the run's results are too much together
                self._names = names
                self._failed(attempt, began, error)
            if cancelled:
                self._stop.order(Cause.CANCELLED)
            return json.loads(text)

    async def _transact(self, id: str, fn: Callable[..., Any], call: partial[Any]) -> Any:
        with self._durable(id) as (name, position, memo):
            check_step(name, fn=fn)
            if memo is not None and memo.status in {"completed", "failed"}:
                return self._recall(memo)
            attempt = Attempt(name, position, (memo.attempt if memo else 0) + 1, self._retries, given=shown(call))
            began = time.monotonic()
            self._journal.begin(attempt)

            def body(session: Any) -> Any:
                with self._stop.user_code(Place.BODY):
                    return copy_context().run(fn, session, *call.args, **call.keywords)

            try:
                with self._observe(name):
                    text = self._journal.transaction(attempt, body, partial(encode_result, name))
            except BaseException as error:
                self._failed(attempt, began, error)
            return json.loads(text)

    async def _artifact(self, path: object, name: object, media_type: object) -> Any:
        meant = self._named(path, name, media_type)
        step = f"artifact {meant[1]}"
        stored = await self._run(step, lambda: self._store(step, *meant), self._store, None, None, None)
        self._names[meant[1]] = step
        return stored

    def _named(self, path: object, name: object, media_type: object) -> tuple[str, str, str]:
        meant = named(path, name, media_type)
        if (step := self._names.get(meant[1])) is not None:
            raise NonRetriable(f"step.artifact: name={meant[1]!r}: step {step!r} has stored an artifact of this name")
        if len(self._names) >= MOST_ARTIFACTS:
            raise NonRetriable(f"step.artifact: the run has {MOST_ARTIFACTS:,} artifacts, and may have no more")
        return meant

    def _store(self, step: str, path: str, name: str, media_type: str) -> Artifact:
        """In a body: put the file where it stays. It is the step's result that makes it the run's."""
        if self._files is None or self._storing is None:
            raise AndonError("nothing here stores files")
        check_file(path, self._files.limit)
        self._names[name] = step
        key, size = self._files.store(path, name)
        stored = Stored(name, key, size, media_type)
        self._storing.append(stored)
        return Artifact.of(stored)

    async def _sleep(self, id: str, *, seconds: float | None, until: dt.datetime | None) -> None:
        with self._durable(id) as (name, position, memo):
            if memo is not None and memo.status == "completed":
                return
            if memo is not None and memo.due:
                self._journal.complete(Attempt(name, position), 0.0, "null")
                return
            wake_at = self._journal.sleep(name, position, seconds=seconds, until=until)
            raise self._suspend(Suspend(wake_at=wake_at))

    async def _group(
        self,
        id: str,
        branches: Sequence[Branch],
        limit: int,
        policy: str,
        options: tuple[int | None, float | None, float | None],
        fn: object = print,
    ) -> list[Any]:
        retries, timeout, grace = options
        with self._durable(id, group=True) as (name, position, memo):
            check_step(name, fn=fn, retries=retries, timeout=timeout, grace=grace)
            check_group(name, branches, limit, policy)
            check_known(name, branches, self._groups.get(name, ()))
            if memo is not None and memo.status == "failed":
                self._recall(memo)
            tries = self._retries if retries is None else retries
            kept = [self._memos.get(f"{name}/{each.name}") for each in branches]
            todo = [
                (_attempt_at(name, position, place, each, known, tries), each)
                for place, (each, known) in enumerate(zip(branches, kept, strict=True))
                if known is None or known.status not in {"completed", "failed"}
            ]
            group = Attempt(name, position, (memo.attempt if memo else 0) + 1, tries, timeout, grace)
            done = self._side_by_side(group, todo, limit, policy, len(branches)) if todo else {}
            if memo is not None and memo.status != "completed":  # its process has died before
                self._journal.complete(group, 0.0, "null")
            known = {place: each for place, each in enumerate(kept) if each is not None and place not in done}
            return [json.loads(done[n]) if n in done else self._recall(known[n]) for n in range(len(branches))]

    def _side_by_side(
        self, group: Attempt, todo: Sequence[tuple[Attempt, Branch]], limit: int, policy: str, count: int
    ) -> dict[int, str]:
        """Run these branches and keep what comes of each as it ends; suspends or raises where not all have a result."""
        done: dict[int, str] = {}
        waits: list[float] = []
        failed: dict[int, StepError] = {}
        self._journal.begin(group)
        calls = [(attempt, branch.call) for attempt, branch in todo]
        beside = self._beside = Beside(calls, limit, count, self._observe)
        beside.start()
        try:
            for _ in todo:
                with self._stop.user_code(Place.BODY):
                    ended = beside.next()
                self._keep_branch(ended, done, waits, failed)
                if failed and policy == FIRST:
                    break
        except BaseException as error:
            beside.stopped = True
            if self._stop.cause is None:
                raise
            beside.join()  # for as long as the grace lets it
            raise self._stop.exception(group.name) from error
        beside.stopped = True
        if not failed or policy == ALL:
            beside.join()
        self._journal.joined(group)
        if failed:
            raise failed[min(failed)]
        if waits:
            raise self._suspend(Suspend(seconds=max(waits)))
        return done

    def _keep_branch(self, ended: Done, done: dict[int, str], waits: list[float], failed: dict[int, StepError]) -> None:
        attempt, error, place = ended.attempt, ended.error, ended.attempt.branch or 0
        if error is None:
            try:
                if self._journal.complete(attempt, ended.seconds, ended.text):
                    self._stop.order(Cause.CANCELLED)
            except InvalidResult as refused:
                error = refused
        self._stop.raise_if_ordered(attempt.name)
        if error is None:
            done[place] = ended.text
            return
        described, wait = failure(attempt, error)
        self._journal.fail(attempt, ended.seconds, described, final=wait is None)
        if wait is not None:
            waits.append(wait)
        else:
            memo = Memo(attempt.name, attempt.position, "failed", attempt.number, error=described)
            failed[place] = remembered_error(memo)
            failed[place].__cause__ = error

    async def _send(self, id: str, events: Sequence[Event]) -> Any:
        with self._durable(id) as (name, position, memo):
            if memo is not None and memo.status in {"completed", "failed"}:
                return self._recall(memo)
            sent = sendable(self.run_id, name, self._event.tenant, events)
            return self._keep_sent(name, position, sent, [each.id for each in sent])

    async def _wait(
        self, id: str, waits: Sequence[Wait], timeout: float | None, since: str
    ) -> tuple[int | None, Event | None]:
        with self._durable(id) as (name, position, memo):
            check_timeout(name, timeout)
            wanted = awaited(name, waits, self._event, since, self._consumed, self._check_expression)
            kept = self._came(Waiting(name, position, wanted, timeout), memo, "null", None)
            if kept is None:
                return None, None
            n, event = came(self._event.tenant, kept)
            if n < len(waits):
                self._consumed.setdefault((waits[n].event, waits[n].match), []).append(event.seq)
            return n, event

    def _came(
        self,
        waiting: Waiting,
        memo: Memo | None,
        late: str | None,
        error: dict[str, Any] | None,
        events: Sequence[Event] = (),
    ) -> Any:
        """What the step has waited for; suspends until it comes, or keeps what is to be kept when its time is over."""
        if memo is not None and memo.status == "waiting" and memo.due:
            memo = self._journal.expire(Attempt(waiting.step, waiting.position), late, error, events)
        if memo is not None and memo.status in {"completed", "failed"}:
            return self._recall(memo)
        raise self._suspend(Suspend(waiting=waiting))

    async def _invoke(
        self,
        id: str,
        function: Function | str,
        data: Mapping[str, Any] | None,
        timeout: float | None,
        on_timeout: str,
        options: dict[str, str],
    ) -> Any:
        with self._durable(id) as (name, position, memo):
            child = str((memo.output or {}).get("runId")) if memo and memo.status == "waiting" else str(new_id())
            said, event = invoked(self._event, self.run_id, name, child, function, data or {}, **options)
            about = {"runId": child, "functionId": said.functionId}
            waiting = Waiting(name, position, _ends_of(child), timeout, about, (event,))
            return self._child_came(waiting, memo, said.functionId, child, on_timeout)

    async def _start(
        self, id: str, function: Function | str, data: Mapping[str, Any] | None, options: dict[str, str]
    ) -> Child:
        with self._durable(id) as (name, position, memo):
            if memo is None or memo.status not in {"completed", "failed"}:
                child = str(new_id())
                said, event = invoked(self._event, self.run_id, name, child, function, data or {}, **options)
                kept = self._keep_sent(name, position, [event], {"runId": child, "functionId": said.functionId})
            else:
                kept = self._recall(memo)
            return Child(kept["runId"], kept["functionId"], name)

    async def _result(self, child: Child, timeout: float | None, on_timeout: str) -> Any:
        if not isinstance(child, Child):
            raise AndonError(f"step.result is given what step.start has returned, not {child!r:.80}")
        with self._durable(f"{child.step}/result") as (name, position, memo):
            about = {"runId": child.run_id, "functionId": child.function_id}
            waiting = Waiting(name, position, _ends_of(child.run_id), timeout, about)
            return self._child_came(waiting, memo, child.function_id, child.run_id, on_timeout)

    def _child_came(self, waiting: Waiting, memo: Memo | None, function_id: str, child: str, on_timeout: str) -> Any:
        check_timeout(waiting.step, waiting.seconds)
        if on_timeout not in (CANCEL, ABANDON):
            message = f"on_timeout={on_timeout!r:.40}: expected 'cancel' or 'abandon'"
            raise NonRetriable(f"step {waiting.step!r}: {message}")
        late = StepTimeout(waiting.step, waiting.seconds or 0.0)
        error = {**describe(late, waiting.step), "code": late.code, "runId": child, "functionId": function_id}
        cancel = timed_out(self.run_id, waiting.step, self._event.tenant, child)
        return self._came(waiting, memo, None, error, [cancel] if on_timeout == CANCEL else [])

    def _keep_sent(self, name: str, position: int, events: Sequence[Event], result: Any) -> Any:
        """Keep the step's result with the events, in one transaction."""
        attempt, text = Attempt(name, position), encode_result(name, result)
        try:
            cancelled = self._journal.send(attempt, events, text)
        except InvalidResult as error:
            self._failed(attempt, time.monotonic(), error)
        if cancelled:
            self._stop.order(Cause.CANCELLED)
        return json.loads(text)

    async def _body(self, call: Callable[[], Any], fn: object) -> Any:
        """Call user code; what it binds, such as its log's keys, ends with it."""
        if not inspect.iscoroutinefunction(inspect.unwrap(fn) if callable(fn) else fn):
            with self._stop.user_code(Place.BODY):
                returned = copy_context().run(call)
            if not inspect.isawaitable(returned):
                return returned
            return await self._awaited(lambda: returned)
        return await self._awaited(call)

    async def _awaited(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """The result of `async` code, in the run's own event loop: as the task that a stop cancels."""

        async def main() -> Any:
            with self._stop.user_code(Place.BODY, asyncio.current_task()):
                return await call()

        if self._run_async is None:
            raise AndonError("nothing here runs an async def")
        return self._run_async(main())

    @contextmanager
    def _durable(self, id: str, *, group: bool = False) -> Iterator[tuple[str, int, Memo | None]]:
        """A durable call: refused where it doesn't belong; the block is the engine's, its end the handler's again."""
        if self._busy is not None or threading.get_ident() != self._home:
            where = f"while step {self._busy!r} runs" if self._busy is not None else "from another thread"
            raise AndonError(f"step {id!r} is called {where}; steps belong to the handler, one after the other")
        if not isinstance(id, str) or not id or len(id) > 200 or plain(id) != id:
            raise AndonError(f"a step's id is a text of 1 to 200 characters, not {id!r:.80}")
        self._busy = id
        try:
            with self._stop.engine_code():
                yield self._enter(id, group)
        finally:
            self._busy = None

    def _enter(self, id: str, group: bool) -> tuple[str, int, Memo | None]:
        """Name the call, refuse what the memos contradict, and check for a cancel."""
        if self._suspended is not None:
            raise self._suspended
        count = self._calls[id]
        self._calls[id] += 1
        name = id if count == 0 else f"{id}:{count}"
        position = self._position
        self._position += 1
        memo = self._memos.get(name)
        expected = self._by_position.get(position)
        known = memo.called if memo else name if group and name in self._groups else None
        if expected != known or (memo is not None and memo.position != position):
            raise DefinitionChanged(
                f"The function calls step {name!r} as number {position + 1}, where the run remembers "
                f"{expected!r}. Give changed functions a new id, or let their runs end first."
            )
        self._check(name)
        return name, position, memo

    def _check(self, name: str | None) -> None:
        self._stop.raise_if_ordered(name)
        if self._cancel_check.is_cancelled():
            self._stop.order(Cause.CANCELLED)
        self._stop.raise_if_ordered(name)

    def _recall(self, memo: Memo) -> Any:
        if memo.status == "completed":
            return self._journal.recall(memo)
        raise remembered_error(memo)

    def _failed(self, attempt: Attempt, began: float, error: BaseException) -> NoReturn:
        """What a body's exception means: the stop if one was ordered, else a failure, which is kept.

        Suspends until the next attempt, or raises `StepError` when there is none.
        """
        if isinstance(error, Cancelled):
            self._stop.order(Cause.CANCELLED)
        if self._stop.cause is not None:
            raise self._stop.exception(attempt.name) from error
        described, wait = failure(attempt, error)
        self._journal.fail(attempt, time.monotonic() - began, described, final=wait is None)
        if wait is not None:
            raise self._suspend(Suspend(seconds=wait)) from error
        if isinstance(error, StepError):
            error.described = described
            raise error
        failed = StepError(f"{described['type']}: {described['message']}", step=attempt.name)
        failed.described = described
        raise failed from error

    def _suspend(self, suspend: Suspend) -> Suspend:
        """Whatever a handler does with it, every later step call raises it again."""
        self._suspended = suspend
        return suspend


class AsyncStep(Step):
    """`Step` for a handler that is an `async def`: its durable calls are awaited."""

    @overload  # type: ignore[override]
    async def run(self, id: str, fn: AsyncBody[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result: ...

    @overload
    async def run(self, id: str, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result: ...

    @overload
    async def run(
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
    async def run(
        self,
        id: str,
        fn: Callable[[*Args], Result],
        /,
        *args: *Args,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> Result: ...

    async def run(  # type: ignore[misc]
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
        """As `Step.run`."""
        return await self._run(id, partial(fn, *args, **kwargs), fn, retries, timeout, grace)

    async def transaction(  # type: ignore[override]
        self, id: str, fn: Callable[Concatenate[Any, P], Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """As `Step.transaction`; `fn` is a plain function."""
        return await self._transact(id, fn, partial(fn, *args, **kwargs))  # type: ignore[no-any-return]

    def artifact(  # type: ignore[override]
        self, path: str | os.PathLike[str], name: str | None = None, media_type: str | None = None
    ) -> Awaitable[Artifact]:
        """As `Step.artifact`; in a step's function there is nothing left to await."""
        if self._storing is not None:
            return super().artifact(path, name, media_type)
        return self._awaited_artifact(path, name, media_type)

    async def _awaited_artifact(self, path: object, name: object, media_type: object) -> Artifact:
        return Artifact(await self._artifact(path, name, media_type))

    async def sleep(self, id: str, seconds: float) -> None:  # type: ignore[override]
        """As `Step.sleep`."""
        await self._sleep(id, seconds=bounded(id, seconds), until=None)

    async def sleep_until(self, id: str, when: dt.datetime) -> None:  # type: ignore[override]
        """As `Step.sleep_until`."""
        await self._sleep(id, seconds=None, until=in_utc(id, when))

    async def send_event(self, id: str, /, *events: Event) -> list[str]:  # type: ignore[override]
        """As `Step.send_event`."""
        return await self._send(id, events)  # type: ignore[no-any-return]

    def parallel(self, id: str, *branches: Any, **options: Any) -> NoReturn:
        """Not here: an `async def` handler awaits several things in one step, by `asyncio.gather`."""
        raise NonRetriable(f"step {id!r}: step.parallel and step.map are for handlers that aren't async")

    map = parallel

    async def wait_for_event(  # type: ignore[override]
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
        """As `Step.wait_for_event`."""
        return (await self._wait(id, [Wait(event, match, if_)], timeout, since))[1]

    async def wait_for_any(  # type: ignore[override]
        self, id: str, waits: Sequence[Wait], /, *, timeout: float | None = None, since: str = RUN
    ) -> tuple[int | None, Event | None]:
        """As `Step.wait_for_any`."""
        return await self._wait(id, waits, timeout, since)

    async def invoke(
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
        """As `Step.invoke`."""
        options = {"on_cancel": on_cancel, "on_failure": on_failure}
        return await self._invoke(id, function, data, timeout, on_timeout, options)

    async def start(  # type: ignore[override]
        self,
        id: str,
        function: Function | str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        on_cancel: str = CANCEL,
        on_failure: str = ABANDON,
    ) -> Child:
        """As `Step.start`."""
        return await self._start(id, function, data, {"on_cancel": on_cancel, "on_failure": on_failure})

    async def result(self, child: Child, /, *, timeout: float | None = None, on_timeout: str = CANCEL) -> Any:
        """As `Step.result`."""
        return await self._result(child, timeout, on_timeout)

    async def _awaited(self, call: Callable[[], Awaitable[Any]]) -> Any:
        with self._stop.user_code(Place.BODY, asyncio.current_task()):
            return await call()


def _ends_of(child: str) -> tuple[Awaited, ...]:
    """What a step waits for that wants a child's end."""
    return (Awaited(CHILD_ENDED, "", uuid.UUID(child), after_seq=0),)


def _attempt_at(group: str, position: int, place: int, branch: Branch, memo: Memo | None, tries: int) -> Attempt:
    """The next attempt at a branch."""
    number = (memo.attempt if memo else 0) + 1
    return Attempt(f"{group}/{branch.name}", position, number, tries, given=shown(branch.call), branch=place)


def _at_once(call: Coroutine[Any, Any, Any]) -> Any:
    """The result of a durable call of a plain handler: nothing in it waits for an event loop."""
    try:
        call.send(None)
    except StopIteration as returned:
        return returned.value
    raise AssertionError("a durable call of a plain handler waits for nothing")


def failure(attempt: Attempt, error: BaseException) -> tuple[dict[str, Any], float | None]:
    """A failed attempt as it is kept, and the seconds until the next one (None: there is none)."""
    described = describe(error, attempt.name)
    described["code"] = error.code if isinstance(error, StepError) else "FAILED"
    return described, delay(error, attempt.number, attempt.retries)


def remembered_error(memo: Memo) -> StepError:
    """The error of a step that has failed for good, of the class that its code had: so `except` works in a replay."""
    error = memo.error or {}
    message, code = str(error.get("message", "failed")), str(error.get("code", "FAILED"))
    kind = _KINDS.get(code, StepError)
    made = kind.__new__(kind)
    StepError.__init__(made, message, step=memo.id, code=code)
    made.described = memo.error
    return made


_KINDS: dict[str, type[StepError]] = {
    "TIMEOUT": StepTimeout,
    "RESULT": InvalidResult,
    "CHILD_FAILED": ChildFailed,
    "UNKNOWN_FUNCTION": ChildFailed,
    "CHILD_CANCELLED": ChildCancelled,
}
