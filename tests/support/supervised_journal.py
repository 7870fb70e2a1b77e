"""A journal whose writing is a real ledger's, for tests that hold both to what journals promise."""

from __future__ import annotations

import datetime as dt
import queue
import uuid
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from sqlalchemy.engine import Engine

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.runs import journal, leases, run_tags, waits
from andon.adapters.postgres.runs.journal import Holding
from andon.adapters.postgres.runs.transactions import transact
from andon.adapters.postgres.runs.waits import Expired
from andon.engine.artifacts import Stored
from andon.engine.declared.tags import MOST_TAGS
from andon.engine.errors import Cancelled, InvalidResult, LeaseLost
from andon.engine.events import Event
from andon.engine.memos import Memo
from andon.engine.ports import Attempt
from andon.engine.steps.sending import as_text
from andon.engine.steps.waiting import Waiting
from andon_worker.supervisor.ledger import Entry, Keep, Ledger, Refused, Write


def start_ledger(database_url: str) -> Ledger:
    """A ledger that writes to this database."""
    database = Database(database_url, name="test")
    ledger = Ledger(database, name="ledger", worker="test", lease=60.0, functions=lambda: ["f"], hosted=list)
    ledger.start()
    return ledger


class LedgerJournal:
    """One run's journal: asks the ledger and waits for its answer, as a lane does over its socket."""

    def __init__(self, ledger: Ledger, run_id: uuid.UUID, fence: int, engine: Engine | None = None) -> None:
        self._ledger = ledger
        self._holding = Holding(run_id, fence)
        self._engine = engine

    def _ask(self, entry: Callable[[Callable[[Any], object]], Entry[Any]]) -> Any:
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._ledger.write(entry(answers.put))
        answer = answers.get(timeout=60)
        if answer == "lost":
            raise LeaseLost
        return answer

    def _write(self, write: Callable[[Connection], Any]) -> Any:
        return self._ask(lambda answer: Write(answer, self._holding, "write", write))

    def begin(self, attempt: Attempt) -> None:
        """Nobody needs to know."""

    def complete(self, attempt: Attempt, seconds: float, output: str, files: Sequence[Stored] = ()) -> bool:
        def entry(answer: Callable[[Any], object]) -> Keep:
            return Keep(answer, self._holding, attempt, seconds, output, files)

        answer = self._ask(entry)
        if isinstance(answer, Refused):
            raise InvalidResult(attempt.name, str(answer))
        return bool(answer == "cancelled")

    def joined(self, attempt: Attempt) -> None:
        """Nobody needs to know."""

    def fail(self, attempt: Attempt, seconds: float, error: dict[str, Any], *, final: bool) -> None:
        self._write(lambda c: journal.keep_failure(c, self._holding, attempt, seconds, error, final=final))

    def sleep(self, name: str, position: int, *, seconds: float | None, until: dt.datetime | None) -> dt.datetime:
        answer = self._write(
            lambda c: journal.keep_sleep(c, self._holding, name, position, seconds=seconds, until=until)
        )
        if answer == "cancelled":
            raise Cancelled(name)
        assert isinstance(answer, dt.datetime)
        return answer

    def send(self, attempt: Attempt, events: Sequence[Event], output: str) -> bool:
        answer = self._write(lambda c: journal.send(c, self._holding, attempt, events=as_text(events), output=output))
        return bool(answer == "cancelled")

    def extend(self, seconds: float) -> None:
        self._write(lambda c: leases.extend(c, *self._holding, seconds))

    def tag(self, tag: str) -> bool:
        answer = self._write(lambda c: run_tags.tag(c, self._holding, "default", tag))
        return bool(answer == "cancelled" or answer <= MOST_TAGS)

    def expire(
        self, attempt: Attempt, output: str | None, error: dict[str, Any] | None, events: Sequence[Event] = ()
    ) -> Memo:
        text = as_text(events)

        def write(connection: Connection) -> Expired | None:
            return waits.expire(
                connection, self._holding, attempt.name, output=output, error=error, events=text, traceparent=None
            )

        answer = self._write(write)
        if answer == "cancelled":
            raise Cancelled(attempt.name)
        assert isinstance(answer, Expired)
        return answer.memo

    def wait(self, waiting: Waiting) -> None:
        """Suspend the run."""
        self._write(lambda c: waits.suspend(c, self._holding, waiting.as_json(), None))

    def recall(self, memo: Memo) -> Any:
        return self._write(lambda c: journal.recall(c, self._holding.run, memo.id))

    def transaction(self, attempt: Attempt, fn: Callable[[Any], Any], encode: Callable[[Any], str]) -> str:
        assert self._engine is not None
        run, fence = self._holding
        return transact(self._engine, str(run), fence, attempt, fn, encode, lambda callback: nullcontext())
