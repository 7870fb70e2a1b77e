"""Test a function without stores: everything that a run needs from outside, in memory.

    ended = run_function(generate_hybrid_report, Event("report/generation.requested", {"reportId": "r1"}))
    assert ended.status == "completed"

`run_function` follows the run to its end as a worker would: each suspension (a sleep, the back-off before another
try) is a replay from the memos, on a clock that is advanced instead of waited for. Then its `on_cancel` or `on_failure`
is run (`Ended.cleanup`), and it is told what its subject and the row that follows it became. To see a function being
cancelled, keep the `ManualCancelCheck` that it is given and call `cancel()`: from inside a step, or before.

Events that come while it waits or sleeps are given with their seconds, and functions that it invokes as they are:

    ended = run_function(approval, event, events=[(3600, Event("approval/granted", {"id": 7}))], functions=[notify])

One that matches a cancel rule of the function cancels the run. `Ended.children` tells what became of each child.

`MemoryJournal` and `ManualCancelCheck` are fakes held to the same contract tests as the real adapters.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import signal
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any

from andon.adapters.cel import Evaluations, any_holds, check_expression, value_of
from andon.adapters.cron import check_schedule, ticks
from andon.adapters.keying import value_under
from andon.engine.artifacts import Stored
from andon.engine.declared import tags
from andon.engine.declared.functions import Function, Handler, Registry
from andon.engine.declared.rules import CancelOn
from andon.engine.declared.subjects import Row
from andon.engine.dispatch.ticks import tick_event
from andon.engine.errors import Cancelled, InvalidResult, LeaseLost, StepTimeout
from andon.engine.events import INVOKED, Event
from andon.engine.execution import Completed, Failed, Stopped, Suspended, execute, is_async
from andon.engine.memos import Memo
from andon.engine.ports import Attempt
from andon.engine.states import Status
from andon.engine.steps.async_step import AsyncStep
from andon.engine.steps.invoking import ABANDON, Invocation, as_handlers_see, invocation_of
from andon.engine.steps.step import Step
from andon.engine.steps.stepping import failure
from andon.engine.steps.waiting import Awaited, Waiting, told, wait_key
from andon.engine.stops import SIGNAL, Cause, Stop
from andon.simulation import Passed as Passed
from andon.simulation import Simulation

RUN_ID, CLEANUP_ID = (f"00000000-0000-7000-8000-00000000000{number}" for number in (1, 2))
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def starts(function: Function, event: Event) -> bool:
    """Whether `event` would start a run of the function: one of its triggers covers the event and holds.

    Raises `RegistrationError` for a function that would be refused.
    """
    found = Registry([function], check_expression=check_expression, check_schedule=check_schedule).starts(event.name)
    return any(any_holds(each.conditions, event)[0] for each in found)


def tags_of(function: Function, event: Event) -> list[str]:
    """The tags that a run of this event would have."""
    return tags.tags_of(_registered(function).tags, event, value_of)[0]


def started_by(function: Function, events: Sequence[Event]) -> list[Event]:
    """Those of the events that would start a run, sent closely and in this order, while no run is cancelled or fails:
    as triggers, idempotency and debounce decide.
    """
    found: dict[object, Event] = {}
    once, debounce = function.idempotency, function.debounce
    for place, event in enumerate(each for each in events if starts(function, each)):
        key: object = None if once is None else value_under(once, event)
        if debounce is not None:
            found.pop(key := ("", value_under(debounce.key, event)), None)
        found.setdefault(place if key is None else key, event)
    return list(found.values())


def flow(
    function: Function,
    events: Sequence[Event | tuple[float, Event]],
    *,
    seconds: float | Callable[[Event], float] = 60.0,
) -> list[Passed]:
    """What would become of events, each of which comes so many seconds after the beginning, or at it, if each run took
    so many `seconds`: by the function's triggers and cancel rules, and all that it says of how its runs flow.

    Fairness between keys, pauses and debounces are left out; so is that code needs time to stop.
    """
    timed = [each if isinstance(each, tuple) else (0.0, each) for each in events]
    takes = seconds if callable(seconds) else lambda _: float(seconds)
    return Simulation(function, takes).follow(timed)


def rerun_from(journal: MemoryJournal, step: str) -> MemoryJournal:
    """A journal for the run that repeats the one of `journal` from a step on: it recalls what was done before.

    Raises `KeyError` for a step that the run didn't have.
    """
    position, done = journal.rows[step].position, ("completed", "failed")
    slept = {name: time for name, time in journal.wakes.items() if time <= journal.now}
    before = {name: memo for name, memo in journal.rows.items() if memo.position < position}
    rows = {name: memo for name, memo in before.items() if memo.status in done or name in slept}
    return MemoryJournal(session=journal.session, now=journal.now, rows=rows, wakes=slept)


def ticks_of(function: Function, after: dt.datetime, count: int) -> list[dt.datetime]:
    """The next `count` ticks of a function's schedules after a moment, in UTC, without their jitter."""
    every = (ticks(each.expr, each.tz, after) for each in _registered(function).schedules)
    return list(islice(merge(*every), count))


