"""Processes that stand still, and that SIGCONT doesn't set going: as one does that hangs. Linux only."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

ATTACH, DETACH, WALL = 16, 17, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def hold(pid: int) -> None:
    """Trace the process, and never let it go on, until this thread ends or `let_go`."""
    _trace(ATTACH, pid)
    os.waitpid(pid, WALL)


def let_go(pid: int) -> None:
    """Let it go on. From the thread that holds it."""
    _trace(DETACH, pid)


@contextmanager
def held(pid: int) -> Iterator[None]:
    """In the block it stands still."""
    hold(pid)
    try:
        yield
    finally:
        let_go(pid)


def _trace(request: int, pid: int) -> None:
    if _libc.ptrace(request, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
