"""What only Linux has, for processes that must not outlive each other. Elsewhere these do nothing, and say so."""

import ctypes
import os
import signal
import struct
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_PDEATHSIG, _CHILD_SUBREAPER = 1, 36
_OOM_SCORE = "500"
libc = ctypes.CDLL(None)


def end_with_parent(parent: int) -> None:
    """SIGKILL for this process when the thread that made it is gone. Elsewhere its socket's end has to do."""
    _prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def live_on() -> None:
    """Take that back."""
    _prctl(_PDEATHSIG, 0)


def expect_orphans() -> bool:
    """Become the parent of what descendants leave behind, whatever session it is in; False where that can't be."""
    return _prctl(_CHILD_SUBREAPER, 1)


def keep_going(seconds: float, also: Callable[[], object]) -> None:
    """Whoever stops this process (SIGSTOP) does so for as long at most: the kernel continues it, and calls this, that
    often.
    """
    signal.signal(signal.SIGCONT, lambda *_: also())
    timer, every = ctypes.c_void_p(), (0, int(seconds * 1e9))
    with suppress(AttributeError):  # an older C library has it elsewhere, others have none
        libc.timer_create(time.CLOCK_MONOTONIC, struct.pack("Pii48x", 0, signal.SIGCONT, 0), ctypes.byref(timer))
        libc.timer_settime(timer, 0, struct.pack("4l", *every, *every), None)


def volunteer_for_oom() -> None:
    """When memory runs out, this process goes first."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE)


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [child for child, parent in parents().items() if parent == pid]  # a kernel without that file


def parents() -> dict[int, int]:
    """Every process's parent."""
    return {pid: parent for pid, parent, _ in _processes()}


def _processes() -> Iterator[tuple[int, int, int]]:
    """Every process, its parent, and its resident bytes."""
    page = os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir("/proc") if sys.platform == "linux" else ():
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{name}/stat").read_bytes().rpartition(b")")[2].split()
                yield int(name), int(fields[1]), int(fields[21]) * page


def _prctl(option: int, value: int) -> bool:
    return sys.platform == "linux" and bool(libc.prctl(option, value, 0, 0, 0) == 0)


def memory_of_trees(roots: Iterable[int]) -> dict[int, int]:
    """The resident bytes of each of these processes with all its descendants; pages that they share count each time."""
    found = dict.fromkeys(roots, 0)
    for root, _, size in _in_trees(found):
        found[root] += size
    return found


def trees(roots: Collection[int]) -> list[int]:
    """These processes and all their descendants."""
    return [pid for _, pid, _ in _in_trees(roots)]


def _in_trees(roots: Collection[int]) -> Iterator[tuple[int, int, int]]:
    """Each process in one of these trees: its root, itself, its resident bytes."""
    processes = [*_processes()]
    parent = {pid: above for pid, above, _ in processes}
    for pid, _, size in processes:
        root: int | None = pid
        while root is not None and root not in roots:
            root = parent.get(root)
        if root is not None:
            yield root, pid, size
