"""Branches of a group of steps, side by side: each body in a thread of the run's process, the handler's own waits.

A thread can't be interrupted: a branch that is to stop hears of it at its next `step.check`, and ends with its process
when the grace is over. A worker can have them in processes instead, which can.
"""

import asyncio
import inspect
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

from andon.engine.errors import DefinitionChanged, NonRetriable
from andon.engine.memos import encode_result, plain
from andon.engine.ports import Attempt
from andon.engine.steps.progress import Progress

MOST_AT_ONCE = 16
MOST_BRANCHES = 10_000
ALL, FIRST = "all", "first"
BRANCH: ContextVar[int | None] = ContextVar("branch", default=None)
"""Which branch of its group the code is in."""


@dataclass(frozen=True)
class Branch:
    """One of a group: its name in it, and its body."""

    name: str
    call: partial[Any]


class Done(NamedTuple):
    """What came of a branch: JSON text, or why there is none."""

    attempt: Attempt
    seconds: float
    text: str = ""
    error: BaseException | None = None
    failed: tuple[dict[str, Any], float | None] | None = None
    """How it has failed, where the error is in another process: described, and the seconds until it is tried again."""


class Going(Protocol):
    """Branches that run side by side, wherever they do."""

    stopped: bool

    def start(self) -> None: ...
    def next(self) -> Done: ...
    def stop(self) -> None: ...
    def join(self) -> None: ...
    def leave(self) -> None: ...
    def progress(self, show: Progress, fraction: float | None, note: str | None) -> None: ...


Start = Callable[
    [Sequence[tuple[Attempt, partial[Any]]], int, int, Callable[[str], AbstractContextManager[object]]], Going
]
"""Makes them: what is to be done, how many at once, how many there are with those that have ended, and what is entered
around each."""


def branches_of(group: str, said: Sequence[Any]) -> list[Branch]:
    """The branches of `step.parallel`, given as (id, fn, *args); raises `NonRetriable` naming what can't be meant."""
    branches = []
    for place, each in enumerate(said):
        if not isinstance(each, (tuple, list)) or len(each) < 2 or not callable(each[1]):
            raise NonRetriable(f"step {group!r}, branch {place}: expected (id, function, *arguments), not {each!r:.80}")
        name, fn, *arguments = each
        branches.append(Branch(name, partial(fn, *arguments)))
    return branches


def check_group(group: str, branches: Sequence[Branch], limit: Any, policy: Any, processes: Any = False) -> None:
    """Raise `NonRetriable` where a group can't be meant so."""
    if len(branches) > MOST_BRANCHES:
        raise NonRetriable(f"step {group!r} has at most {MOST_BRANCHES} branches, not {len(branches)}")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST_AT_ONCE:
        raise NonRetriable(f"step {group!r}: limit={limit!r:.40}: expected a whole number from 1 to {MOST_AT_ONCE}")
    if policy not in (ALL, FIRST):
        raise NonRetriable(f"step {group!r}: policy={policy!r:.40}: expected 'all' or 'first'")
    if not isinstance(processes, bool):
        raise NonRetriable(f"step {group!r}: processes={processes!r:.40}: expected True or False")
    names = [each.name for each in branches]
    for name in names:
        if not isinstance(name, str) or not name or "/" in name or plain(name) != name or len(group) + len(name) > 200:
            raise NonRetriable(f"step {group!r}: a branch's id is a short text without '/', not {name!r:.80}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise NonRetriable(f"step {group!r}: two branches have the id {twice!r}")


def check_known(group: str, branches: Sequence[Branch], known: Sequence[str]) -> None:
    """Raise `DefinitionChanged` where the run remembers a branch that there is no more."""
    gone = set(known) - {f"{group}/{each.name}" for each in branches}
    if gone:
        raise DefinitionChanged(
            f"The run has finished branch {min(gone)!r}, which step {group!r} no longer has. "
            "Give changed functions a new id, or let their runs end first."
        )


class Beside:
    """Runs branches, `limit` at a time. `next` belongs to the thread that made it."""

    def __init__(
        self,
        todo: Sequence[tuple[Attempt, partial[Any]]],
        limit: int,
        count: int,
        observe: Callable[[str], AbstractContextManager[object]],
    ) -> None:
        """`count` is how many branches the group has, those included that have ended before."""
        self._todo: queue.SimpleQueue[tuple[Attempt, partial[Any], Context]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._observe = observe
        self._fractions = [1.0] * count
        self._saying = threading.Lock()
        for attempt, _ in todo:
            self._fractions[attempt.branch or 0] = 0.0
        self.stopped = False
        """Whether no branch is to begin any more."""
        for attempt, call in todo:
            self._todo.put((attempt, call, copy_context()))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(limit, len(todo)))]

    def start(self) -> None:
        """Begin as many as may run at once."""
        for thread in self._threads:
            thread.start()

    def next(self) -> Done:
        """What came of the branch that has ended next; waits for it."""
        return self._done.get()

    def stop(self) -> None:
        """Begin none any more; those that go hear of it at their next `step.check`."""
        self.stopped = True

    def leave(self) -> None:
        """Let those go on that do: their results are of no use."""
        self.stop()

    def join(self) -> None:
        """Wait for the branches that have begun."""
        for thread in self._threads:
            thread.join()

    def progress(self, show: Progress, fraction: float | None, note: str | None) -> None:
        """A branch says how far it is: what is shown is how far all of them are together."""
        branch = BRANCH.get()
        with self._saying:
            if branch is not None and fraction is not None:
                self._fractions[branch] = fraction
                fraction = sum(self._fractions) / len(self._fractions)
            show.show(fraction, note)

    def _work(self) -> None:
        while not self.stopped:
            try:
                attempt, call, context = self._todo.get_nowait()
            except queue.Empty:
                return
            began = time.monotonic()
            try:
                text = context.run(self._body, attempt, call)
            except BaseException as error:
                self._done.put(Done(attempt, time.monotonic() - began, error=error))
            else:
                self._done.put(Done(attempt, time.monotonic() - began, text))

    def _body(self, attempt: Attempt, call: partial[Any]) -> str:
        BRANCH.set(attempt.branch)
        with self._observe(attempt.name):
            returned = call()
            if inspect.iscoroutine(returned):
                returned = asyncio.run(returned)
            text = encode_result(attempt.name, returned)
        self._fractions[attempt.branch or 0] = 1.0
        return text
