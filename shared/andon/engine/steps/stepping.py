"""How a durable call goes: named and placed, recalled or run, kept. `Step` says to handlers what calls there are."""

from __future__ import annotations

import asyncio
import datetime as dt
import inspect
import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn

from andon.engine.artifacts import MOST_ARTIFACTS, Artifact, Stored, check_file, named
from andon.engine.declared.arguments import check_step
from andon.engine.declared.functions import Function
from andon.engine.declared.waits import Wait
from andon.engine.errors import (
    AndonError,
    Cancelled,
    ChildCancelled,
    ChildFailed,
    DefinitionChanged,
    InvalidResult,
    NonRetriable,
    QueueFull,
    StepError,
    StepTimeout,
    Suspend,
)
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon.engine.memos import Memo, describe, encode_result, plain
from andon.engine.ports import Attempt, CancelCheck, Files, Journal
from andon.engine.steps.arguments_shown import shown
from andon.engine.steps.beside import ALL, FIRST, Beside, Branch, Done, Going, Start, check_group, check_known
from andon.engine.steps.invoking import ABANDON, CANCEL, Child, invoked, timed_out
from andon.engine.steps.progress import NoProgress, Progress
from andon.engine.steps.retries import delay
from andon.engine.steps.sending import sendable
from andon.engine.steps.waiting import CHILD_ENDED, Awaited, Waiting, awaited, came, check_timeout
from andon.engine.stops import Cause, Place, Stop

RunAsync = Callable[[Coroutine[Any, Any, Any]], Any]
Observe = Callable[[str], AbstractContextManager[object]]


