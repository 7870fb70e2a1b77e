"""What a lane's code prints and logs, on its way to the supervisor.

Prints go out as they are, on the lane's own standard output, which is a pipe. On the same pipe, so that all of it
arrives in order, go log records, as lines of JSON behind `MARK`, and the lines of `sys.stderr`, behind `ERROR_MARK`.
The pipe of the standard error is for what Python doesn't write, or not in whole lines: programs, C code, progress bars.
Pipes block when nobody reads them: what a run says can't outrun the supervisor, only itself.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from functools import lru_cache
from typing import Any

from andon.engine.memos import plain, unstyled
from andon.logs import flush_output
from andon_worker.wire import ERROR_MARK, MARK, MAX_LINE, unread

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_SHOWN_ELSEWHERE = {"event", "level", "logger", "timestamp", "exc_info", "stack_info", "positional_args"}


class CaptureHandler(logging.Handler):
    """Writes each record as one marked line. Records of installed packages below `library_level` are chatter."""

    def __init__(self, library_level: int) -> None:
        super().__init__()
        self._library_level = library_level

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether anybody wants to read it."""
        return record.levelno >= self._library_level or not is_library(record.name)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = encode(record)
        except Exception as error:  # a field that can't be shown
            said = f"a log record can't be shown: {error!r}"[:500]
            line = json.dumps({"at": record.created, "level": "error", "logger": "andon", "text": plain(said)})
        write_all(1, MARK + line.encode() + b"\n")


def encode(record: logging.LogRecord) -> str:
    """The record as JSON of at most `MAX_LINE` bytes: `at`, `level`, `logger`, `text`, `fields`."""
    if isinstance(record.msg, dict):  # structlog's, through the standard library's logger
        said = {**record.msg}
        text, fields = str(said.get("event", "")), {k: v for k, v in said.items() if k not in _SHOWN_ELSEWHERE}
    else:
        text = record.getMessage()
        fields = {k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")}
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    text = unstyled(text)
    line = {"at": record.created, "level": record.levelname.lower(), "logger": record.name[:200], "text": plain(text)}
    whole = json.dumps({**line, "fields": fields} if fields else line, default=_shown, ensure_ascii=True, skipkeys=True)
    if len(whole) <= MAX_LINE:
        return plain(whole)
    return json.dumps({**line, "text": plain(text)[: MAX_LINE // 8] + " … (cut)"})


def _shown(value: Any) -> str:
    return plain(str(value))[:1000]


@lru_cache(maxsize=1000)
def is_library(logger: str) -> bool:
    """Whether a logger belongs to an installed package, not to code of the team's own."""
    module = sys.modules.get(logger.partition(".")[0])
    where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), "")
    return "site-packages" in where or "dist-packages" in where


def said_lately() -> bool:
    """Whether something that was printed has not been read yet."""
    flush_output()
    return bool(unread(1) or unread(2))


def write_all(descriptor: int, data: bytes) -> None:
    """Write it, however long that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


class Errors(io.TextIOWrapper):
    """`sys.stderr`. A line that is whole when it goes out takes the way of what is printed, in its order; one that is
    flushed before goes out as it is, and so does its rest.
    """

    def __init__(self) -> None:
        pipe = open(2, "wb", closefd=False)  # noqa: SIM115
        super().__init__(pipe, errors="backslashreplace", write_through=True)
        self._held = ""
        self._begun = False
        self._order = threading.RLock()

    def write(self, text: str) -> int:
        with self._order:
            self._held += text
            if "\n" in text:
                *whole, self._held = self._held.split("\n")
                if self._begun:
                    super().write(f"{whole.pop(0)}\n")
                    self._begun = False
                lines = (each.encode(errors="backslashreplace") for each in whole)
                write_all(1, b"".join(ERROR_MARK + piece + b"\n" for each in lines for piece in _cut(each)))
        return len(text)

    def flush(self) -> None:
        with self._order:
            if self._held:
                super().write(self._held)
                self._held, self._begun = "", True
            super().flush()


def _cut(line: bytes) -> list[bytes]:
    return [line[start : start + MAX_LINE] for start in range(0, len(line), MAX_LINE)] or [b""]


def show_lines_at_once(*, marked: bool) -> None:
    """Each line that is printed goes out when it is whole. New streams: what was inherited may have been a file.

    Those of the standard error are `marked`, unless a person reads them.
    """
    out = open(1, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    err = Errors() if marked else open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.stdout = sys.__stdout__ = out  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = err  # type: ignore[misc]
