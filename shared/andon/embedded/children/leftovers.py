"""Find and end the processes of an earlier start that was killed before it could stop them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from andon.embedded.errors import EmbeddedError

PROC = Path("/proc")


def servers_in(folder: Path, name: str, pidfile: Path) -> list[int]:
    """The live processes called `name` that work in `folder`; without /proc, the one that `pidfile` names.

    A pidfile alone proves little: its pid may belong to somebody else by now, or to a zombie.
    """
    if sys.platform == "linux":
        return [pid for pid in _pids() if _works_in(pid, folder) and _read(pid, "comm").strip() == name.encode()]
    try:
        pid = int(pidfile.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return []
    shown = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    return [pid] if Path(shown.stdout.strip()).name == name else []


def processes_marked(mark: str) -> list[int]:
    """The other live processes whose environment holds `mark` (`NAME=value`); none without /proc."""
    if sys.platform != "linux":
        return []
    wanted = mark.encode()
    return [pid for pid in _pids() if pid != os.getpid() and wanted in _read(pid, "environ").split(b"\0")]


def end(find: Callable[[], list[int]], *, polite: signal.Signals, patience: float = 10.0) -> int:
    """End what `find` returns until it returns nothing: asked first, killed after `patience` seconds.

    Returns how many there were at first; raises `EmbeddedError` when even that doesn't end them.
    """
    at_first = found = find()
    deadline = time.monotonic() + patience
    for pid in found:
        _send(pid, polite)
        _send(pid, signal.SIGCONT)
    while found := find():
        if time.monotonic() > deadline + patience:
            raise EmbeddedError(f"Processes of an earlier start can't be ended: {found}; end them by hand.")
        if time.monotonic() > deadline:
            for pid in found:
                _send(pid, signal.SIGKILL)
        time.sleep(0.05)
    return len(at_first)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, number)


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _works_in(pid: int, folder: Path) -> bool:
    """Zombies have no working directory, so they don't count."""
    try:
        return os.readlink(PROC / str(pid) / "cwd") == str(folder)
    except OSError:
        return False


def _read(pid: int, what: str) -> bytes:
    """A file of the process; empty for one that has ended, or is another user's."""
    with suppress(OSError):
        return (PROC / str(pid) / what).read_bytes()
    return b""
