"""Functions for steps in processes of their own: they must stand at the top of a module that a child can import."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from andon import NonRetriable, RetryAfter


class Refused(Exception):
    """An error whose `__init__` doesn't take its `args`, as many have."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        super().__init__(f"{code}: {reason}")


class Unsendable(Exception):
    """An error that can't be pickled."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        super().__init__("holds a lock")


def add(first: int, second: int) -> int:
    return first + second


def process_id() -> int:
    return os.getpid()


def signal_dispositions() -> dict[str, bool]:
    return {
        "ignores_interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        "blocks_none": not signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "leads_its_group": os.getpgid(0) == os.getpid(),
    }


def is_loaded(module: str) -> bool:
    return module in sys.modules


def length(data: bytes) -> int:
    return len(data)


def text_of(size: int) -> str:
    return "x" * size


def not_json() -> object:
    return object()


def fail(kind: str) -> None:
    errors: dict[str, BaseException] = {
        "value": ValueError("no such column"),
        "file": FileNotFoundError(2, "No such file", "data.csv"),
        "refused": Refused(7, "closed"),
        "unsendable": Unsendable(),
        "final": NonRetriable("never"),
        "later": RetryAfter(5.0, "later"),
        "exit": SystemExit(3),
    }
    raise errors[kind]


def die(how: str) -> None:
    if how == "segfault":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "terminated":
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    elif how == "hung up":
        os.closerange(3, 256)
        time.sleep(60)
    else:
        os._exit(3)


def sleep_for(seconds: float, started: str | None = None) -> int:
    _mark(started)
    time.sleep(seconds)
    return os.getpid()


def loop(started: str | None = None) -> None:
    _mark(started)
    while True:
        pass


def block_in_c(started: str | None = None) -> None:
    """Stay in C code that asks for no signals and keeps the GIL."""
    _mark(started)
    sum(range(10**12))


def multiply(size: int, started: str | None = None) -> None:
    import numpy as np

    square = np.ones((size, size))
    _mark(started)
    square @ square


def tidy_up(started: str, tidied: str, seconds: float = 0.0) -> None:
    _mark(started)
    try:
        time.sleep(600)
    finally:
        time.sleep(seconds)
        Path(tidied).write_text("tidied")


def swallow(started: str) -> None:
    """Hold on to life against every exception."""
    _mark(started)
    while True:
        try:
            time.sleep(600)
        except BaseException:
            continue


def ignore_termination(started: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _mark(started)
    time.sleep(600)


def start_another(started: str, command: Sequence[str]) -> None:
    """Start a process that inherits everything, and wait for it in a way that no exception ends."""
    process = subprocess.Popen(command, close_fds=False)
    _write(started, process.pid)
    while True:
        try:
            process.wait()
        except BaseException:
            continue


def leave_another_running() -> int:
    return subprocess.Popen(["/bin/sleep", "600"]).pid


def report_and_block(started: str) -> None:
    _write(started, os.getpid())
    block_in_c()


def _write(path: str, number: int) -> None:
    """All of it or nothing, for whoever waits for the file."""
    Path(path + ".tmp").write_text(str(number))
    os.replace(path + ".tmp", path)


def _mark(started: str | None) -> None:
    if started is not None:
        Path(started).touch()
