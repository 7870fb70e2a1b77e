"""The nursery as its supervisor has it: started, asked for lanes, and started anew when it has ended.

A module that fails to import, ends the process or hangs is left out of the next start: the others are served.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from andon.engine.declarations import Declaration, from_json
from andon_worker.linux import children
from andon_worker.supervisor.loop import Loop, Timer

log = logging.getLogger(__name__)
IMPORT_SECONDS = 60.0
FIRST_PAUSE, LAST_PAUSE = 0.1, 10.0
_MAX_MESSAGE = 1 << 17


class Births(Protocol):
    """Who hears of lanes."""

    def born(self, lane: int, pid: int, descriptor: int | None) -> None: ...

    def unborn(self, lane: int, why: str) -> None: ...

    def gone(self, pid: int, status: int) -> None: ...

    def all_gone(self) -> None:
        """The nursery has ended, and every lane with it."""
        ...


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


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """One message and the descriptors that came with it; None when the nursery has closed."""
    try:
        data, passed, _, _ = control.recvmsg(_MAX_MESSAGE, socket.CMSG_SPACE(array("i").itemsize))
    except ConnectionError:
        return None, []
    descriptors = array("i")
    for level, kind, content in passed:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return (json.loads(data) if data else None), list(descriptors)


class Loading:
    """What a nursery says while it imports: which module it is at, what was declared, what has failed."""

    def __init__(self, modules: Sequence[str]) -> None:
        self.modules = list(modules)
        self.failed: dict[str, str] = {}
        self.declared: list[Declaration] = []
        self.at: str | None = None

    def begin(self) -> list[str]:
        """The modules that the next process imports."""
        self.declared, self.at = [], None
        return [each for each in self.modules if each not in self.failed]

    def hear(self, said: dict[str, Any]) -> None:
        """Take in a message."""
        match said["say"]:
            case "importing":
                self.at = said["module"]
            case "declared":
                self.declared.append(from_json(said["function"]))
            case "failed":
                self._fail(said["module"], said["why"])
            case "ready":
                self.at = None

    def ended(self, code: int | None) -> None:
        """The process has ended before it was ready; None: it hung, and was killed."""
        if self.at is not None and self.at not in self.failed:
            hung = f"did not end within {IMPORT_SECONDS:.0f} s"
            how = hung if code is None else f"ends the process ({in_words(code)})"
            self._fail(self.at, f"module {self.at!r} can't be imported: its import {how}")

    def _fail(self, module: str, why: str) -> None:
        self.failed[module] = why
        log.error("%s; its functions are not served", why)


def declarations(modules: Sequence[str]) -> tuple[list[Declaration], dict[str, str]]:
    """What the modules declare, by children that import them and end; and why those that failed did, by module."""
    loading = Loading(modules)
    while True:
        process, control = start(loading.begin(), "--declare")
        before = len(loading.failed)
        with control:
            ready = _listen(process, control, loading)
        if ready or len(loading.failed) == before:
            return loading.declared, loading.failed


def _listen(process: subprocess.Popen[bytes], control: socket.socket, loading: Loading) -> bool:
    """Whether it got through all of them."""
    ready, hung = False, False
    control.settimeout(IMPORT_SECONDS)
    try:
        while not ready and (said := receive(control)[0]) is not None:
            loading.hear(said)
            ready = said["say"] == "ready"
    except TimeoutError:
        hung = True
    end(process)
    if not ready:
        loading.ended(None if hung else process.returncode)
    return ready


def end(process: subprocess.Popen[bytes], patience: float = 0.5) -> None:
    """Wait for a process that is ending, and end it if that takes long."""
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def in_words(status: int) -> str:
    """How a process ended, by `Popen.returncode`."""
    if status >= 0:
        return f"exit code {status}"
    return f"signal {signal.Signals(-status).name if -status in set(signal.Signals) else -status}"


class NurseryClient:
    """Keeps a nursery alive. All of it belongs to the loop's thread, which must be the main one."""

    def __init__(
        self,
        loop: Loop,
        modules: Sequence[str],
        births: Births,
        *,
        ready: Callable[[Loading], None],
        ended: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._births = births
        self._ready = ready
        self._ended = ended
        self.loading = Loading(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_ready = False
        self._pause = FIRST_PAUSE
        self._deadline: Timer | None = None
        self._closing = False
        self.started_at = 0.0

    @property
    def pid(self) -> int | None:
        """The process that lanes come from."""
        return self._process.pid if self._process else None

    @property
    def ready(self) -> bool:
        """Whether it bears lanes."""
        return self._is_ready

    def start(self) -> None:
        """Start the process."""
        self.started_at = time.monotonic()
        self._is_ready = False
        self._process, self._control = start(self.loading.begin())
        self._loop.watch(self._control, self._hear)
        self._arm()

    def bear(self, lane: int, descriptors: Sequence[int]) -> None:
        """Ask for a lane with these descriptors; `Births` hears of it."""
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]
        if not self._say({"say": "bear", "lane": lane}, passed):
            self._births.unborn(lane, "the nursery has ended")

    def kill(self, pid: int) -> None:
        """End a lane and all that it started."""
        self._say({"say": "kill", "pid": pid})

    def close(self) -> None:
        """Let it end, and every lane with it; returns when they have."""
        self._closing = True
        if self._control is not None:
            self._loop.forget(self._control)
            self._control.close()
        if self._process is not None:
            end(self._process, patience=5.0)
            sweep()

    def _say(self, said: dict[str, Any], passed: Any = ()) -> bool:
        if self._control is None:
            return False
        try:
            self._control.sendmsg([json.dumps(said).encode()], passed)
        except OSError:
            return False  # it has ended: `_hear` is told so
        return True

    def _arm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if self._is_ready else self._loop.after(IMPORT_SECONDS, self._hangs)

    def _hangs(self) -> None:
        self.loading.ended(None)
        if self._process is not None:
            self._process.kill()

    def _hear(self) -> None:
        assert self._control is not None
        said, descriptors = receive(self._control)
        if said is None:
            self._has_ended()
            return
        match said["say"]:
            case "born":
                self._births.born(said["lane"], said["pid"], descriptors[0] if descriptors else None)
            case "unborn":
                self._births.unborn(said["lane"], said["why"])
            case "gone":
                self._births.gone(said["pid"], said["status"])
            case _:
                self.loading.hear(said)
                self._is_ready = said["say"] == "ready"
                self._arm()
                if self._is_ready:
                    log.info("functions are loaded; lanes are made by %s%s", said["start"], _because(said["why"]))
                    self._ready(self.loading)

    def _has_ended(self) -> None:
        """However it went: nothing of its lanes may live on, and the next one takes over."""
        assert self._process is not None
        assert self._control is not None
        self._loop.forget(self._control)
        self._control.close()
        self._control = None
        end(self._process)
        sweep()
        was_ready, self._is_ready = self._is_ready, False
        failed = len(self.loading.failed)
        if not was_ready:
            self.loading.ended(self._process.returncode)
        self._births.all_gone()
        self._ended()
        if self._closing:
            return
        if was_ready or len(self.loading.failed) == failed:
            log.error("the nursery has ended (%s) and is started again", in_words(self._process.returncode))
        lasted = time.monotonic() - self.started_at > LAST_PAUSE
        self._pause = FIRST_PAUSE if lasted else min(self._pause * 2, LAST_PAUSE)
        self._loop.after(self._pause, self.start)


def sweep(seconds: float = 2.0) -> None:
    """End what a nursery has left: all of it comes to this process, which starts nothing else."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = children(os.getpid())
        if not left:
            return
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.005)


def _because(why: str | None) -> str:
    return f" because {why}" if why else ""
