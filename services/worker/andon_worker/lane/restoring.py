"""Whether a lane that has ended a run can serve another: it must be as it was at its birth.

What can be put back is put back; what can't ends the lane. Module globals, caches and pools of the function stay: that
is what using a process again is for, and it only ever serves runs of one function and tenant.
"""

from __future__ import annotations

import ctypes
import fcntl
import locale
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path

from andon.engine.stops import SIGNAL
from andon_worker.linux import libc

MEMORY_GROWTH = 256 * 1024 * 1024
_LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]
_SIGNALS = {int(each) for each in signal.valid_signals()} - {signal.SIGKILL, signal.SIGSTOP, SIGNAL}
_PAGE = resource.getpagesize()


class Birth:
    """What the process was like when it was born."""

    def __init__(self) -> None:
        self.directory = _directory()
        self.umask = _umask()
        self.environment = dict(os.environ)
        self.entries = _entries()
        self.handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self.limits = {each: resource.getrlimit(each) for each in _LIMITS}
        self.niceness = os.getpriority(os.PRIO_PROCESS, 0)
        self.threads = _threads()
        self.descriptors = _inheritable()
        self.memory = _own_memory()
        self.locale = locale.setlocale(locale.LC_ALL)
        self.processors = _processors()
        self.user = _user()
        self.streams = sys.stdin, sys.stdout, sys.stderr

    def restore(self) -> str | None:
        """Make the process what it was; says why it can't, or None."""
        try:
            self._restore()
            return self._difference()
        except Exception as error:  # what the code has taken away (descriptors, `/proc`, a function) may be needed here
            return f"what it was can't be put back ({type(error).__name__})"

    def _restore(self) -> None:
        sys.stdin, sys.stdout, sys.stderr = self.streams
        if self.directory is not None:
            with suppress(OSError):
                os.chdir(self.directory)
        os.umask(self.umask)
        if _entries() != self.entries:
            _clear_environment()
            os.environ.update(self.environment)
            time.tzset()
        if locale.setlocale(locale.LC_ALL) != self.locale:
            locale.setlocale(locale.LC_ALL, self.locale)
        if _processors() != self.processors:
            os.sched_setaffinity(0, self.processors)
        for number, handler in self.handlers.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        signal.alarm(0)
        for timer in (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF):
            signal.setitimer(timer, 0)
        for limit, (soft, hard) in self.limits.items():
            if resource.getrlimit(limit) != (soft, hard):
                with suppress(OSError, ValueError):
                    resource.setrlimit(limit, (soft, hard))
        with suppress(OSError):
            if os.getpriority(os.PRIO_PROCESS, 0) != self.niceness:
                os.setpriority(os.PRIO_PROCESS, 0, self.niceness)
        socket.setdefaulttimeout(None)
        tempfile.tempdir = None
        sys.settrace(None)
        sys.setprofile(None)

    def _difference(self) -> str | None:
        """What is not as it was."""
        if _has_children():
            return "it has left a process running"
        if _threads(self.threads) > self.threads:
            return "it has left a thread running"
        if left := _inheritable() - self.descriptors:
            return f"it has left a descriptor open that programs inherit ({min(left)})"
        if any(resource.getrlimit(limit) != was for limit, was in self.limits.items()):
            return "it has changed a limit that can't be put back"
        if os.getpriority(os.PRIO_PROCESS, 0) != self.niceness:
            return "it has changed its niceness"
        if _directory() != self.directory:
            return "its directory is gone"
        if _user() != self.user:
            return "it has changed its user"
        if _entries() != self.entries:
            return "it has changed its environment"
        if _own_memory() - self.memory > MEMORY_GROWTH:
            return "its memory has grown by more than 256 MiB"
        return None


def _directory() -> str | None:
    """Where it is; None where that is gone: a release's folder may be replaced below a worker that goes on."""
    with suppress(FileNotFoundError):
        return os.getcwd()
    return None


def _processors() -> frozenset[int]:
    """Those that it may use; none where nothing tells."""
    return frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()


def _user() -> tuple[int, ...]:
    return (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getgroups())


def _umask() -> int:
    was = os.umask(0o077)
    os.umask(was)
    return was


def _has_children() -> bool:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
        return True
    except ChildProcessError:
        return False


def _threads(at_most: int = 0) -> int:
    """Threads of this process, native ones included; those that are just ending are waited for."""
    if sys.platform != "linux":
        return threading.active_count()
    for _ in range(20):
        count = len(os.listdir("/proc/self/task"))
        if count <= at_most or threading.active_count() > at_most:
            break
        time.sleep(0.0005)
    return count


def _inheritable() -> frozenset[int]:
    """Open descriptors that a program started now would get."""
    found = set()
    with suppress(OSError):
        for name in os.listdir("/proc/self/fd" if sys.platform == "linux" else "/dev/fd"):
            with suppress(OSError, ValueError):
                if not fcntl.fcntl(int(name), fcntl.F_GETFD) & fcntl.FD_CLOEXEC:
                    found.add(int(name))
    return frozenset(found)


def _own_memory() -> int:
    """Bytes that are this process's own, roughly; 0 where nothing tells."""
    with suppress(OSError, ValueError, IndexError):
        resident, shared = Path("/proc/self/statm").read_text().split()[1:3]
        return (int(resident) - int(shared)) * _PAGE
    return 0


def _entries() -> frozenset[bytes]:
    """The environment as programs get it: also what was put there past `os.environ`."""
    entries = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    if not entries:
        return frozenset()
    return frozenset(takewhile(lambda entry: entry is not None, map(entries.__getitem__, count())))


def _clear_environment() -> None:
    for name in [*os.environ]:
        del os.environ[name]
    libc.clearenv() if hasattr(libc, "clearenv") else None
