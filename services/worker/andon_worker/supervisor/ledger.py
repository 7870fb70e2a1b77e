"""Everything that a worker's runs have written, by one thread: what several lanes say meanwhile goes in one statement.

A worker has three: one for what steps say, whose lanes wait for the answer, one for what becomes of runs, and one for
what either has that is large, so that nobody's few bytes wait for another's many.

No statement waits for a row that somebody else changes now; what was left out is tried again shortly, unless the run
turns out to be cancelled or lost. While the database is away, all of it is kept until it can be written. So nothing
that a lane, a tenant or an admin's lock does holds up more than itself, and stopping, which needs no database, nothing.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

import psycopg

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.runs import awaiting_children, journal, leases, settle
from andon.adapters.postgres.runs.journal import Holding, NameTaken, Result, Standing
from andon.adapters.postgres.runs.leases import Claimed, Hint
from andon.adapters.postgres.runs.settle import End, Settled
from andon.engine.artifacts import Stored
from andon.engine.ports import Attempt

log = logging.getLogger(__name__)
FIRST_PAUSE, LAST_PAUSE = 0.003, 0.1
LARGE_BYTES = 8 * 1024
"""What is larger is written apart: 500 events of some 150 bytes keep PostgreSQL busy for as long as 20 results."""

T = TypeVar("T")


class Refused(Exception):
    """The database won't have it: `of_value` says that it is because of what it is, and not of what comes of it."""

    def __init__(self, words: str, *, of_value: bool) -> None:
        super().__init__(words)
        self.of_value = of_value


@dataclass(eq=False)
class Entry(Generic[T]):
    """Something to write. `answer` is called in the ledger's thread, once: with what was written, why the run is not
    this worker's to write any more, or why the database refuses it.
    """

    answer: Callable[[T | Standing | Refused], object]
    pause: float = field(default=FIRST_PAUSE, kw_only=True)
    together: ClassVar[bool] = False

    @property
    def holding(self) -> Holding | None:
        """Whose it is, once it is known."""
        return None

    @property
    def size(self) -> int:
        """How much there is to write, in bytes, where that may be much."""
        return 0


@dataclass(eq=False)
class Claim(Entry[Claimed | None]):
    """Win the lease of the run whose turn it is where the hint leads. None: there is none."""

    hint: Hint
    together: ClassVar[bool] = True


@dataclass(eq=False)
class Unheld(Entry[T]):
    """What needs no lease: to be read, or to be told to others."""

    do: Callable[[Connection], T]


@dataclass(eq=False)
class Held(Entry[T]):
    """What only the run's holder may write."""

    run: Holding
    minds_cancel: bool = field(default=True, kw_only=True)
    """Whether it is not written any more once a cancel was accepted."""

    @property
    def holding(self) -> Holding:
        return self.run


@dataclass(eq=False)
class Keep(Held[None]):
    """A step's result, and the files that it has stored."""

    attempt: Attempt
    seconds: float
    output: str
    files: Sequence[Stored] = ()
    together: ClassVar[bool] = True

    @property
    def size(self) -> int:
        return len(self.output)

    def result(self) -> Result:
        return Result(*self.run, self.attempt, self.seconds, self.output, self.files)


@dataclass(eq=False)
class Write(Held[T]):
    """`what` it is, in a word for the log. `write` returns what it is answered with, or True for nothing; None or False
    where the run's row didn't let it.
    """

    what: str
    write: Callable[[Connection], T | Standing | bool | None]
    size: int = field(default=0, kw_only=True)


@dataclass(eq=False)
class Check(Held[None]):
    """Whether a cancel was accepted."""

    together: ClassVar[bool] = True


@dataclass(eq=False)
class Settle(Held[Settled]):
    """The run's end."""

    status: str
    output: str | None
    error: dict[str, Any] | None
    stopped_at: float
    step: tuple[str, float] | None = None
    """What it has stopped in, and when that began."""
    frees: bool = False
    """Whether its function has limits."""
    minds_cancel: bool = field(default=False, kw_only=True)
    together: ClassVar[bool] = True

    @property
    def size(self) -> int:
        return len(self.output or "")

    def end(self) -> End:
        error = None if self.error is None else json.dumps(self.error)
        now = time.monotonic()
        step, seconds = (self.step[0], now - self.step[1]) if self.step else (None, None)
        return End(*self.run, self.status, self.output, error, now - self.stopped_at, step, seconds)


