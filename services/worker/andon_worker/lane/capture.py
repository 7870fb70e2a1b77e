"""What a lane's code prints and logs, on its way to the supervisor.

Prints go out as they are, on the lane's own standard output and error, which are pipes. A log record goes out on the
error pipe as a line of JSON behind `MARK`, so that its level, logger and fields are kept, and so that all that was said
arrives in order. Pipes block when nobody reads them: what a run says can't outrun the supervisor, only itself.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sys
import termios
from array import array
from contextlib import suppress
from functools import lru_cache
from typing import Any

from andon.engine.memos import plain
from andon_worker.wire import MARK, MAX_LINE

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
        write_all(2, MARK + line.encode() + b"\n")


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


def flush_output() -> None:
    """Let go what is printed and has no end of line yet."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # the code's own stream, perhaps closed
            stream.flush()


def said_lately() -> bool:
    """Whether something that was printed has not been read yet."""
    flush_output()
    unread = array("i", [0])
    for descriptor in (1, 2):
        with suppress(OSError):
            fcntl.ioctl(descriptor, termios.FIONREAD, unread)
            if unread[0]:
                return True
    return False


def write_all(descriptor: int, data: bytes) -> None:
    """Write it, however long that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def show_lines_at_once() -> None:
    """Each line that is printed goes out when it is whole. New streams: what was inherited may have been a file."""
    out, err = (
        open(number, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        for number in (1, 2)
    )
    sys.stdout = sys.__stdout__ = out  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = err  # type: ignore[misc]
