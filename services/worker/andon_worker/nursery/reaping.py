"""The end of lanes, and of everything that they started.

Each lane is a subreaper, so what a living one has daemonized stays its child. When it dies, its orphans come to the
nursery: whatever child of the nursery is no lane, and wasn't there before the first, had a lane that is dead, and is
killed. Once a parent is gone its links are gone too, so this looks and kills until nothing is left, rather than from a
list made before. The trackers of Python's `multiprocessing` are let end by themselves: they remove the shared memory
of processes that were killed, which nothing else does.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from andon_worker.linux import children

GIVE_UP_SECONDS = 5.0
AGAIN_SECONDS = 0.002
TRACKER_SECONDS = 2.0


class Reaper:
    """Waits for the nursery's children: the only place that does. `gone(pid, status)` when a lane's whole tree is."""

    def __init__(self, gone: Callable[[int, int], None]) -> None:
        self._gone = gone
        self._spared = set(children(os.getpid()))
        """What the modules have started at their import."""
        self._lanes: set[int] = set()
        self._ended: dict[int, tuple[int, float]] = {}

    def watch(self, pid: int) -> None:
        """This child is a lane."""
        self._lanes.add(pid)

    def signal(self, pid: int, number: int) -> None:
        """Signal a lane. It is not reaped yet, so the number is still its own."""
        if pid in self._lanes:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def reap(self) -> float | None:
        """Take in what has ended and kill what it has left; returns after how many seconds to look again."""
        self._wait()
        if not self._ended:
            return None
        left = self._kill_strays()
        now = time.monotonic()
        for pid, (status, since) in list(self._ended.items()):
            if not left or now - since > GIVE_UP_SECONDS:
                del self._ended[pid]
                self._gone(pid, status)
        return AGAIN_SECONDS if self._ended else None

    def kill_all(self) -> None:
        """End every lane and all that they started."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            self._wait()
            found = children(os.getpid())
            if not found:
                return
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(AGAIN_SECONDS)

    def _wait(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                self._spared.discard(pid)
                if pid in self._lanes:
                    self._lanes.discard(pid)
                    self._ended[pid] = status, time.monotonic()

    def _kill_strays(self) -> bool:
        """Whether there are any."""
        strays = [pid for pid in children(os.getpid()) if pid not in self._lanes and pid not in self._spared]
        patient = time.monotonic() < max(since for _, since in self._ended.values()) + TRACKER_SECONDS
        for pid in strays:
            if not (patient and _is_tracker(pid)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return bool(strays)


def _is_tracker(pid: int) -> bool:
    with suppress(OSError):
        return b"resource_tracker import main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False