def tick_of(function: Function, at: dt.datetime) -> Event:
    """The event that the function's first schedule sends for the tick `at`; `run_function` takes it."""
    [cron, *_] = _registered(function).schedules
    return tick_event(cron, function.id, at)


def _registered(function: Function) -> Function:
    Registry([function], check_expression=check_expression, check_schedule=check_schedule)
    return function


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
    artifacts: dict[str, tuple[str, Stored]] = field(default_factory=dict)
    """By name: the step that has stored it, and where."""
    wakes: dict[str, dt.datetime] = field(default_factory=dict)
    sent: list[Event] = field(default_factory=list)
    """What `step.send_event` has sent."""
    finish_by: dt.datetime | None = None
    """When the run is cancelled if it hasn't ended by then."""
    unserved: str | None = None
    """The step that wanted a transaction, where there is no session to give."""
    tags: list[str] = field(default_factory=list)
    """What the run is tagged with, by its function and by `step.tag`."""
    underway: Attempt | None = None
    watch: Callable[[Attempt | None], object] | None = None
    """Told of each attempt that begins, and with None when its body has ended."""

    def memos(self) -> dict[str, Memo]:
        """What the next replay is given."""
        return {name: replace(memo, due=self._due(name)) for name, memo in self.rows.items()}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += dt.timedelta(seconds=seconds)

    def begin(self, attempt: Attempt) -> None:
        """A body is about to run."""
        self._over(attempt)

    def complete(self, attempt: Attempt, seconds: float, output: str, files: Sequence[Stored] = ()) -> bool:
        """Keep a step's result and its files; returns whether a cancel came first, in which case nothing is kept."""
        self._has_ended(attempt)
        self._raise_if_lost()
        if not self.cancelled:
            for each in files:
                if self.artifacts.get(each.name, (attempt.name, each))[0] != attempt.name:
                    raise InvalidResult(attempt.name, f"another step has stored an artifact named {each.name!r}")
            self.artifacts |= {each.name: (attempt.name, each) for each in files}
            kept = attempt.name, attempt.position, "completed", attempt.number
            self.rows[attempt.name] = Memo(*kept, output=json.loads(output), branch=attempt.branch)
        return self.cancelled

    def joined(self, attempt: Attempt) -> None:
        """All branches of a group have ended."""
        self._over(None)

    def fail(self, attempt: Attempt, seconds: float, error: dict[str, Any], *, final: bool) -> None:
        """Keep a step's failed attempt."""
        self._has_ended(attempt)
        self._raise_if_lost()
        kept = attempt.name, attempt.position, "failed" if final else "retrying", attempt.number
        self.rows[attempt.name] = Memo(*kept, error=error, branch=attempt.branch)

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        """Keep when a sleeping step wakes; called again it keeps the first answer."""
        self._raise_if_lost()
        self.rows.setdefault(name, Memo(name, position, "sleeping", 1))
        return self.wakes.setdefault(name, until or self.now + dt.timedelta(seconds=seconds or 0.0))

    def extend(self, seconds: float) -> None:
        """Let the run take so many seconds from now, if it may not take longer already."""
        self._raise_if_lost()
        if self.finish_by is not None:
            self.finish_by = max(self.finish_by, self.now + dt.timedelta(seconds=seconds))

    def tag(self, tag: str) -> bool:
        """Give the run a tag, if there is room for it."""
        self._raise_if_lost()
        room = tag in self.tags or len(self.tags) < tags.MOST_TAGS
        if room and not self.cancelled and tag not in self.tags:
            self.tags.append(tag)
        return room

    def send(self, attempt: Attempt, events: Sequence[Event], output: str) -> bool:
        """Keep a step's result and the events that it sends."""
        cancelled = self.complete(attempt, 0.0, output)
        known = {each.id for each in self.sent}
        self.sent += [each for each in events if not cancelled and each.id not in known]
        return cancelled

    def wait(self, waiting: Waiting) -> None:
        """Keep what the run waits for, and its time-out; called again it keeps the first answer."""
        self.rows.setdefault(
            waiting.step, Memo(waiting.step, waiting.position, "waiting", 1, output=waiting.about, due=False)
        )
        if waiting.seconds is not None:
            self.wakes.setdefault(waiting.step, self.now + dt.timedelta(seconds=waiting.seconds))

    def expire(
        self, attempt: Attempt, output: str | None, error: dict[str, Any] | None, events: Sequence[Event] = ()
    ) -> Memo:
        """A waiting step's time is over: keep this, unless what it waits for has come."""
        self._raise_if_lost()
        if self.cancelled:
            raise Cancelled(attempt.name)
        if self.rows[attempt.name].status == "waiting":
            self.arrive(attempt.name, output=None if output is None else json.loads(output), error=error)
            self.sent += events
        return self.rows[attempt.name]

    def arrive(self, step: str, *, output: Any = None, error: dict[str, Any] | None = None) -> None:
        """What the step waits for has come."""
        status = "completed" if error is None else "failed"
        self.rows[step] = replace(self.rows[step], status=status, output=output, error=error)

    def recall(self, memo: Memo) -> Any:
        """The result of a completed step."""
        return memo.output

    def transaction(self, attempt: Attempt, fn: Callable[[Any], Any], encode: Callable[[Any], str]) -> str:
        """Call `fn(session)` and keep its result, or undo it when the run is cancelled or lost by then."""
        if self.session is None:
            self.unserved = attempt.name
            raise TypeError("this journal has no session to give: MemoryJournal(session=...)")
        with self.session() as session:
            text = encode(fn(session))
            if self.complete(attempt, 0.0, text):
                raise Cancelled(attempt.name)
        return text

    def _has_ended(self, attempt: Attempt) -> None:
        if attempt.branch is None:  # else its group goes on
            self._over(None)

    def _over(self, attempt: Attempt | None) -> None:
        self.underway = attempt
        if self.watch is not None:
            self.watch(attempt)

    def _due(self, name: str) -> bool:
        if name in self.wakes:
            return self.wakes[name] <= self.now
        return self.rows[name].status != "waiting"

    def _raise_if_lost(self) -> None:
        if self.lost:
            raise LeaseLost


