"""A run in a lane, as its supervisor sees it: started, listened to, stopped, and its end written.

All of it happens in the loop's thread, and none of it waits: what is to be written goes to the ledger, which answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from andon.adapters.postgres.access.room import Room
from andon.adapters.postgres.runs.leases import Claimed
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.rules import flag_name, run_flag
from andon.engine.events import trace_id_of
from andon.engine.ports import Attempt
from andon.engine.stops import Cause
from andon_worker.supervisor.answering import Answering
from andon_worker.supervisor.courier import Courier
from andon_worker.supervisor.endings import Endings
from andon_worker.supervisor.hosting.hosts import Hosts, Run
from andon_worker.supervisor.hosting.lanes import Lane, Lanes
from andon_worker.supervisor.hosting.loop import Loop
from andon_worker.supervisor.hosting.prints import Prints
from andon_worker.supervisor.ledger import Ledger
from andon_worker.supervisor.output.lines import Line, RunOutput
from andon_worker.supervisor.output.logbook import Logbook, Said
from andon_worker.supervisor.signals.hooks import Hooks
from andon_worker.wire import BrokenFrame, Header

log = logging.getLogger(__name__)
GIVE_UP_SECONDS = 10.0


@dataclass(eq=False)
class Executing:
    """Starts runs, hears their lanes, stops them."""

    loop: Loop
    lanes: Lanes
    ledger: Ledger
    courier: Courier
    logbook: Logbook
    hosts: Hosts
    hooks: Hooks
    endings: Endings
    results_limit: int
    cleanup_seconds: float
    room: Room

    def __post_init__(self) -> None:
        self._prints = Prints(self.loop, self._catch_up)
        self._answering = Answering(
            self.loop, self.ledger, self.courier, self.hooks, self.endings, self.stop, self._flush, self.room
        )

    # --- start ---------------------------------------------------------------------------------------------------

    def start(self, claimed: Claimed, declared: Declaration, done: Callable[[], object]) -> None:
        """Execute a claimed run; `done` is called when its end is written, or it is somebody else's."""
        keys: dict[str, Any] = {"run": str(claimed.id), "function": claimed.function_id, "tenant": claimed.tenant}

        def keep(step: str | None, attempt: int, lines: list[Line]) -> None:
            self.logbook.keep(Said(claimed.id, step, attempt, keys, lines))

        run = Run(claimed, declared, flags(claimed, declared), RunOutput(keep), done)
        run.keys = keys
        run.traceparent = self.hooks.run_begins(run)
        if (trace := trace_id_of(run.traceparent or claimed.event.traceparent)) is not None:
            keys["trace_id"] = trace
        self.hosts.add(run)
        if claimed.kind != "function":
            run.limit = self.loop.after(self.cleanup_seconds, lambda: self._end_cleanup(run))
        key = claimed.tenant, claimed.function_id
        self.lanes.take(key, declared.fresh, lambda lane: self._assign(run, lane))

    def _assign(self, run: Run, lane: Lane) -> None:
        if run.cause is not None:  # it was stopped before it had a lane
            self.lanes.give_back(lane)
            return
        lane.run, run.lane = run, lane
        lane.runs += 1
        lane.progress.clear()
        self._answering.send(lane, self._order_of(run, lane))

    def _order_of(self, run: Run, lane: Lane) -> Header:
        claimed, event = run.claimed, run.claimed.event
        return {
            "say": "run",
            "run": str(claimed.id),
            "fence": claimed.fence,
            "function": claimed.function_id,
            "kind": claimed.kind,
            "attempt": claimed.attempt,
            "parent": str(claimed.parent_run_id) if claimed.parent_run_id else None,
            "event": {**vars(event), "ts": event.ts and event.ts.isoformat(), "data": dict(event.data)},
            "memos": [
                [m.id, m.position, m.status, m.attempt, m.due, m.error, m.at_hand, m.branch, m.output]
                for m in claimed.memos.values()
            ],
            "room": self.results_limit - claimed.stored,
            "careful": claimed.lost > 0,
            "traceparent": run.traceparent,
            "scratch": str(self.endings.scratch_of(lane)),
        }

    # --- listen --------------------------------------------------------------------------------------------------

    def watch(self, lane: Lane) -> None:
        """Listen to a new lane."""
        lane.watched = True
        self.loop.watch(lane.talk, lambda: self._hear(lane))
        self._prints.watch(lane)

    def unwatch(self, lane: Lane) -> None:
        """It is gone."""
        lane.watched = False
        self.loop.forget(lane.talk)
        self._prints.unwatch(lane)

    def _hear(self, lane: Lane) -> None:
        try:
            for header, body in lane.talk.frames():
                if lane.run is not None:
                    self._obey(lane.run, lane, header, body)
        except EOFError:
            self.loop.forget(lane.talk)  # it is ending; when it has, the nursery says so
            self.lanes.expect_end(lane)
        except (BrokenFrame, KeyError, TypeError, ValueError) as error:
            log.error("a lane said what can't be understood, and is ended: %s: %s", type(error).__name__, error)
            self.loop.forget(lane.talk)
            if lane.run is not None:
                lane.run.killed_for = "its process broke the conversation with its worker"
            self.lanes.discard(lane)

    def _catch_up(self, lane: Lane) -> None:
        """Take in what it has said and what it has begun, before what it prints."""
        self._hear(lane)
        if lane.run is not None:
            self._see(lane.run)

    def _obey(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        say = header["say"]
        if say == "begin":
            attempt = Attempt(**header["attempt"])
            if header.get("answer"):
                self._prints.take_all(lane)
                self._answering.let_begin(run, lane, attempt)
            self._begin(run, header["begun"], attempt, time.monotonic())
        elif say == "committed":
            self._body_ended(run, lane, Attempt(**header["attempt"]), header["begun"])
            self.hooks.step_ends(run, Attempt(**header["attempt"]), "completed", header["seconds"])
        elif say == "joined":
            self._body_ended(run, lane, Attempt(**header["attempt"]), header["begun"])
        elif say in self._answering.verbs:
            if say in {"complete", "fail"}:
                self._attempt_ended(run, lane, Attempt(**header["attempt"]), header["begun"])
            self._answering.verbs[say](run, lane, header, body)
        elif say == "end":
            self._has_ended(run, lane, header, body)
        else:
            raise ValueError(f"{say!r} is no word of a lane's")

    def _see(self, run: Run) -> None:
        """Take in what has begun and wasn't told of: of what is quick, its end tells."""
        if (unheard := run.unheard()) is not None:
            self._begin(run, *unheard)

    def _begin(self, run: Run, number: int, attempt: Attempt, at: float) -> None:
        run.underway = attempt
        run.begun, run.began = number, at
        run.output.enter(attempt.name, attempt.number)
        if attempt.timeout is not None:
            run.timeout = self.loop.after(attempt.timeout, lambda: self._time_out(run, attempt))

    def _time_out(self, run: Run, attempt: Attempt) -> None:
        """What the lane has already said counts: it is heard first."""
        if run.lane is not None:
            self._hear(run.lane)
        if run.underway is attempt:
            self.stop(run, Cause.TIMEOUT)

    def _end_cleanup(self, run: Run) -> None:
        """Nothing else bounds it: who is cancelled may not stay in a lane for ever by that."""
        if run.cause is None and self._still(run):
            run.overdue = self.cleanup_seconds
            self.stop(run, Cause.TIMEOUT)

    def _attempt_ended(self, run: Run, lane: Lane, attempt: Attempt, number: int) -> None:
        """An attempt at a step, or at a branch of one; while a branch ends, others may go on."""
        if attempt.branch is None:
            self._body_ended(run, lane, attempt, number)
        else:
            self._see(run)

    def _body_ended(self, run: Run, lane: Lane, attempt: Attempt, number: int) -> None:
        """The attempt of this number has ended; where it waited for no answer, the next may be underway already."""
        if number < run.begun:
            return
        if number > run.begun:
            self._begin(run, number, attempt, run.began)
        if run.timeout is not None:
            run.timeout.cancel()
            run.timeout = None
        self._prints.take_all(lane)
        run.output.enter(None, run.claimed.attempt)
        run.underway = None

    def _flush(self, lane: Lane) -> None:
        if self.lanes.lives(lane):
            left = lane.talk.flush()
            self.loop.watch(lane.talk, lambda: self._hear(lane), (lambda: self._flush(lane)) if left else None)

    # --- stop ----------------------------------------------------------------------------------------------------

    def stop(self, run: Run, cause: Cause) -> None:
        """Order a run to stop: its code is interrupted now, and killed when its grace is over."""
        if run.cause is not None and cause <= run.cause:
            return
        run.cause, run.ordered_at = cause, time.monotonic()
        lane = run.lane
        if not self._still(run):
            return
        if lane is None:
            if not run.stopped_at:  # it waits for one, which may take as long as an import of all modules
                run.stopped_at = run.ordered_at
                self.endings.write(run)
            return
        self._see(run)
        if cause is Cause.LEASE_LOST:
            self.lanes.discard(lane)
            self.loop.after(GIVE_UP_SECONDS, lambda: self._give_up(run, lane))
            return
        run_id, fence, grace = str(run.id), run.claimed.fence, run.grace
        lane.order(run_id, fence, cause, last=grace == 0)
        self.loop.after(grace / 2, lambda: lane.order(run_id, fence, cause, last=True) if self._still(run) else None)
        self.loop.after(grace, lambda: self.lanes.discard(lane) if self._still(run) else None)

    def _give_up(self, run: Run, lane: Lane) -> None:
        """What even a kill doesn't end, the kernel holds: the lane is given up, not the worker."""
        if self._still(run):
            log.error("run %s is lost, and its process can't be ended", run.id, extra=run.keys)
            lane.run, lane.given_up = None, run
            self.hosts.linger(run)
            self.endings.given_up(run)

    def _still(self, run: Run) -> bool:
        """Whether its code goes on."""
        return run.end is None and self.hosts.get(run.id) is run

    def raised(self, flag: str, seq: int) -> None:
        """A cancel flag was pushed; from any thread."""
        for run in self.hosts.named(flag, seq):
            self.loop.post(partial(self.stop, run, Cause.CANCELLED))

    def hand_over(self, *, hurry: bool) -> None:
        """Let every run reach its next boundary and end there; with `hurry` interrupt it. From any thread."""
        self.endings.closing = True
        if hurry:
            for run in self.hosts.all():
                self.loop.post(partial(self.stop, run, Cause.HAND_OVER))

    def taken_over(self) -> None:
        """There are other lanes: runs reach their ends again."""
        self.endings.closing = False

    def kill_for(self, run: Run, why: str) -> None:
        """End a run's processes for a failure of its own."""
        if run.lane is not None and self._still(run):
            run.killed_for = why
            self.lanes.discard(run.lane)

    # --- end -----------------------------------------------------------------------------------------------------

    def _has_ended(self, run: Run, lane: Lane, header: Header, body: bytes) -> None:
        """The lane says that the code has ended. It is settled when nothing of it can run any more."""
        self._see(run)
        run.stopped_at = time.monotonic()
        if run.timeout is not None:
            run.timeout.cancel()
        self._prints.take_all(lane)
        run.output.flush()
        run.end = header, body
        if (number := header["litter"]) is not None:
            run.litter = self.endings.scratch_of(lane) / str(int(number))
        again = header["left"] is None and not lane.spent and not run.declared.fresh and self.lanes.lives(lane)
        if again and lane.runs < run.declared.max_runs:
            run.lane = None
            self.lanes.give_back(lane)
            self.endings.write(run)
        else:
            self.lanes.discard(lane)

    def lane_ended(self, lane: Lane, status: int | None) -> None:
        """A lane is gone, and all that it had started with it; status None: its nursery has ended.

        By whose fault can't be known where that was each lane's parent, so it is nobody's; a next nursery has nurses.
        """
        self.endings.clear_up(lane)
        if lane.given_up is not None:
            self.hosts.forget(lane.given_up)
            self.endings.let_go(lane.given_up)
        run = lane.run
        if run is None:
            return
        if run.end is None:
            self._hear(lane)  # what it said last
        if run.end is None:
            self._see(run)
            run.stopped_at = time.monotonic()
            self._prints.take_all(lane)
            run.output.flush()
            if status is None and not lane.has_nurse:
                run.cause = run.cause or Cause.HAND_OVER
        run.lane = None
        self.endings.write(run, status)


def flags(claimed: Claimed, declared: Declaration) -> tuple[str, ...]:
    """The names of the cancel flags that stop this run."""
    rules = declared.cancel_on if claimed.kind == "function" else ()
    named = (flag_name(claimed.tenant, claimed.function_id, rule, claimed.event.data) for rule in rules)
    return (run_flag(claimed.id), *(name for name in named if name))
