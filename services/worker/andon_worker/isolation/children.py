"""One child process, as the worker holds it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Pipe, wait

BOOT = """
import json, sys
_, path, descriptor, parent, preload = sys.argv
sys.argv[1:], sys.path[:] = [], json.loads(path)
from andon_worker.isolation.child import serve
serve(int(descriptor), int(parent), json.loads(preload))
"""
POLL_SECONDS = 0.02
LAST_SECONDS = 5.0


class Child:
    """A process in a group of its own, that serves calls. Start it from a thread that outlives it.

    Linux ends it when that *thread* ends. Its output is this process's.
    """

    def __init__(self, preload: Sequence[str]) -> None:
        self._connection, theirs = Pipe()
        self.idle_since = 0.0
        self._leaves_at = 0.0
        with theirs:
            words = [json.dumps(sys.path), str(theirs.fileno()), str(os.getpid()), json.dumps(list(preload))]
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOT, *words],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._pidfd = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None

    def exchange(self, message: bytes) -> bytes | None:
        """Send a call and wait for its answer; None when the process has died over it."""
        try:
            self._connection.send_bytes(message)
            self._wait()
            return self._connection.recv_bytes() if self._connection.poll(0) else None
        except (EOFError, OSError):
            return None

    def _wait(self) -> None:
        """Until it has something to say or has ended: what it has started may hold the socket open after that."""
        if self._pidfd is not None:
            wait([self._connection, self._pidfd])
            return
        while not wait([self._connection], POLL_SECONDS) and self.alive:
            pass

    @property
    def alive(self) -> bool:
        """Whether it can take a call."""
        return self._process.poll() is None

    def terminate(self) -> None:
        """SIGTERM for the process: its step gets `Interrupted`."""
        self._process.terminate()

    def kill(self) -> None:
        """SIGKILL for the process and all that it started in its group."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def dismiss(self) -> None:
        """Let an idle child go: it ends by itself, and by force when that takes too long."""
        self._leaves_at = time.monotonic() + LAST_SECONDS
        self._connection.close()

    def reap(self) -> bool:
        """Whether it is gone, with its group and what we held of it. To be asked until it says so."""
        if self._process.poll() is None:
            if time.monotonic() > self._leaves_at:
                self.kill()
            return False
        self.kill()  # what the steps have left running
        self._connection.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        return True

    def end_in_words(self) -> str:
        """How it died. It is killed first if it only broke the connection."""
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
            return "closed its connection to the worker"
        if code >= 0:
            return f"ended with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"died by signal {name}" + (" (out of memory?)" if -code == signal.SIGKILL else "")
