"""`python -m andon_worker.nursery CONTROL MODULE...`: import the modules, then fork lanes for a supervisor.

With `--declare` it tells what the modules declare, and ends; with `--nurses` each lane gets a parent of its own.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from andon.engine.declared.functions import Function
from andon.logs import flush_output
from andon.settings import Settings
from andon_worker.linux import end_with_parent, expect_orphans, keep_going, live_on
from andon_worker.nursery.importing import generators, load, why_not_fork
from andon_worker.nursery.reaping import Born, Reaper
from andon_worker.wire import receive_passed

if TYPE_CHECKING:
    from andon_worker.nursery.forking import Life

LANE_ENDS = 5
STOPPED_SECONDS = 0.2
Births = Callable[[Sequence[int]], Born]


def main(arguments: list[str]) -> None:
    """Import, tell, serve; end with the supervisor."""
    control, parent, *words = arguments
    end_with_parent(int(parent))
    socket_ = socket.socket(fileno=int(control))
    os.set_inheritable(int(control), False)
    sys.argv[1:] = []
    tell = _teller(socket_)
    modules = [word for word in words if not word.startswith("--")]
    functions = load(modules, tell)
    if "--declare" in words:
        tell({"say": "ready", "start": "none"})
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    expect_orphans()
    births, start = _births(functions, modules, nurses="--nurses" in words)
    nursery = Nursery(socket_, births)
    tell({"say": "ready", **start})
    live_on()  # from here on its supervisor's end is heard of, and lanes are ended first
    nursery.run()


def _births(functions: dict[str, Function], modules: Sequence[str], *, nurses: bool) -> tuple[Births, dict[str, Any]]:
    from andon_worker.nursery.forking import bear, bear_with_nurse  # all of a lane: who only declares has none

    life, start = _life(functions, modules)
    return partial(bear_with_nurse if nurses else bear, life), start


def _life(functions: dict[str, Function], modules: Sequence[str]) -> tuple[Life, dict[str, Any]]:
    from andon_worker.nursery.forking import forked, spawned

    reason = why_not_fork()
    if reason is not None or Settings.from_env(os.environ).lanes_start.lower() == "spawn":
        return spawned(modules), {"start": "spawn", "why": reason or "ANDON_LANES_START=spawn"}
    found = generators()
    gc.collect()
    gc.freeze()
    return forked(functions, found), {"start": "fork", "why": None}


def _teller(control: socket.socket) -> Any:
    def tell(said: dict[str, Any]) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            control.send(json.dumps(said).encode())

    return tell


class Nursery:
    """One thread, one loop: births, deaths, and the end of the supervisor."""

    def __init__(self, control: socket.socket, births: Births) -> None:
        self._control = control
        self._births = births
        self._tell = _teller(control)
        self._reaper = Reaper(self._tell_gone)
        keep_going(STOPPED_SECONDS, self._reaper.let_go_on)

    def run(self) -> None:
        """Serve until the supervisor is gone."""
        woken, wake = os.pipe()
        for each in (woken, wake):
            os.set_blocking(each, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        again: float | None = None
        while True:
            ready, _, _ = select.select([self._control.fileno(), woken], [], [], again)
            if woken in ready:
                with suppress(BlockingIOError):
                    os.read(woken, 4096)
            if self._control.fileno() in ready and not self._obey():
                break
            again = self._reaper.reap()
        self._reaper.kill_all()
        os._exit(0)

    def _obey(self) -> bool:
        """One order; False when there is nobody any more to give any."""
        order, descriptors = receive_passed(self._control, LANE_ENDS)
        if order is None:
            return False
        if order["say"] == "signal":
            self._reaper.signal(order["pid"], order["number"])
        else:
            self._bear(order["lane"], descriptors)
        return True

    def _bear(self, lane: int, descriptors: list[int]) -> None:
        flush_output()  # or each lane would say it again
        try:
            born = self._births(descriptors)
        except OSError as error:
            self._tell({"say": "unborn", "lane": lane, "why": str(error)})
            return
        finally:
            for each in descriptors:
                os.close(each)
        self._reaper.watch(born)
        _tell_born(self._control, lane, born.lane)

    def _tell_gone(self, pid: int, status: int, orphaned: bool) -> None:
        self._tell({"say": "gone", "pid": pid, "status": status, "orphaned": orphaned})


def _tell_born(control: socket.socket, lane: int, pid: int) -> None:
    """With a descriptor of the process, where there is such a thing: a number can come back, a descriptor can't."""
    said = json.dumps({"say": "born", "lane": lane, "pid": pid}).encode()
    descriptors = [os.pidfd_open(pid)] if hasattr(os, "pidfd_open") else []
    with suppress(BrokenPipeError, ConnectionResetError):
        socket.send_fds(control, [said], descriptors)
    for each in descriptors:
        os.close(each)


if __name__ == "__main__":
    main(sys.argv[1:])