@dataclass
class MemoryFiles:
    """What was stored, by its key."""

    limit: int = 1 << 30
    contents: dict[str, bytes] = field(default_factory=dict)

    def store(self, path: str, name: str) -> tuple[str, int]:
        """Keep the file's bytes."""
        key, content = f"{len(self.contents)}/{name}", Path(path).read_bytes()
        self.contents[key] = content
        return key, len(content)


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


@dataclass(frozen=True)
class Ended:
    """How a run ended. `waited` is what it would have slept and backed off, in seconds.

    `artifacts` are the bytes of what it has published, by name: nothing, unless it has completed. `subject` is the id
    of what it was about, and `row` what the columns of the row that follows it say at the end, in UTC; `cleanup` how
    its `on_cancel` or `on_failure` ended, and None where none was due.
    """

    status: Status
    output: Any
    error: dict[str, Any] | None
    waited: float
    steps: dict[str, Memo]
    artifacts: dict[str, bytes]
    sent: list[Event] = field(default_factory=list)
    """The events that it sent."""
    tags: list[str] = field(default_factory=list)
    """What it was tagged with."""
    subject: str | None = None
    row: dict[str, Any] | None = None
    cleanup: Ended | None = None
    children: dict[str, Ended] = field(default_factory=dict)
    """How those ended that it has invoked, by the step that did."""


