"""Keeps what runs say: in Postgres, for people at the console, and in the worker's own log, for its operators.

By one thread with a bounded queue, of which each tenant has its share: where neither keeps up, lines are left out, and
how many is said.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any, NamedTuple

import psycopg

from andon.adapters.postgres.away import first_line
from andon.adapters.postgres.database import Database
from andon.adapters.postgres.runs import run_logs
from andon.adapters.postgres.runs.run_logs import Chunk
from andon_worker.supervisor.output.lines import Line

log = logging.getLogger(__name__)
PAUSE_SECONDS = 0.2
MOST_WAITING = 20_000
AT_ONCE = 2_000
_json = json.JSONEncoder(ensure_ascii=False).encode
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class Said(NamedTuple):
    """Lines of one attempt at a step, or of the handler between its steps; `keys` are what the worker's own log tells
    of its run.
    """

    run_id: uuid.UUID
    step: str | None
    attempt: int
    keys: Mapping[str, Any]
    lines: list[Line]


class Logbook(threading.Thread):
    """`keep` never waits."""

    def __init__(self, database: Database, kept: Callable[[Collection[uuid.UUID]], object] = lambda runs: None) -> None:
        """`kept` is told of which runs lines were kept."""
        super().__init__(daemon=True, name="andon-logbook")
        self._database = database
        self._kept = kept
        self._waiting: deque[Said] = deque()
        self._of = Counter[str]()
        """Lines that wait, by tenant: what two threads add to, so under the lock."""
        self._lock = threading.Lock()
        self._left_out = self._told = 0
        self._wake = threading.Event()
        self._closed = False

    def keep(self, said: Said) -> None:
        """Keep these lines soon, but those of a tenant that has more than its share of what may wait."""
        tenant = said.keys["tenant"]
        with self._lock:
            self._of.setdefault(tenant, 0)
            if self._of[tenant] > MOST_WAITING // len(self._of):
                self._left_out += len(said.lines)
                return
            self._of[tenant] += len(said.lines)
        self._waiting.append(said)
        if not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """End when all is kept that is known now."""
        self._closed = True
        self._wake.set()

    def run(self) -> None:
        """Go until closed."""
        while not self._closed or self._waiting:
            self._wake.wait()
            self._wake.clear()
            try:
                self._keep(self._take())
            except Exception:
                log.exception("what runs said could not be kept")
            if not self._closed:
                time.sleep(PAUSE_SECONDS)  # what comes meanwhile goes together

    def _take(self) -> list[Said]:
        taken: list[Said] = []
        of = Counter[str]()
        while self._waiting and of.total() < AT_ONCE:
            taken.append(self._waiting.popleft())
            of[taken[-1].keys["tenant"]] += len(taken[-1].lines)
        with self._lock:
            self._of -= of  # who has none left is no more in it
        if self._waiting:
            self._wake.set()
        return taken

    def _keep(self, taken: list[Said]) -> None:
        if not taken:
            return
        chunks, shown = written(taken)
        sys.stdout.write(shown)
        sys.stdout.flush()
        self._write(chunks)
        if left_out := self._left_out - self._told:
            log.warning("%d lines that runs said were left out", left_out)
            self._told += left_out

    def _write(self, chunks: Sequence[Chunk]) -> None:
        """Together, or where the database refuses one of them, each by itself: no run loses lines for another's."""
        try:
            self._database.run(lambda connection: run_logs.keep(connection, chunks))
            self._kept({each.run_id for each in chunks})
        except psycopg.DataError as error:
            if len(chunks) > 1:
                for each in chunks:
                    self._write([each])
            else:
                self._lost(chunks, error)
        except psycopg.Error as error:
            self._lost(chunks, error)

    def _lost(self, chunks: Sequence[Chunk], error: psycopg.Error) -> None:
        lines = sum(each.lines.count('"stream"') for each in chunks)
        log.warning("%d lines that runs said are not kept: %s", lines, first_line(error))


def written(taken: Iterable[Said]) -> tuple[list[Chunk], str]:
    """A row for each run, each of whose lines says which attempt it belongs to; and what the worker's own log says.

    Both in one go, since to make a text JSON takes as long as all else.
    """
    rows = dict[uuid.UUID, list[str]]()
    heads = dict[uuid.UUID, str]()
    shown = []
    for run_id, step, attempt, keys, lines in taken:
        if (row := rows.get(run_id)) is None:
            row = rows[run_id] = []
            heads[run_id] = json.dumps({"process": "worker", **keys})[:-1]
        whose = f', "step": {_json(step)}, "attempt": {attempt}'
        head = heads[run_id] if step is None else heads[run_id] + whose
        for line in lines:
            text = _quoted(line.text)
            row.append(as_json(line, text, whose))
            shown.append(_shown(line, text if text.isascii() else json.dumps(line.text), head))
    chunks = [Chunk(run_id, None, 1, f"[{','.join(row)}]") for run_id, row in rows.items()]
    return chunks, "".join(shown)


def as_json(line: Line, text: str, whose: str) -> str:
    """As Postgres can look into it: without NUL and halves of surrogate pairs, which a record's fields may have."""
    if line.level is None:
        return f'{{"at": {line.at!r}, "stream": "{line.stream}", "text": {text}{whose}}}'
    record = f', "level": {_json(line.level)}, "logger": {_json(line.logger or "")}'
    if line.fields:
        record += f', "fields": {_json(line.fields)}'
    return _whole(f'{{"at": {line.at!r}, "stream": "{line.stream}", "text": {text}{whose}{record}}}')


def _whole(text: str) -> str:
    if not text.isascii():
        text = text.encode(errors="replace").decode()
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def _shown(line: Line, text: str, head: str) -> str:
    """A line of JSON, as the other lines of the worker's own log are; what was printed at once is one."""
    end = f'"stream": "{line.stream}", "timestamp": "{_stamp(line.at)}"'
    if line.level is None:
        return f'{head}, "event": {text}, {end}, "level": "info", "logger": "print"}}\n'
    said = json.loads(f'{head}, "event": {text}, {end}}}')
    return json.dumps({**(line.fields or {}), **said, "level": line.level, "logger": line.logger}) + "\n"


def _stamp(at: float) -> str:
    return f"{_second(int(at))}.{int(at % 1 * 1e6):06d}Z"


@lru_cache(maxsize=8)
def _second(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
