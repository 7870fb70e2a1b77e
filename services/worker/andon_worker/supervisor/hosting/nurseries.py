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
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from andon_worker.linux import children
from andon_worker.nursery.starting import IMPORT_SECONDS, Loading, in_words, start
from andon_worker.supervisor.hosting.lanes import Lanes
from andon_worker.supervisor.hosting.loop import Loop, Timer
from andon_worker.wire import receive_passed

log = logging.getLogger(__name__)
FIRST_PAUSE, LAST_PAUSE = 0.1, 10.0


class NurseryClient:
    """Keeps a nursery alive. All of it belongs to the loop's thread, which must be the main one."""

    def __init__(
        self,
        loop: Loop,
        modules: Sequence[str],
        lanes: Lanes,
        *,
        ready: Callable[[Loading], None],
        ended: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._lanes = lanes
        self._ready = ready
        self._ended = ended
        self.loading = Loading(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_ready = False
        self.replaces = False
        self._owed = 0
        self._pause = FIRST_PAUSE
        self._deadline: Timer | None = None
        self._closing = False
        self._spared = frozenset(children(os.getpid()))
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
        self._is_ready, self._owed = False, 0
        words = ["--nurses"] if self.replaces and sys.platform == "linux" else []
        self._process, self._control = start(self.loading.begin(), *words)
        self._loop.watch(self._control, self._hear)
        self._arm()

    def bear(self, lane: int, descriptors: Sequence[int]) -> None:
        """Ask for a lane with these descriptors; `Lanes` hears of it."""
        if not self._say({"say": "bear", "lane": lane}, descriptors):
            self._lanes.unborn(lane, "the nursery has ended")
            return
        self._owed += 1
        if self._owed == 1:
            self._arm()

    def signal(self, pid: int, number: int) -> None:
        """Have a lane signalled, where there are no descriptors of processes."""
        self._say({"say": "signal", "pid": pid, "number": number})

    def close(self) -> None:
        """Let it end, and every lane with it; returns when they have."""
        self._closing = True
        if self._control is not None:
            self._loop.forget(self._control)
            self._control.close()
        if self._process is not None:
            self._end(self._process, patience=5.0)
        self._lanes.close()

    def _end(self, process: subprocess.Popen[bytes], patience: float) -> None:
        """Wait for it and for whatever it leaves, and kill them if that takes long."""
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            sweep(self._spared | {process.pid})  # as long as something traces it nobody else is told of its end
            process.wait()
        sweep(self._spared)

    def renew(self) -> None:
        """Start another process in the place of this one, which imports all modules again. Its lanes end with it."""
        self.loading = Loading(self.loading.modules)
        if self._control is not None:
            self._has_ended(renewed=True)

    def _say(self, said: dict[str, Any], descriptors: Sequence[int] = ()) -> bool:
        if self._control is None:
            return False
        try:
            socket.send_fds(self._control, [json.dumps(said).encode()], descriptors)
        except OSError:
            return False  # it has ended: `_hear` is told so
        return True

    def _answered(self) -> None:
        self._owed -= 1
        self._arm()

    def _arm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        waits = self._owed or not self._is_ready
        self._deadline = self._loop.after(IMPORT_SECONDS, self.hangs) if waits else None

    def hangs(self) -> None:
        """It does nothing any more: end it, so that another takes over."""
        if self._is_ready:
            log.error("the nursery answers no more, and is ended")
        else:
            self.loading.ended(None)
        if self._process is not None:
            self._process.kill()

    def _hear(self) -> None:
        assert self._control is not None
        said, descriptors = receive_passed(self._control, 1)
        if said is None:
            self._has_ended()
            return
        match said["say"]:
            case "born":
                self._answered()
                self._lanes.born(said["lane"], said["pid"], descriptors[0] if descriptors else None)
            case "unborn":
                self._answered()
                self._lanes.unborn(said["lane"], said["why"])
            case "gone":
                self._lanes.gone(said["pid"], said["status"], orphaned=said["orphaned"])
            case "slow":
                self.loading.hear(said)
            case _:
                self.loading.hear(said)
                self._is_ready = said["say"] == "ready"
                self._arm()
                if self._is_ready:
                    why = f" because {said['why']}" if said["why"] else ""
                    log.info("functions are loaded; lanes are made by %s%s", said["start"], why)
                    self._ready(self.loading)

    def _has_ended(self, *, renewed: bool = False) -> None:
        """However it went: nothing of its lanes may live on, and the next one takes over."""
        assert self._process is not None
        assert self._control is not None
        self._loop.forget(self._control)
        self._control.close()
        self._control = None
        self._end(self._process, patience=0.5)
        was_ready, self._is_ready = self._is_ready, False
        failed = len(self.loading.failed)
        if not was_ready and not renewed:
            self.loading.ended(self._process.returncode)
        self._lanes.all_gone()
        self._ended()
        if self._closing:
            return
        if renewed:
            self.start()
            return
        self.replaces = self.replaces or was_ready
        if was_ready or len(self.loading.failed) == failed:
            log.error("the nursery has ended (%s) and is started again", in_words(self._process.returncode))
        lasted = time.monotonic() - self.started_at > LAST_PAUSE
        self._pause = FIRST_PAUSE if lasted else min(self._pause * 2, LAST_PAUSE)
        self._loop.after(self._pause, self.start)


def sweep(spared: Collection[int], seconds: float = 2.0) -> None:
    """End what a nursery has left: all of it comes to this process, which has no other children than the spared."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        left = [pid for pid in children(os.getpid()) if pid not in spared]
        if not left:
            return
        for pid in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.005)