def run_function(
    function: Function,
    event: Event,
    *,
    cancel_check: ManualCancelCheck | None = None,
    journal: MemoryJournal | None = None,
    max_replays: int = 1_000,
    events: Sequence[Event | tuple[float, Event]] = (),
    functions: Sequence[Function] = (),
) -> Ended:
    """Run `function` for `event` to its end, through every suspension, in this thread.

    In the main thread a cancel, or a step's time-out, stops the code as in a worker, unless it is in C; elsewhere, and
    then, at its next step or check. Nothing is killed. `events` come when the run waits or sleeps, each so many seconds
    after the run began, or at once. Raises `RuntimeError` when the run suspends more than `max_replays` times, waits
    for what never comes, ends with its lease lost, or wants a transaction of a journal without a session; `ValueError`
    for an event that doesn't name the function's subject, which would start no run.
    """
    subject = None if function.subject is None else function.subject.named_in(event.data)
    if function.subject is not None and subject is None:
        raise ValueError(f"the event names no {function.subject.kind}: {function.subject.id} is missing, or no id")
    kept = journal or MemoryJournal()
    _tag(kept, function, event)
    began = kept.now
    check = cancel_check or ManualCancelCheck()
    around = Surroundings.of(began, events, [function, *functions])
    ended = _Following(function, function.handler, event, kept, max_replays, around).to_the_end(check)
    hook, kind = {
        Status.CANCELLED: (function.on_cancel, "on_cancel"),
        Status.FAILED: (function.on_failure, "on_failure"),
    }.get(ended.status, (None, ""))
    row = function.subject.row if function.subject is not None else None
    return replace(
        ended,
        subject=subject,
        row=None if row is None else _row_after(row, ended, began, kept.now),
        cleanup=None if hook is None else _clean_up(function, hook, kind, event, kept, max_replays),
    )


def _tag(journal: MemoryJournal, function: Function, event: Event) -> None:
    """What a run has by its function."""
    declared, _ = tags.tags_of(function.tags, event, value_of)
    journal.tags = list(dict.fromkeys([*declared, *journal.tags]))


def _clean_up(function: Function, hook: Handler, kind: str, event: Event, of: MemoryJournal, max_replays: int) -> Ended:
    """Run `on_cancel` or `on_failure` as a run of its own, with memos of its own."""
    journal = MemoryJournal(session=of.session, now=of.now)
    following = _Following(function, hook, event, journal, max_replays, run_id=CLEANUP_ID, parent_run_id=RUN_ID)
    return following.to_the_end(ManualCancelCheck())


def _row_after(row: Row, ended: Ended, began: dt.datetime, at: dt.datetime) -> dict[str, Any]:
    """What the followed row says, having said `active` when the run was asked for."""
    states = {Status.COMPLETED: "completed", Status.FAILED: "failed", Status.CANCELLED: "cancelled"}
    state = states[ended.status]
    times = {"active": began, state: at}
    said: dict[str, Any] = {row.status: row.value(state)}
    if row.error is not None:
        said[row.error] = None if ended.error is None else ended.error["message"]
    for column in row.at.values():
        said[column] = None
    return said | {row.at[each]: time for each, time in times.items() if each in row.at}


def _of_child(ended: Ended, said: Invocation) -> dict[str, Any] | None:
    """The error that a parent gets."""
    if ended.status is Status.COMPLETED:
        return None
    code = "CHILD_FAILED" if ended.status is Status.FAILED else "CHILD_CANCELLED"
    why = f": {ended.error['message']}" if ended.error else ""
    return {"code": code, "message": f"Run {said.runId} of {said.functionId} {ended.status}{why}"}


@dataclass
class Surroundings:
    """What is around a run and its children: the events that come, and the functions that there are."""

    began: dt.datetime
    coming: list[tuple[dt.datetime, Event]] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    come: list[Event] = field(default_factory=list)

    @classmethod
    def of(
        cls, began: dt.datetime, events: Sequence[Event | tuple[float, Event]], functions: Sequence[Function]
    ) -> Surroundings:
        """As `run_function` is given them."""
        timed = [each if isinstance(each, tuple) else (0.0, each) for each in events]
        coming = [(began + dt.timedelta(seconds=seconds), event) for seconds, event in timed]
        return cls(began, sorted(coming, key=lambda each: each[0]), {each.id: each for each in functions})

    @property
    def seq(self) -> int:
        """Of the newest that has come."""
        return self.come[-1].seq if self.come else 0

    def let_one_come(self, run: _Following, check: ManualCancelCheck, until: dt.datetime | None) -> bool:
        """Let the next event come, if it does by then; one that the run's function is cancelled on cancels it."""
        journal = run.journal
        if not self.coming or (until is not None and self.coming[0][0] > until):
            if until is not None:
                journal.now = max(journal.now, until)
            return False
        at, event = self.coming.pop(0)
        journal.now = max(journal.now, at)
        self.come.append(replace(event, seq=self.seq + 1, tenant=run.event.tenant))
        if any(_cancels(rule, run.event, event) for rule in run.function.cancel_on):
            check.cancel()
        return True

    def find(self, wanted: Sequence[Awaited], since: Sequence[int], trigger: Event) -> tuple[int, Event] | None:
        """The first that has come of what is wanted, and which that is."""
        for event in self.come:
            for n, (each, after) in enumerate(zip(wanted, since, strict=True)):
                same = event.name == each.event and event.seq > after and event.seq not in each.consumed
                same = same and wait_key(event.tenant, event.name, each.path, event.data) == each.key
                if same and (each.expression is None or Evaluations().hold(each.expression, trigger, event)):
                    return n, event
        return None


