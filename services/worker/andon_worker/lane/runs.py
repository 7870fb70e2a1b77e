"""One run in a lane: what the supervisor says of it, its handler, and what came of it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from andon.engine.declared.functions import Function, Handler
from andon.engine.events import Event
from andon.engine.execution import Completed, Failed, Outcome, Stopped, Suspended, execute, is_async
from andon.engine.memos import Memo
from andon.engine.steps.async_step import AsyncStep
from andon.engine.steps.invoking import as_handlers_see
from andon.engine.steps.step import Step
from andon.logs import flush_output
from andon_worker.lane.branches import Forked
from andon_worker.lane.conversation import Conversation, LaneJournal
from andon_worker.lane.files import Artifacts
from andon_worker.lane.progress import SharedProgress
from andon_worker.lane.stopping import LaneStop, Orders
from andon_worker.lane.transactions import Transactions
from andon_worker.wire import Header

Observe = Callable[[str], AbstractContextManager[object]]


@dataclass(frozen=True)
class Runs:
    """Executes runs one after the other, each as if it were the first."""

    functions: Mapping[str, Function]
    talk: Conversation
    orders: Orders
    progress: SharedProgress
    transactions: Transactions
    artifacts: Artifacts
    observe: Observe = nullcontext

    def execute(self, said: Header) -> tuple[Header, bytes, str | None]:
        """Execute the run; returns how to tell its end, and what of it the process can't get rid of."""
        stop, loop = self.orders.begin(said["run"], said["fence"]), _Loop()
        outcome = copy_context().run(self._outcome, said, stop, loop)
        stopped = stop.cause is not None
        left = "it was stopped" if stopped else loop.close(self.functions[said["function"]].grace)
        self.orders.end()
        flush_output()
        header, body = _told(outcome)
        return header, body, left

    def _outcome(self, said: Header, stop: LaneStop, loop: _Loop) -> Outcome:
        function = self.functions[said["function"]]
        handler, event = _handler(function, said["kind"]), _event(said)
        transact = self.transactions.of(said["run"], said["fence"], stop)
        journal = LaneJournal(self.talk, stop, transact, said["room"], self.progress.begin, careful=said["careful"])
        step = (AsyncStep if is_async(handler) else Step)(
            memos={each[0]: _memo(each) for each in said["memos"]},
            retries=function.retries,
            stop=stop,
            journal=journal,
            cancel_check=journal,
            files=self.artifacts.of(said["event"]["tenant"], said["run"]),
            progress=self.progress,
            observe=self.observe,
            run_async=loop.run,
            run_id=said["run"],
            fence=said["fence"],
            attempt=said["attempt"],
            parent_run_id=said["parent"],
            event=event,
            check_expression=check_expression,
            in_processes=partial(Forked, stop=stop, show=self.progress),
        )
        return execute(
            handler,
            as_handlers_see(event),
            step,
            stop,
            attempt=said["attempt"],
            retries=function.retries,
            run_async=loop.run,
        )


class _Loop:
    """The run's event loop, made when `async` code first asks for it."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run it to its end; what it leaves in the loop is there for the run's next."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(coroutine)

    def close(self, grace: float) -> str | None:
        """End what is left in the loop; says what goes on after so many seconds, which only ends with the process."""
        if self._runner is None:
            return None
        loop = self._runner.get_loop()
        if not loop.run_until_complete(_ended(loop, grace)):
            return "it has left async code running"
        self._runner.close()
        return None


async def _ended(loop: asyncio.AbstractEventLoop, grace: float) -> bool:
    """Whether tasks, asynchronous generators and threads of the loop have ended in time, tasks by their cancellation.

    What `asyncio.Runner.close` does, which waits for ever.
    """
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for each in tasks:
        each.cancel()

    async def end() -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()

    _, left = await asyncio.wait([asyncio.ensure_future(end())], timeout=grace)
    return not left


def check_expression(text: str) -> None:
    """Raise `ValueError` for what is no CEL. What that takes is loaded when a run first says some."""
    from andon.adapters.cel import check_expression

    check_expression(text)


def _handler(function: Function, kind: str) -> Handler:
    hook = {"on_cancel": function.on_cancel, "on_failure": function.on_failure}.get(kind, function.handler)
    return hook if hook is not None else lambda _event, _step: None


def _event(said: Header) -> Event:
    event = said["event"]
    ts = event["ts"]
    return Event(**{**event, "ts": None if ts is None else dt.datetime.fromisoformat(ts)})


def _memo(said: list[Any]) -> Memo:
    name, position, status, attempt, due, error, at_hand, branch, output = said
    return Memo(name, position, status, attempt, output, error, due, at_hand, branch)


def _told(outcome: Outcome) -> tuple[Header, bytes]:
    match outcome:
        case Completed(output):
            return {"say": "end", "as": "completed"}, output.encode()
        case Failed(error):
            return {"say": "end", "as": "failed", "error": error}, b""
        case Suspended(waiting=waiting) if waiting is not None:
            return {"say": "end", "as": "suspended", "waiting": waiting.as_json()}, b""
        case Suspended(seconds, wake_at, failed):
            when = None if wake_at is None else wake_at.isoformat()
            return {"say": "end", "as": "suspended", "seconds": seconds, "wake_at": when, "failed": failed}, b""
        case Stopped(cause, where):
            return {"say": "end", "as": "stopped", "cause": int(cause), "where": where}, b""
