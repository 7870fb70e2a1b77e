"""Follow a run to its end as a worker would: each suspension is a replay from the memos."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from andon.adapters.cel import Evaluations, check_expression, value_of
from andon.engine.declared import tags
from andon.engine.declared.functions import Function, Handler
from andon.engine.declared.subjects import Row
from andon.engine.errors import StepTimeout
from andon.engine.events import INVOKED, RUN_CANCELLED, Event
from andon.engine.execution import Completed, Failed, Stopped, Suspended, execute, is_async
from andon.engine.memos import Memo
from andon.engine.states import Status
from andon.engine.steps.async_step import AsyncStep
from andon.engine.steps.invoking import ABANDON, CANCEL, Invocation, as_handlers_see, invocation_of
from andon.engine.steps.step import Step
from andon.engine.steps.stepping import failure
from andon.engine.steps.waiting import Awaited, Waiting, told, wait_key
from andon.engine.stops import Cause
from andon.simulation import cancels
from andon.testing.memory import START, MemoryFiles, MemoryJournal
from andon.testing.stopping import CancelCheckBelow, ManualCancelCheck, stoppable

RUN_ID, CLEANUP_ID = (f"00000000-0000-7000-8000-00000000000{number}" for number in (1, 2))


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        """In a line, for a test that fails: its error without the traceback, of each step how it ended."""
        error = self.error or {}
        why = f", error={error.get('type')}: {error.get('message')}" if error else f", output={self.output!r}"
        steps = {id: memo.status for id, memo in self.steps.items()}
        return f"Ended({self.status.value}{why}, steps={steps})"


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
    then, at its next step or check. Nothing is killed. Its finish time-out cancels it when as much has passed on the
    clock. `events` come when the run waits or sleeps, each so many seconds after the run began, or at once. Raises
    `RuntimeError` when the run suspends more than `max_replays` times, waits for what never comes, ends with its lease
    lost, or wants a transaction of a journal without a session; `ValueError` for an event that doesn't name the
    function's subject, which would start no run.
    """
    subject = None if function.subject is None else function.subject.named_in(event.data)
    if function.subject is not None and subject is None:
        raise ValueError(f"the event names no {function.subject.kind}: {function.subject.id} is missing, or no id")
    kept = journal or MemoryJournal()
    _tag(kept, function, event)
    began = kept.now
    check = cancel_check or ManualCancelCheck()
    around = Surroundings.of(began, events, [function, *functions])
    ended = _Following(function, function.handler, event, kept, max_replays, around, check=check).to_the_end()
    row = function.subject.row if function.subject is not None else None
    return replace(ended, subject=subject, row=None if row is None else _row_after(row, ended, began, kept.now))