def _cancels(rule: CancelOn, trigger: Event, event: Event) -> bool:
    if event.name != rule.event:
        return False
    value = rule.value(trigger.data)
    if rule.match is not None and (value is None or value != rule.value(event.data)):
        return False
    return rule.if_ is None or Evaluations().hold(rule.if_, trigger, event)


@dataclass
class _Following:
    """A run, with what it needs for one replay after the other."""

    function: Function
    handler: Handler
    event: Event
    journal: MemoryJournal
    max_replays: int
    around: Surroundings = field(default_factory=lambda: Surroundings(START))
    run_id: str = RUN_ID
    parent_run_id: str | None = None
    children: dict[str, Ended] = field(default_factory=dict)

    def to_the_end(self, check: ManualCancelCheck) -> Ended:
        """Replay it until it has ended."""
        kept, files = self.journal, MemoryFiles()
        began = kept.now
        status, output, error = _follow(self, check, files)
        stored = kept.artifacts.items() if status is Status.COMPLETED else ()
        artifacts = {name: files.contents[each.key] for name, (_, each) in stored}
        waited = (kept.now - began).total_seconds()
        if status is not Status.CANCELLED:
            for sent in kept.sent:
                if (said := invocation_of(sent)) is not None and str(said.parentStep) not in self.children:
                    self.run_child(sent, ManualCancelCheck())
        mine = [each for each in kept.sent if each.name != INVOKED]
        return Ended(
            status, output, error, waited, kept.memos(), artifacts, mine, list(kept.tags), children=self.children
        )

    def wait(self, waiting: Waiting, check: ManualCancelCheck) -> None:
        """Let pass what passes until something that it waits for has come, or its time is over."""
        journal, step = self.journal, waiting.step
        journal.wait(waiting)
        asked = [each for each in [*waiting.sends, *journal.sent] if invocation_of(each) is not None]
        for event in asked:
            said = invocation_of(event)
            if said is not None and uuid.UUID(said.runId) == waiting.awaited[0].key:
                ended = self.run_child(event, check)
                if journal.wakes.get(step, journal.now) >= journal.now:
                    journal.arrive(step, output=ended.output, error=_of_child(ended, said))
                return
        since = [self.around.seq if each.after_seq is None else each.after_seq for each in waiting.awaited]
        while journal.rows[step].status == "waiting" and not check.cancelled:
            if (found := self.around.find(waiting.awaited, since, self.event)) is not None:
                journal.arrive(step, output=told(*found))
            elif not self.around.let_one_come(self, check, journal.wakes.get(step)):
                break
        if journal.rows[step].status == "waiting" and not check.cancelled and step not in journal.wakes:
            names = " or ".join(each.event for each in waiting.awaited)
            raise RuntimeError(
                f"step {step!r} of {self.function.id!r} waits for {names} for ever: run_function(events=)"
            )

    def pass_time(self, until: dt.datetime, check: ManualCancelCheck) -> None:
        """Let the clock come to that time, and events with it."""
        while not check.cancelled and self.around.let_one_come(self, check, until):
            pass
        if not check.cancelled:
            self.journal.now = max(self.journal.now, until)

    def run_child(self, event: Event, check: ManualCancelCheck) -> Ended:
        """Run what it invokes, on the same clock; cancelled with it unless it was to be abandoned."""
        said = invocation_of(event)
        assert said is not None
        function = self.around.functions.get(said.functionId)
        if function is None:
            raise RuntimeError(f"{self.function.id!r} invokes {said.functionId!r}: run_function(functions=[...])")
        journal = MemoryJournal(session=self.journal.session, now=self.journal.now)
        _tag(journal, function, event)
        rest = (self.max_replays, self.around, said.runId, self.run_id)
        child = _Following(function, function.handler, event, journal, *rest)
        ended = child.to_the_end(check if said.onCancel != ABANDON else ManualCancelCheck())
        self.journal.now = journal.now
        self.children[str(said.parentStep)] = ended
        return ended


