"""A real `andon dev` under a test's control."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from andon.embedded.children import leftovers
from andon.embedded.dev import MARK
from andon.embedded.home import read_env_file
from andon.embedded.ports import free_port
from tests.support.polling import wait_until
from tests.support.scene import FUNCTIONS


class Dev:
    """The command, started on a home and a port of its own."""

    def __init__(self, home: Path, port: int, **env: str) -> None:
        self.home = home
        self.port = port
        self.log = home.with_suffix(".log")
        known = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "andon.cli", "dev", "-f", FUNCTIONS],
                env={**known, "ANDON_HOME": str(home), "PORT": str(port), **env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_for_stores(self) -> dict[str, str]:
        """What `home/env` exports, as soon as it is there."""

        def exported() -> dict[str, str]:
            assert self.process.poll() is None, self.output
            return read_env_file(self.home)

        return wait_until(exported, what="the env file")

    def left(self) -> list[int]:
        """The pids of everything that runs on this home."""
        home = self.home.resolve()
        postgres = home / "postgres/data"
        redis = home / "redis"
        return [
            *leftovers.processes_marked(f"{MARK}={home}"),
            *leftovers.servers_in(postgres, "postgres", postgres / "postmaster.pid"),
            *leftovers.servers_in(redis, "redis-server", redis / "redis.pid"),
        ]

    def ended(self, name: str) -> int:
        """How often the supervisor has said that the process called `name` ended."""
        return len(re.findall(rf"andon +\| {name} (?:ended|was ended)", self.output))

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 60) -> int:
        """Ask it to stop; returns its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout)


@contextmanager
def running_dev(home: Path, port: int | None = None, **env: str) -> Iterator[Dev]:
    """`andon dev` for the `with` block; killed at its end if it still runs."""
    dev = Dev(home, port or free_port(), **env)
    try:
        yield dev
    finally:
        dev.process.kill()
        dev.process.wait()
