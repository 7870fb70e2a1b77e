"""One process of Andon under supervision."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress

from andon.embedded.children.spawn import spawn
from andon.embedded.console import Console

FIRST_BACK_OFF = 0.5
LAST_BACK_OFF = 30.0
HEALTHY_SECONDS = 10.0


class Child:
    """Starts a command, shows its output under `name`, and starts it again whenever it ends.

    It waits before that, longer each time, unless the command had run for a while.
    """

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], console: Console) -> None:
        self.name = name
        self._command = command
        self._env = env
        self._console = console
        self._process: subprocess.Popen[bytes] | None = None
        self._relay: threading.Thread | None = None
        self._started_at = 0.0
        self._due_at = 0.0
        self._back_off = 0.0
        self._renewed = False

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the command now."""
        self._started_at = time.monotonic()
        self._process = spawn(self._command, env=self._env, output=subprocess.PIPE)
        assert self._process.stdout is not None
        self._relay = self._console.relay(self.name, self._process.stdout)

    def tend(self) -> None:
        """Notice that it ended, and start it again when its time has come. To be called often."""
        if self.alive:
            return
        if self._process is not None:
            self._note_end(self._process)
        if time.monotonic() >= self._due_at:
            self.start()

    def ask_to_stop(self) -> None:
        """SIGTERM for the process, which knows how to stop what it started."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.send_signal(signal.SIGCONT)

    def renew(self) -> None:
        """Ask the process to stop; `tend` starts another at once, and says nothing of it."""
        self._renewed = True
        self.ask_to_stop()

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL for its whole process group, and wait for the process."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def finish_output(self) -> None:
        """Show what it said last."""
        if self._relay is not None:
            self._relay.join(timeout=1)

    def _note_end(self, process: subprocess.Popen[bytes]) -> None:
        self.finish_output()
        if self._renewed:
            self._renewed, self._process = False, None
            return
        ran = time.monotonic() - self._started_at
        doubled = 0.0 if ran > HEALTHY_SECONDS else self._back_off * 2
        self._back_off = min(max(doubled, FIRST_BACK_OFF), LAST_BACK_OFF)
        self._due_at = time.monotonic() + self._back_off
        self._process = None
        self._console.say(
            f"{self.name} {_ending(process.returncode)} after {ran:.1f} s; it is started again in {self._back_off:g} s"
        )


def _ending(code: int) -> str:
    """In words, how a process with this return code ended."""
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
