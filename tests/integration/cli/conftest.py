"""The command line as a person or a script uses it: a real process against a running system."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from andon.client import Andon
from andon.embedded import RedisServer
from tests.functions import FOLDER
from tests.support import images
from tests.support.ledger import Ledger
from tests.support.polling import PATIENCE
from tests.support.scene import FUNCTIONS, QUICK
from tests.support.system import System


class Result(images.Result):
    """What a command exited with and said."""

    @property
    def json(self) -> Any:
        """Its stdout, which must be JSON."""
        return json.loads(self.out)

    @property
    def words(self) -> str:
        """What it said on stdout, whatever the space between words."""
        return " ".join(self.out.split())


class Command:
    """`andon`, with an environment of its own."""

    def __init__(self, env: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
        self._env = {**kept, **env}

    def __call__(self, *args: str, stdin: str | None = None, **env: str) -> Result:
        """Run it to its end."""
        done = images.run("andon.cli", {**self._env, **env}, *args, input=stdin or "", timeout=PATIENCE)
        assert "Traceback" not in done.err, done.err
        return Result(done.code, done.out, done.err)

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start it, to be read and interrupted."""
        command = [sys.executable, "-m", "andon.cli", *args]
        return subprocess.Popen(command, env=self._env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def interrupt(process: subprocess.Popen[str]) -> Result:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    return Result(process.returncode, out, err)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory, create_database: Callable[[], str]) -> Iterator[System]:
    """One system for all of these tests: none of them breaks it, each makes what it looks at.

    Its Redis is its own, because the session's is emptied for other tests meanwhile.
    """
    folder = tmp_path_factory.mktemp("cli-system")
    with RedisServer(tmp_path_factory.mktemp("cli-redis")) as redis:
        env = {**QUICK, FOLDER: str(folder)}
        with System(folder, create_database(), redis.url, functions=(FUNCTIONS,), env=env) as system:
            yield system


@pytest.fixture(scope="package")
def command(running: System) -> Command:
    """`andon` against that system."""
    names = ("ANDON_DATABASE_URL", "ANDON_REDIS_URL", "ANDON_HOME")
    return Command({"ANDON_URL": running.url, **{name: running.env[name] for name in names}})


@pytest.fixture
def andon(running: System) -> Iterator[Andon]:
    """The client against that system."""
    with Andon(running.url) as client:
        yield client


@pytest.fixture
def ledger(running: System) -> Ledger:
    """What its functions did; opens their gates."""
    return Ledger(running.folder)


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    """A small dataset."""
    file = tmp_path / "sales.csv"
    file.write_text("day,region,amount\n" + "".join(f"2026-01-{day:02d},north,{day * 3}\n" for day in range(1, 29)))
    return file