def _tag(journal: MemoryJournal, function: Function, event: Event) -> None:
    """What a run has by its function."""
    declared, _ = tags.tags_of(function.tags, event, value_of)
    journal.tags = list(dict.fromkeys([*declared, *journal.tags]))


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

    def let_one_come(self, run: _Following, until: dt.datetime | None) -> bool:
        """Let the next event come, if it does by then; one that a function is cancelled on cancels its run."""
        journal = run.journal
        if not self.coming or (until is not None and self.coming[0][0] > until):
            if until is not None:
                journal.now = max(journal.now, until)
            return False
        at, event = self.coming.pop(0)
        journal.now = max(journal.now, at)
        self.come.append(replace(event, seq=self.seq + 1, tenant=run.event.tenant))
        for each in run.line():
            if any(cancels(rule, each.event, event) for rule in each.function.cancel_on):
                each.check.cancel()
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
    above: _Following | None = None
    check: ManualCancelCheck = field(default_factory=ManualCancelCheck)
    is_cleanup: bool = False
    stopped_at: dt.datetime | None = None
    """When the run above waits for it no longer, and has it cancelled."""

    def to_the_end(self) -> Ended:
        """Replay it until it has ended."""
        kept, files = self.journal, MemoryFiles()
        began, timeouts = kept.now, self.function.timeouts
        if not self.is_cleanup and timeouts is not None and timeouts.finish is not None and kept.finish_by is None:
            kept.finish_by = began + timeouts.finish
        status, output, error = _follow(self, files)
        stored = kept.artifacts.items() if status is Status.COMPLETED else ()
        artifacts = {name: files.contents[each.key] for name, (_, each) in stored}
        waited = (kept.now - began).total_seconds()
        for sent in kept.sent:
            if (said := invocation_of(sent)) is not None and str(said.parentStep) not in self.children:
                self.run_child(sent, self.check if status is Status.CANCELLED else ManualCancelCheck())
        mine = [each for each in kept.sent if each.name not in (INVOKED, RUN_CANCELLED)]
        return Ended(
            status,
            output,
            error,
            waited,
            kept.memos(),
            artifacts,
            mine,
            list(kept.tags),
            children=self.children,
            cleanup=self._clean_up(status),
        )

    def line(self) -> Iterator[_Following]:
        """It, and those above it."""
        each: _Following | None = self
        while each is not None:
            yield each
            each = each.above

    def ends(self) -> list[dt.datetime]:
        """When it is cancelled, whatever comes."""
        return [time for time in (self.journal.finish_by, self.stopped_at) if time is not None]

    def end_late(self) -> None:
        """Cancel what takes longer than it may, of it and those above."""
        for each in self.line():
            if any(time <= self.journal.now for time in each.ends()):
                each.check.cancel()

    def _latest(self, until: dt.datetime | None) -> dt.datetime | None:
        """How far the clock may come at once, if it is to come to `until`."""
        times = [time for each in self.line() if not each.check.cancelled for time in each.ends()]
        return min([*times, *([] if until is None else [until])], default=None)

    def _clean_up(self, status: Status) -> Ended | None:
        """Run `on_cancel` or `on_failure` as a run of its own, with memos of its own."""
        hooks = {Status.CANCELLED: self.function.on_cancel, Status.FAILED: self.function.on_failure}
        hook = None if self.is_cleanup else hooks.get(status)
        if hook is None:
            return None
        journal = MemoryJournal(session=self.journal.session, now=self.journal.now)
        alone = _Following(self.function, hook, self.event, journal, self.max_replays)
        return replace(alone, run_id=CLEANUP_ID, parent_run_id=self.run_id, is_cleanup=True).to_the_end()

    def wait(self, waiting: Waiting) -> None:
        """Let pass what passes until something that it waits for has come, or its time is over."""
        journal, step = self.journal, waiting.step
        journal.wait(waiting)
        asked = [each for each in [*waiting.sends, *journal.sent] if invocation_of(each) is not None]
        for event in asked:
            said = invocation_of(event)
            if said is not None and uuid.UUID(said.runId) == waiting.awaited[0].key:
                self._wait_for_child(event, said, waiting)
                return
        until = self._latest(journal.wakes.get(step))
        since = [self.around.seq if each.after_seq is None else each.after_seq for each in waiting.awaited]
        while journal.rows[step].status == "waiting" and not self.check.cancelled:
            if (found := self.around.find(waiting.awaited, since, self.event)) is not None:
                journal.arrive(step, output=told(*found))
            elif not self.around.let_one_come(self, until):
                break
        if journal.rows[step].status == "waiting" and not self.check.cancelled and until is None:
            names = " or ".join(each.event for each in waiting.awaited)
            raise RuntimeError(
                f"step {step!r} of {self.function.id!r} waits for {names} for ever: run_function(events=)"
            )

    def pass_time(self, until: dt.datetime) -> None:
        """Let the clock come to that time, and events with it."""
        latest = self._latest(until)
        while not self.check.cancelled and self.around.let_one_come(self, latest):
            pass

    def _wait_for_child(self, event: Event, said: Invocation, waiting: Waiting) -> None:
        """Run it to its end. Where the step's time is over sooner, it is cancelled then, unless it is to go on."""
        journal, due = self.journal, self.journal.wakes.get(waiting.step)
        ended = self.run_child(event, self.check, due if waiting.on_timeout == CANCEL else None)
        if due is None or journal.now < due or (journal.now == due and ended.status is not Status.CANCELLED):
            journal.arrive(waiting.step, output=ended.output, error=_of_child(ended, said))
        else:
            journal.now = due

    def run_child(self, event: Event, check: ManualCancelCheck, stopped_at: dt.datetime | None = None) -> Ended:
        """Run what it invokes, on the same clock; cancelled with it unless it was to be abandoned."""
        said = invocation_of(event)
        assert said is not None
        function = self.around.functions.get(said.functionId)
        if function is None:
            raise RuntimeError(f"{self.function.id!r} invokes {said.functionId!r}: run_function(functions=[...])")
        journal = MemoryJournal(session=self.journal.session, now=self.journal.now)
        _tag(journal, function, event)
        own = CancelCheckBelow(check) if said.onCancel != ABANDON else ManualCancelCheck()
        ids = said.runId, self.run_id
        made = _Following(function, function.handler, event, journal, self.max_replays, self.around, *ids, check=own)
        ended = replace(made, above=self, stopped_at=stopped_at).to_the_end()
        self.journal.now = journal.now
        self.children[str(said.parentStep)] = ended
        return ended


def _follow(run: _Following, files: MemoryFiles) -> tuple[Status, Any, dict[str, Any] | None]:
    function, event, journal, check = run.function, run.event, run.journal, run.check
    attempt = 1
    with asyncio.Runner() as runner:
        for _ in range(run.max_replays):
            run.end_late()
            with stoppable(check, journal) as stop:
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
                    run.wait(waiting)
                case Suspended(seconds, wake_at, failed):
                    attempt += failed is not None
                    run.pass_time(wake_at or journal.now + dt.timedelta(seconds=seconds or 0.0))
                case Stopped(Cause.CANCELLED):
                    return Status.CANCELLED, None, None
                case Stopped(Cause.TIMEOUT):
                    _time_out(journal)
                case Stopped(cause):
                    raise RuntimeError(f"the run of {function.id!r} has no end: {cause.name}")
    raise RuntimeError(f"the run of {function.id!r} suspended more than {run.max_replays} times")


def _time_out(journal: MemoryJournal) -> None:
    """What a worker writes when a step took too long: a failed attempt, after which the run is replayed."""
    if (timed_out := journal.underway) is not None:
        error = StepTimeout(timed_out.name, timed_out.timeout or 0.0)
        described, wait = failure(timed_out, error)
        journal.fail(timed_out, timed_out.timeout or 0.0, described, final=wait is None)
        journal.advance(wait or 0.0)