def _follow(run: _Following, check: ManualCancelCheck, files: MemoryFiles) -> tuple[Status, Any, dict[str, Any] | None]:
    function, event, journal, max_replays = run.function, run.event, run.journal, run.max_replays
    attempt = 1
    with asyncio.Runner() as runner:
        for _ in range(max_replays):
            with _stoppable(check, journal) as stop:
                step = (AsyncStep if is_async(run.handler) else Step)(
                    memos=journal.memos(),
                    retries=function.retries,
                    stop=stop,
                    journal=journal,
                    cancel_check=check,
                    files=files,
                    run_async=runner.run,
                    run_id=run.run_id,
                    parent_run_id=run.parent_run_id,
                    attempt=attempt,
                    event=event,
                    check_expression=check_expression,
                )
                outcome = execute(
                    run.handler,
                    as_handlers_see(event),
                    step,
                    stop,
                    attempt=attempt,
                    retries=function.retries,
                    run_async=runner.run,
                )
            if journal.unserved is not None:
                raise RuntimeError(
                    f"step {journal.unserved!r} of {function.id!r} wants a transaction, and there is no session: "
                    "run_function(..., journal=MemoryJournal(session=...))"
                )
            match outcome:
                case Completed(text):
                    return Status.COMPLETED, json.loads(text), None
                case Failed(error):
                    return Status.FAILED, None, error
                case Suspended(waiting=waiting) if waiting is not None:
                    run.wait(waiting, check)
                case Suspended(seconds, wake_at, failed):
                    attempt += failed is not None
                    run.pass_time(wake_at or journal.now + dt.timedelta(seconds=seconds or 0.0), check)
                case Stopped(Cause.CANCELLED):
                    return Status.CANCELLED, None, None
                case Stopped(Cause.TIMEOUT):
                    _time_out(journal)
                case Stopped(cause):
                    raise RuntimeError(f"the run of {function.id!r} has no end: {cause.name}")
    raise RuntimeError(f"the run of {function.id!r} suspended more than {max_replays} times")


def _time_out(journal: MemoryJournal) -> None:
    """What a worker writes when a step took too long: a failed attempt, after which the run is replayed."""
    if (timed_out := journal.underway) is not None:
        error = StepTimeout(timed_out.name, timed_out.timeout or 0.0)
        described, wait = failure(timed_out, error)
        journal.fail(timed_out, timed_out.timeout or 0.0, described, final=wait is None)
        journal.advance(wait or 0.0)


@contextmanager
def _stoppable(check: ManualCancelCheck, journal: MemoryJournal) -> Iterator[Stop]:
    """A stop that cancels and time-outs order, delivered by a signal where that is possible: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield _wired(Stop(), check, journal)
        return
    main = threading.get_ident()
    stop = Stop(lambda: signal.pthread_kill(main, SIGNAL))
    before = signal.signal(SIGNAL, lambda *_: stop.deliver())
    try:
        yield _wired(stop, check, journal)
    finally:
        if journal.watch is not None:
            journal.watch(None)
        signal.signal(SIGNAL, before)


def _wired(stop: Stop, check: ManualCancelCheck, journal: MemoryJournal) -> Stop:
    def order(cause: Cause) -> None:
        stop.order(cause)
        stop.nudge()

    timers: list[threading.Timer] = []

    def watch(attempt: Attempt | None) -> None:
        while timers:
            timers.pop().cancel()
        if attempt is not None and attempt.timeout is not None:
            timers.append(threading.Timer(attempt.timeout, order, [Cause.TIMEOUT]))
            timers[-1].daemon = True
            timers[-1].start()

    journal.watch = watch
    check.on_cancel(lambda: order(Cause.CANCELLED))
    return stop
