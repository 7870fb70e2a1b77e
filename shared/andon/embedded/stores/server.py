"""A store's server as a child process: what PostgreSQL and Redis have in common."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from andon.embedded.children import leftovers
from andon.embedded.children.accounts import Account
from andon.embedded.children.spawn import spawn
from andon.embedded.errors import EmbeddedError
from andon.embedded.ports import free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0
PORT_ATTEMPTS = 3


class Server(ABC):
    """A server on 127.0.0.1 with its data in `folder`, which belongs to it alone.

    It can be stopped, killed or paused and started again: on the same port, with the same data. It runs for a `with`
    block, on `port` or one that is free.
    """

    program: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, port: int | None, programs: Path) -> None:
        self.programs = programs
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder = self.folder.resolve()
        self.log = self.folder / "log"
        self.account: Account | None = None
        self._chosen_port = port
        self.port = port or 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """What clients connect to."""

    @abstractmethod
    def command(self) -> list[str]:
        """The server's program and arguments, for the current port."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether a client gets an answer now."""

    @abstractmethod
    def working_folder(self) -> Path:
        """The folder that the running server works in."""

    @abstractmethod
    def pidfile(self) -> Path:
        """The file that the running server keeps its pid in."""

    @property
    def pid(self) -> int:
        """The running server's process id."""
        if self.process is None:
            raise EmbeddedError(f"{self.program} is not running.")
        return self.process.pid

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the process is there; paused ones are."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; ends what an earlier start left behind in the folder."""
        self.end_leftovers()
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self.port = self.port or self._chosen_port or free_port()
            with self.log.open("wb") as log:
                self.process = spawn(
                    self.command(),
                    env=server_environment(),
                    output=log,
                    cwd=self.folder if self.account is None else Path("/"),
                    account=self.account,
                    end_signal=self.stop_signal,
                )
            if self._wait_until_it_answers():
                return
            if self._chosen_port or attempt == PORT_ATTEMPTS or not self._port_was_taken():
                raise EmbeddedError(f"{self.program} did not start; its last words in {self.log}: {self._last_words()}")
            self.port = 0

    def ask_to_stop(self) -> None:
        """Let it begin to end in order, if it runs; `stop` waits for that."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            self.resume()

    def stop(self) -> None:
        """Stop in order, killing only what doesn't end in time; returns when no process is left."""
        self.ask_to_stop()
        if self.process is not None:
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        """End it as a power cut would (`kill -9`)."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        """Freeze it, with its connections open (SIGSTOP)."""
        self._send_to_all(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused one go on (SIGCONT)."""
        self._send_to_all(signal.SIGCONT)

    def end_leftovers(self) -> None:
        """End servers that still run on this folder's data."""
        leftovers.end(self._processes, polite=self.stop_signal)

    def _processes(self) -> list[int]:
        return leftovers.servers_in(self.working_folder(), self.program, self.pidfile())

    def _send_to_all(self, number: signal.Signals) -> None:
        for pid in self._processes():
            with suppress(ProcessLookupError):  # a backend that has just ended
                os.kill(pid, number)

    def _wait_until_it_answers(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while self.running:
            if self.answers():
                return True
            if time.monotonic() > deadline:
                self.kill()
                return False
            time.sleep(0.02)
        return False

    def _port_was_taken(self) -> bool:
        return "in use" in self.log.read_text(errors="replace")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-4:]) or "none"


def server_environment() -> dict[str, str]:
    """This process's environment without what would change a server's defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG", "ANDON_"))}
    return {**kept, "LC_ALL": "C"}
