"""One real process of Andon under a test's control."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from andon.embedded.children.spawn import spawn
from tests.support.images import Forked, can_be_forked, image_of
from tests.support.polling import PATIENCE, wait_until


class Process:
    """`python -m module`, or the same from an image, with its output in `log`; started, stopped, killed or
    paused by name.
    """

    def __init__(self, name: str, module: str, env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.env = dict(env)
        self.log = log
        self._module = module
        self._process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def pid(self) -> int:
        """The process's id; it leads a process group of its own."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is there; a paused one is."""
        return self._process is not None and self._process.poll() is None

    @property
    def listens(self) -> bool:
        """Whether it has come so far that SIGTERM doesn't just end it."""
        with suppress(FileNotFoundError, ProcessLookupError):
            caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
            return caught is not None and bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)
        return False

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None while it runs."""
        return None if self._process is None else self._process.poll()

    @property
    def output(self) -> str:
        """What it has said so far, over all its starts."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def start(self, **env: str) -> None:
        """Start it, with `env` on top of its environment from now on."""
        self.started_at = time.monotonic()
        assert not self.running, f"{self.name} runs already"
        self.env.update(env)
        with self.log.open("ab") as output, open(os.devnull, "rb") as nothing:
            if can_be_forked(self._module, self.env):
                image = image_of(self._module)
                self._process = image.start(self.env, streams=[nothing, output, output])
            else:
                self._process = spawn([sys.executable, "-m", self._module], env=self.env, output=output)

    def stop(self, timeout: float = PATIENCE) -> int:
        """SIGTERM, as soon as it listens to that, and wait; returns the exit code. `AssertionError` when it doesn't end
        in time.
        """
        assert self._process is not None, f"{self.name} was not started"
        wait_until(lambda: self.listens or not self.running, what=f"{self.name} listens to SIGTERM")
        if self.running:
            self._process.terminate()
            self.resume()
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {timeout:g} s of SIGTERM") from None

    def kill(self) -> None:
        """SIGKILL, for the process and all that it started in its group."""
        if self._process is not None:
            self._send(signal.SIGKILL)
            self._process.wait()

    def pause(self) -> None:
        """SIGSTOP for the whole group."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT for the whole group."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)
