"""The end of lanes, and of everything that they started.

Each lane is a subreaper, so what a living one has daemonized stays its child. When it dies, its orphans come to the
nursery: whatever child of the nursery is no lane, and wasn't there before the first, had a lane that is dead, and is
killed. Where lanes have nurses, the nursery's children are these. Once a parent is gone its links are gone too, so this
looks and kills until nothing is left, rather than from a list made before. The trackers of Python's `multiprocessing`
are let end by themselves: they remove the shared memory of processes that were killed, which nothing else does.

A lane that was stopped (SIGSTOP), by its own code or another's, goes on soon after, and so does what it has started.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from andon_worker.linux import children, trees

GIVE_UP_SECONDS = 5.0
AGAIN_SECONDS = 0.002
TRACKER_SECONDS = 2.0


class Born(NamedTuple):
    """A lane, and the child of the nursery that it is, or that is its parent and says at `heard` how it ended."""

    child: int
    lane: int
    heard: int | None = None


class Ended(NamedTuple):
    """How a lane has, as `waitpid` says it, and when; `orphaned`: its nurse was killed, and took it along."""

    lane: int
    status: int
    orphaned: bool
    since: float


class Reaper:
    """Waits for the nursery's children: the only place that does. `gone(pid, status, orphaned)` is called when a lane's
    whole tree has ended.
    """

    def __init__(self, gone: Callable[[int, int, bool], None]) -> None:
        self._gone = gone
        self._spared = set(children(os.getpid()))
        """What the modules have started at their import, and what even a kill doesn't end."""
        self._killed: dict[int, float] = {}
        """Strays that are being killed, and since when."""
        self._lanes: dict[int, Born] = {}
        self._ended: list[Ended] = []
        self._stopped: set[int] = set()
        self._continued: set[int] = set()

    def watch(self, born: Born) -> None:
        """This child is a lane, or its nurse."""
        self._lanes[born.child] = born

    def signal(self, pid: int, number: int) -> None:
        """Signal a lane. It is not reaped yet, so the number is still its own. What traces a lane that has ended is
        ended: before that nobody else is told of that end.
        """
        if any(born.lane == pid for born in self._lanes.values()):
            _send(pid, number)
        self._kill_strays()

    def reap(self) -> float | None:
        """Take in what has ended and kill what it has left; returns after how many seconds to look again."""
        self._wait()
        if not self._ended:
            return None
        left = self._kill_strays()
        now = time.monotonic()
        over = [each for each in self._ended if not left or now - each.since > GIVE_UP_SECONDS]
        self._ended = [each for each in self._ended if each not in over]
        for each in over:
            self._gone(each.lane, each.status, each.orphaned)
        return AGAIN_SECONDS if self._ended else None

    def let_go_on(self) -> None:
        """Continue what has been stopped, its programs, and our supervisor: who stops lanes may stop all of its user's
        processes. Twice, as that may be going on; and only now and then, as code may stop itself without end.
        """
        if still := self._stopped | self._continued:
            for pid in [os.getppid(), *trees(still)]:
                _send(pid, signal.SIGCONT)
        self._stopped, self._continued = set(), self._stopped

    def kill_all(self) -> None:
        """End every lane and all that they started."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            self._wait()
            found = children(os.getpid())
            if not found:
                return
            for pid in found:
                _send(pid, signal.SIGKILL)
            time.sleep(AGAIN_SECONDS)

    def _wait(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
                if pid == 0:
                    return
                if os.WIFSTOPPED(status):
                    self._stopped.add(pid)
                    continue
                self._spared.discard(pid)
                if pid in self._lanes:
                    self._ended.append(_ended(self._lanes.pop(pid), status))

    def _kill_strays(self) -> bool:
        """Whether there are any. One that a kill doesn't end is waited for once, and not at each later lane's end."""
        strays = [pid for pid in children(os.getpid()) if pid not in self._lanes and pid not in self._spared]
        now = time.monotonic()
        patient = now < max((each.since for each in self._ended), default=now) + TRACKER_SECONDS
        for pid in strays:
            if not (patient and _is_tracker(pid)):
                _send(pid, signal.SIGKILL)
        self._killed = {pid: self._killed.get(pid, now) for pid in strays}
        self._spared.update(pid for pid, since in self._killed.items() if now - since > GIVE_UP_SECONDS)
        return not self._spared.issuperset(strays)


def _send(pid: int, number: int) -> None:
    """A process may be gone by now, or another user's: a program that code has started may have become root's."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _ended(born: Born, status: int) -> Ended:
    if born.heard is None:
        return Ended(born.lane, status, False, time.monotonic())
    os.set_blocking(born.heard, False)
    with suppress(BlockingIOError), open(born.heard, "rb", buffering=0) as heard:
        if said := heard.read(4):
            return Ended(born.lane, int.from_bytes(said, "big"), False, time.monotonic())
    return Ended(born.lane, status, True, time.monotonic())


def _is_tracker(pid: int) -> bool:
    with suppress(OSError):
        return b"resource_tracker import main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