class Ledger(threading.Thread):
    """`write` from any thread."""

    def __init__(
        self,
        database: Database,
        *,
        name: str,
        worker: str,
        lease: float,
        functions: Callable[[], Sequence[str]],
        hosted: Callable[[], Sequence[uuid.UUID]],
        finish: Callable[[], Mapping[str, float]] = dict,
        large: Ledger | None = None,
    ) -> None:
        """`functions` that it may claim runs of, and the runs that are `hosted` now, which it must not; `finish` is how
        many seconds runs of some functions may take. What is `large` goes to that one, if there is any.
        """
        super().__init__(daemon=True, name=name)
        self._database = database
        self._worker = worker
        self._lease = lease
        self._functions = functions
        self._hosted = hosted
        self._finish = finish
        self._large = large
        self._entries: queue.SimpleQueue[Entry[Any] | None] = queue.SimpleQueue()
        self._later: list[tuple[float, Entry[Any]]] = []
        self._closed = False

    def write(self, entry: Entry[Any]) -> None:
        """Write it soon."""
        if self._large is not None and entry.size > LARGE_BYTES:
            self._large.write(entry)
        else:
            self._entries.put(entry)

    def close(self) -> None:
        """End when all is written that is known now."""
        self._entries.put(None)

    def run(self) -> None:
        """Write until closed. The kinds take turns: whoever writes one by one keeps nobody else for longer than one."""
        waiting: list[Entry[Any]] = []
        while not self._closed or self._later or waiting:
            waiting += self._take(block=not waiting)
            for kind in _ORDER:
                found = [each for each in waiting if type(each) is kind]
                if batch := found if kind.together else found[:1]:
                    self._write(kind, batch)
                    written = set(batch)
                    waiting = [each for each in waiting if each not in written]
        self._database.close()

    def _take(self, *, block: bool) -> list[Entry[Any]]:
        """All that is to be written now; if asked to `block`, it waits for the first."""
        now = time.monotonic()
        wait = max(min(at for at, _ in self._later) - now, 0.0) if self._later else None
        taken: list[Entry[Any]] = []
        try:
            entry = self._entries.get(block, wait)
            while True:
                if entry is None:
                    self._closed = True
                else:
                    taken.append(entry)
                entry = self._entries.get_nowait()
        except queue.Empty:
            pass
        now = time.monotonic()
        due = [entry for at, entry in self._later if at <= now]
        self._later = [(at, entry) for at, entry in self._later if at > now]
        return taken + due

    def _write(self, kind: type[Entry[Any]], batch: list[Entry[Any]]) -> None:
        try:
            left = self._database.insist(partial(self._execute, kind=kind, entries=batch))
        except (psycopg.Error, NameTaken) as error:
            self._refuse(kind, batch, error)
        except Exception as error:  # a mistake of ours hurts these runs and no others
            log.exception("%d entries of kind %s can't be written", len(batch), kind.__name__)
            self._refuse(kind, batch, error)
        else:
            if left:
                self._reconsider(left)

    def _refuse(self, kind: type[Entry[Any]], batch: list[Entry[Any]], error: Exception) -> None:
        """One of these can't be written because of what it is: which, shows when each is tried alone."""
        if len(batch) > 1:
            for each in batch:
                self._write(kind, [each])
            return
        [entry] = batch
        words = first_line(error)[:500]
        what = entry.what if isinstance(entry, Write) else kind.__name__
        log.error("run %s: %s is refused: %s", entry.holding and entry.holding.run, what, words)
        entry.answer(Refused(words, of_value=_is_of_value(error)))

    def _execute(self, connection: Connection, kind: type[Entry[Any]], entries: list[Any]) -> list[Held[Any]]:
        """Write them; answers those that are written, and returns the others."""
        if kind is Keep:
            kept = journal.keep(connection, [each.result() for each in entries])
            return _answered(entries, dict.fromkeys(kept))
        if kind is Settle:
            frees = any(each.frees for each in entries)
            settled = settle.settle_held(connection, [each.end() for each in entries], frees=frees)
            by_run = {each.run_id: each for each in settled}
            if left := [each.end() for each in entries if each.run.run not in by_run]:
                by_run |= {each.run_id: each for each in awaiting_children.await_children(connection, left)}
            return _answered(entries, {e.run: by_run[e.run.run] for e in entries if e.run.run in by_run})
        if kind is Check:
            return list(entries)
        if kind is Claim:
            for entry, claimed in zip(entries, self._claim(connection, entries), strict=True):
                entry.answer(claimed)
            return []
        [entry] = entries
        if kind is Unheld:
            entry.answer(entry.do(connection))
            return []
        written = entry.write(connection)
        if written is None or written is False:
            return [entry]
        entry.answer(None if written is True else written)
        return []

    def _claim(self, connection: Connection, entries: Sequence[Claim]) -> list[Claimed | None]:
        return leases.claim_each(
            connection,
            [each.hint for each in entries],
            worker=self._worker,
            lease=self._lease,
            functions=self._functions(),
            hosted=self._hosted(),
            finish=self._finish(),
        )

    def _reconsider(self, left: list[Held[Any]]) -> None:
        """These were not written: their runs are lost or cancelled, or their rows are locked now."""
        found = self._database.insist(lambda connection: journal.standings(connection, {each.run for each in left}))
        for each in left:
            standing = found.get(each.run, "lost")
            if standing == "held" and isinstance(each, Check):
                each.answer(None)
            elif standing == "lost" or (standing == "cancelled" and each.minds_cancel):
                each.answer(standing)
            else:
                self._later.append((time.monotonic() + each.pause, each))
                each.pause = min(each.pause * 2, LAST_PAUSE)


def _is_of_value(error: Exception) -> bool:
    """Whether it would be refused again: of the database's errors, those of data and of what is too large or deep."""
    if not isinstance(error, psycopg.Error):
        return True
    return isinstance(error, psycopg.DataError) or (error.sqlstate or "").startswith("54")


_ORDER: tuple[type[Entry[Any]], ...] = (Settle, Keep, Write, Check, Unheld, Claim)
"""Whoever has asked for an end waits for it; a new run begins last."""


def _answered(entries: Iterable[Held[Any]], written: dict[Holding, Any]) -> list[Held[Any]]:
    left = []
    for each in entries:
        if each.run in written:
            each.answer(written[each.run])
        else:
            left.append(each)
    return left