class Stepping:
    """The mechanics of one run's steps, for handlers of both kinds; nothing in it is called by a user's code."""

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
        in_processes: Start = Beside,
    ) -> None:
        """`observe(name)` is entered around each attempt at a step. `run_async` runs a coroutine to its end.

        `event` is the run's trigger; `check_expression` raises `ValueError` for what is no CEL; `in_processes` makes
        what runs branches that ask for processes of their own.
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
        self._beside: Going | None = None
        self._in_processes = in_processes
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
        processes: bool,
        fn: object = print,
    ) -> list[Any]:
        retries, timeout, grace = options
        with self._durable(id, group=True) as (name, position, memo):
            check_step(name, fn=fn, retries=retries, timeout=timeout, grace=grace)
            check_group(name, branches, limit, policy, processes)
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
            start = self._in_processes if processes else Beside
            done = self._side_by_side(group, todo, limit, policy, len(branches), start) if todo else {}
            if memo is not None and memo.status != "completed":  # its process has died before
                self._journal.complete(group, 0.0, "null")
            known = {place: each for place, each in enumerate(kept) if each is not None and place not in done}
            return [json.loads(done[n]) if n in done else self._recall(known[n]) for n in range(len(branches))]

    def _side_by_side(
        self,
        group: Attempt,
        todo: Sequence[tuple[Attempt, Branch]],
        limit: int,
        policy: str,
        count: int,
        start: Start,
    ) -> dict[int, str]:
        """Run these branches and keep what comes of each as it ends; suspends or raises where not all have a result."""
        done: dict[int, str] = {}
        waits: list[float] = []
        failed: dict[int, StepError] = {}
        self._journal.begin(group)
        calls = [(attempt, branch.call) for attempt, branch in todo]
        beside = self._beside = start(calls, limit, count, self._observe)
        try:
            beside.start()
            for _ in todo:
                with self._stop.user_code(Place.BODY):
                    ended = beside.next()
                self._keep_branch(ended, done, waits, failed)
                if failed and policy == FIRST:
                    break
        except BaseException as error:
            if self._stop.cause is None:
                beside.leave()
                raise
            beside.stop()
            beside.join()  # for as long as the grace lets it
            raise self._stop.exception(group.name) from error
        if not failed or policy == ALL:
            beside.join()
        else:
            beside.leave()
        self._journal.joined(group)
        if failed:
            raise failed[min(failed)]
        if waits:
            raise self._suspend(Suspend(seconds=max(waits)))
        return done

    def _keep_branch(self, ended: Done, done: dict[int, str], waits: list[float], failed: dict[int, StepError]) -> None:
        attempt, error, place = ended.attempt, ended.error, ended.attempt.branch or 0
        if error is None and ended.failed is None:
            try:
                if self._journal.complete(attempt, ended.seconds, ended.text):
                    self._stop.order(Cause.CANCELLED)
            except InvalidResult as refused:
                error = refused
        self._stop.raise_if_ordered(attempt.name)
        if error is None and ended.failed is None:
            done[place] = ended.text
            return
        described, wait = ended.failed or failure(attempt, error or AssertionError())
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
            number = (memo.attempt if memo else 0) + 1
            return self._keep_sent(Attempt(name, position, number), sent, [each.id for each in sent])

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
            waiting = Waiting(name, position, _ends_of(child), timeout, about, (event,), on_timeout)
            return self._child_came(waiting, memo, said.functionId, child)

    async def _start(
        self, id: str, function: Function | str, data: Mapping[str, Any] | None, options: dict[str, str]
    ) -> Child:
        with self._durable(id) as (name, position, memo):
            if memo is None or memo.status not in {"completed", "failed"}:
                child = str(new_id())
                said, event = invoked(self._event, self.run_id, name, child, function, data or {}, **options)
                kept = self._keep_sent(
                    Attempt(name, position), [event], {"runId": child, "functionId": said.functionId}
                )
            else:
                kept = self._recall(memo)
            return Child(kept["runId"], kept["functionId"], name)

    async def _result(self, child: Child, timeout: float | None, on_timeout: str) -> Any:
        if not isinstance(child, Child):
            raise AndonError(f"step.result is given what step.start has returned, not {child!r:.80}")
        with self._durable(f"{child.step}/result") as (name, position, memo):
            about = {"runId": child.run_id, "functionId": child.function_id}
            waiting = Waiting(name, position, _ends_of(child.run_id), timeout, about, (), on_timeout)
            return self._child_came(waiting, memo, child.function_id, child.run_id)

    def _child_came(self, waiting: Waiting, memo: Memo | None, function_id: str, child: str) -> Any:
        check_timeout(waiting.step, waiting.seconds)
        if waiting.on_timeout not in (CANCEL, ABANDON):
            message = f"on_timeout={waiting.on_timeout!r:.40}: expected 'cancel' or 'abandon'"
            raise NonRetriable(f"step {waiting.step!r}: {message}")
        late = StepTimeout(waiting.step, waiting.seconds or 0.0)
        error = {**describe(late, waiting.step), "code": late.code, "runId": child, "functionId": function_id}
        cancel = timed_out(self.run_id, waiting.step, self._event.tenant, child)
        return self._came(waiting, memo, None, error, [cancel] if waiting.on_timeout == CANCEL else [])

    def _keep_sent(self, attempt: Attempt, events: Sequence[Event], result: Any) -> Any:
        """Keep the step's result with the events, in one transaction; where the queue is full, suspends."""
        text = encode_result(attempt.name, result)
        try:
            cancelled = self._journal.send(attempt, events, text)
        except InvalidResult as error:
            self._failed(attempt, time.monotonic(), error)
        except QueueFull as error:  # it may last for any number of attempts
            self._failed(replace(attempt, retries=attempt.number), time.monotonic(), error)
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

    @contextmanager
    def _between_steps(self, verb: str) -> Iterator[None]:
        """What the handler has written that is no step."""
        if self._stop.place is not Place.HANDLER or threading.get_ident() != self._home:
            raise AndonError(f"step.{verb} belongs in the handler, between steps")
        if self._suspended is not None:
            raise self._suspended
        with self._stop.engine_code():
            yield

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


def _ends_of(child: str) -> tuple[Awaited, ...]:
    """What a step waits for that wants a child's end."""
    return (Awaited(CHILD_ENDED, "", uuid.UUID(child), after_seq=0),)


def _attempt_at(group: str, position: int, place: int, branch: Branch, memo: Memo | None, tries: int) -> Attempt:
    """The next attempt at a branch."""
    number = (memo.attempt if memo else 0) + 1
    return Attempt(f"{group}/{branch.name}", position, number, tries, given=shown(branch.call), branch=place)


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
