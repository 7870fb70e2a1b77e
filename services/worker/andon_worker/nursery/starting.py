"""A nursery process from outside: started, listened to while it imports, and what the modules declare.

Nothing here imports a function's module: a process that imports them and ends is asked instead.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from andon.engine.declared.declarations import Declaration, from_json
from andon_worker.wire import receive_passed

log = logging.getLogger(__name__)
IMPORT_SECONDS = 60.0


def start(modules: Sequence[str], *words: str) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a nursery process; returns it with our end of its control socket. Call it from the main thread."""
    kind = socket.SOCK_SEQPACKET if sys.platform == "linux" else socket.SOCK_DGRAM
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "andon_worker.nursery", str(theirs.fileno()), str(os.getpid()), *words, *modules],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return process, ours


class Loading:
    """What a nursery says while it imports: which module it is at, what was declared, what has failed.

    `on_slow` is called with a sentence when an import takes long.
    """

    def __init__(self, modules: Sequence[str], on_slow: Callable[[str], object] = log.warning) -> None:
        self.modules = list(modules)
        self._on_slow = on_slow
        self.failed: dict[str, str] = {}
        self.declared: list[Declaration] = []
        self.at: str | None = None
        self.where: str | None = None
        """At which line that import was when it was seen to take long."""
        self.serving: set[str] = set()
        """The modules in which a function stands."""

    def begin(self) -> list[str]:
        """The modules that the next process imports."""
        self.declared, self.at, self.where = [], None, None
        return [each for each in self.modules if each not in self.failed]

    def hear(self, said: dict[str, Any]) -> None:
        """Take in a message."""
        match said["say"]:
            case "importing":
                self.at, self.where = said["module"], None
            case "slow":
                self._take_note(said["module"], said["where"])
            case "declared":
                self.declared.append(from_json(said["function"]))
                self.serving.add(said["module"])
            case "failed":
                self._fail(said["module"], said["why"])
            case "ready":
                self.at = None

    def ended(self, code: int | None) -> None:
        """The process has ended before it was ready; None: it hung, and was killed."""
        if self.at is not None and self.at not in self.failed:
            hung = f"did not end within {IMPORT_SECONDS:.0f} s"
            hung += f" ({self.where})" if self.where else ""
            how = hung if code is None else f"ends the process ({in_words(code)})"
            self._fail(self.at, f"module {self.at!r} can't be imported: its import {how}")

    def _take_note(self, module: str, where: str | None) -> None:
        if where is not None and where != self.where:
            self.where = where
            self._on_slow(f"module {module!r} is still being imported ({where})")

    def _fail(self, module: str, why: str) -> None:
        self.failed[module] = why
        log.error("%s; its functions are not served", why)


def declarations(modules: Sequence[str]) -> tuple[list[Declaration], dict[str, str]]:
    """What the modules declare, by children that import them and end; and why those that failed did, by module."""
    loading = load_apart(modules)
    return loading.declared, loading.failed


def load_apart(modules: Sequence[str], on_slow: Callable[[str], object] = log.warning) -> Loading:
    """Import the modules in children that end then; returns what these have said."""
    loading = Loading(modules, on_slow)
    while True:
        process, control = start(loading.begin(), "--declare")
        before = len(loading.failed)
        with control:
            ready = _listen(process, control, loading)
        if ready or len(loading.failed) == before:
            return loading


def _listen(process: subprocess.Popen[bytes], control: socket.socket, loading: Loading) -> bool:
    """Whether it got through all of them."""
    ready, hung, until = False, False, time.monotonic() + IMPORT_SECONDS
    control.settimeout(IMPORT_SECONDS)
    try:
        while not ready and (said := receive_passed(control, 1)[0]) is not None:
            if said["say"] == "importing":
                until = time.monotonic() + IMPORT_SECONDS
            control.settimeout(max(until - time.monotonic(), 0.001))
            loading.hear(said)
            ready = said["say"] == "ready"
    except TimeoutError:
        hung = True
    _end(process)
    if not ready:
        loading.ended(None if hung else process.returncode)
    return ready


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that is ending, and end it if that takes long."""
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def in_words(status: int) -> str:
    """How a process ended, by `Popen.returncode`."""
    if status >= 0:
        return f"exit code {status}"
    return f"signal {signal.Signals(-status).name if -status in set(signal.Signals) else -status}"
