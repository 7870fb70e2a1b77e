"""Each program in `examples/producers` requests a report and cancels it, by the bus or by the URL alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.embedded.stores.binaries import redis_programs
from tests.conftest import StartSystem
from tests.support.needs import program
from tests.support.polling import wait_until
from tests.support.system import System

PRODUCERS = Path(__file__).parents[2] / "examples" / "producers"
CSV = b"day,region,amount\n" + b"".join(
    b"2026-01-%02d,%s,%d\n" % (n % 28 + 1, [b"north", b"south"][n % 2], n * 7919 % 1000) for n in range(2_000)
)
LONG = 10_000_000  # resamples: hours, if nobody stops it


@contextmanager
def report(client: httpx.Client) -> Iterator[Callable[[], dict[str, Any]]]:
    """A report that takes long; yields what reads it."""
    dataset = client.post("/datasets", files={"file": ("sales.csv", CSV)}).json()
    body = {"title": "Sales", "datasetId": dataset["id"], "options": {"resamples": LONG}}
    path = f"/reports/{client.post('/reports', json=body).json()['id']}"
    yield lambda: dict(client.get(path).json())


def is_now(now: Callable[[], dict[str, Any]], status: str) -> bool:
    return bool(now()["status"] == status)


def produces(started: System, command: list[str], env: dict[str, str], who: str) -> None:
    """The command requests the report, which then runs, and cancels it."""
    with started.client() as client, report(client) as now:
        for what, expected in (("requested", "generating"), ("cancelled", "cancelled")):
            subprocess.run([*command, now()["id"], what], env={**os.environ, **env}, check=True, timeout=60)
            wait_until(partial(is_now, now, expected), what=expected)
            if expected == "generating":
                wait_until(lambda: now()["progress"], what="progress")
        assert now()["run"]["cancel"]["requestedBy"] == {"id": who}


@pytest.fixture(scope="module")
def started(shared_system: StartSystem) -> System:
    """One system for them all."""
    return shared_system()


def bus(started: System) -> dict[str, str]:
    """What tells a program where the bus is."""
    return {"ANDON_REDIS_URL": started.env["ANDON_REDIS_URL"]}


def test_python_with_redis_py(started: System) -> None:
    produces(started, [sys.executable, str(PRODUCERS / "redis_py.py")], bus(started), "redis-py")


def test_a_shell_with_redis_cli(started: System) -> None:
    env = {**bus(started), "PATH": f"{redis_programs()}:{os.environ['PATH']}"}
    produces(started, [str(PRODUCERS / "redis_cli.sh")], env, "redis-cli")


def test_inngests_python_client(started: System) -> None:
    env = {"INNGEST_EVENT_API_BASE_URL": started.url, "INNGEST_EVENT_KEY": "any"}
    produces(started, [sys.executable, str(PRODUCERS / "inngest_client.py")], env, "anonymous")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples with their npm packages installed."""
    npm = program("npm", get="install Node 20 or later")
    folder = tmp_path_factory.mktemp("node")
    shutil.copytree(PRODUCERS, folder, dirs_exist_ok=True)
    subprocess.run([npm, "install", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=300)
    return folder


@pytest.mark.slow
def test_node_with_redis(started: System, node: Path) -> None:
    produces(started, ["node", str(node / "node_redis.mjs")], bus(started), "node")


@pytest.mark.slow
def test_inngests_npm_client(started: System, node: Path) -> None:
    env = {"INNGEST_BASE_URL": started.url, "INNGEST_EVENT_KEY": "any"}
    produces(started, ["node", str(node / "inngest_client.mjs")], env, "anonymous")
