"""What a run prints and logs: cut into lines, bounded for each attempt at a step, and handed on to be kept.

Of one attempt the first `MOST_LINES` lines (`MOST_BYTES` at most) and the last `LAST_LINES` are kept, and how many were
left out between them is said.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from math import isfinite
from typing import Any, NamedTuple

from andon.engine.memos import unstyled
from andon_worker.wire import ERROR_MARK, MARK, MAX_LINE

MOST_LINES, MOST_BYTES, LAST_LINES = 2_000, 1024 * 1024, 200
STREAMS = ("stdout", "stderr")
MOST_ERRORS = 16 * 1024
LATEST = 253_402_300_000.0  # the end of year 9999


class Line(NamedTuple):
    """One line, or what was printed at once: then `text` has several.

    `at` is seconds since 1970, `level` and `logger` are a log record's, and so are `fields`.
    """

    at: float
    stream: str
    text: str
    level: str | None = None
    logger: str | None = None
    fields: dict[str, Any] | None = None


Keep = Callable[[str | None, int, list[Line]], object]
"""Step, attempt, lines."""


class RunOutput:
    """One run's. It belongs to the loop's thread; `keep` gets the lines of each attempt in order."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._partial = {stream: bytearray() for stream in STREAMS}
        self._step: str | None = None
        self._attempt = 1
        self._lines: list[Line] = []
        self._count = self._bytes = 0
        self._tail: deque[Line] = deque(maxlen=LAST_LINES)
        self._beyond = 0
        self.errors = b""
        """What came last on the pipe of the standard error: a process that dies in C says there where it was."""

    def enter(self, step: str | None, attempt: int) -> None:
        """What follows is said by this attempt; None: by the handler between its steps."""
        if (step, attempt) != (self._step, self._attempt):
            self.flush()
            self._step, self._attempt, self.errors = step, attempt, b""

    def feed(self, stream: str, data: bytes) -> None:
        """Bytes as they came."""
        if stream == "stderr":
            self.errors = (self.errors + data)[-MOST_ERRORS:]
        partial = self._partial[stream]
        if not partial and self._fits(data):
            self._lines.append(Line(time.time(), stream, _text(data[:-1])))
            return
        partial += data
        if b"\n" not in data and b"\r" not in data and len(partial) < MAX_LINE:
            return
        *whole, rest = bytes(partial).replace(b"\r\n", b"\n").split(b"\n")
        if b"\r" in rest and MARK not in rest:
            rest = _overwritten(rest) + (b"\r" if rest.endswith(b"\r") else b"")  # perhaps of an end of line
        if len(rest) >= MAX_LINE:
            whole, rest = [*whole, *_pieces(rest)], b""
        self._partial[stream] = bytearray(rest)
        pieces = [piece for each in self._worth_a_look(whole) for piece in _pieces(each)]
        for piece in self._worth_a_look(pieces):
            self._add(read_line(stream, piece))

    def _worth_a_look(self, found: list[bytes]) -> list[bytes]:
        """Those that may be kept. The others are counted: there may be any number of them at once, and everybody's runs
        wait while they are looked at.
        """
        first = max(MOST_LINES - self._count, 0) if self._bytes < MOST_BYTES else 0
        left_out = max(len(found) - first - LAST_LINES, 0)
        self._beyond += left_out
        return found[:first] + found[first + left_out :] if left_out else found

    def _fits(self, data: bytes) -> bool:
        """Whether it can be kept as it is, without a look at each of its lines: that is most of what is printed. Then
        it is counted.
        """
        size, count = len(data), data.count(b"\n")
        if (
            size > MAX_LINE
            or data[-1:] != b"\n"
            or MARK in data
            or b"\r" in data
            or self._count + count > MOST_LINES
            or self._bytes + size > MOST_BYTES
        ):
            return False
        self._count += count
        self._bytes += size
        return True

    def _add(self, line: Line) -> None:
        if self._count < MOST_LINES and self._bytes < MOST_BYTES:
            self._lines.append(line)
            self._count += 1
            self._bytes += len(line.text)
        else:
            self._beyond += 1
            self._tail.append(line)

    def take(self) -> None:
        """Hand on what is whole; the attempt goes on."""
        if self._lines:
            self._keep(self._step, self._attempt, self._lines)
            self._lines = []

    def flush(self) -> None:
        """The attempt is over: hand on all of it."""
        if not self._count and not any(self._partial.values()):
            return
        for stream, partial in self._partial.items():
            if partial.strip():  # else a bar was wiped out, and nothing came in its place
                for piece in _pieces(bytes(partial)):
                    self._add(read_line(stream, piece))
            partial.clear()
        if self._beyond > len(self._tail):
            more = self._beyond - len(self._tail)
            self._lines.append(Line(time.time(), "stderr", f"… {more:,} lines more"))
        self._lines += self._tail
        self.take()
        self._tail.clear()
        self._count = self._bytes = self._beyond = 0


def read_line(stream: str, data: bytes) -> Line:
    """A line as it is kept: a marked one is a log record, or one of the standard error."""
    if data.startswith(ERROR_MARK):
        stream, data = "stderr", _overwritten(data[len(ERROR_MARK) :])
    elif data.startswith(MARK):
        try:
            said = json.loads(data[1:], parse_constant=str, parse_float=_number)
            text, level, logger = (str(said[name]) for name in ("text", "level", "logger"))
            at = min(max(0.0, float(said["at"])), LATEST)  # somebody may print our mark, and NaN is below 0.0 so
            return Line(at, "log", text, level, logger, _fields(said.get("fields")))
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
    return Line(time.time(), stream, _text(data))


def _text(data: bytes) -> str:
    return unstyled(data.decode(errors="replace").replace("\x00", "\ufffd"))


def _number(text: str) -> float | str:
    """JSON, as Postgres knows it, has no infinite number."""
    return number if isfinite(number := float(text)) else text


def _fields(said: object) -> dict[str, Any] | None:
    return said if isinstance(said, dict) and said else None


def _overwritten(line: bytes) -> bytes:
    """What a terminal shows of it in the end: a bar's last state, since each begins anew at a `\\r`."""
    return line.rstrip(b"\r").rpartition(b"\r")[2]


def _pieces(line: bytes) -> list[bytes]:
    begun, *marked = line.split(MARK)  # a mark in a line: what is before it was printed without an end of line
    if b"\r" in begun:
        begun = b"" if marked and begun.endswith(b"\r") else _overwritten(begun)
    found = [begun[start : start + MAX_LINE] for start in range(0, len(begun), MAX_LINE)]
    return found + [MARK + each[: MAX_LINE * 2] for each in marked] or [b""]
