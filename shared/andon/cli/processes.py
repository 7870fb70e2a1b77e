"""The processes: each command becomes one, `dev` runs all of them."""

from __future__ import annotations

import os
import signal
import sys

import typer

from andon.embedded.console import Console
from andon.embedded.dev import run_dev
from andon.embedded.tether import end_with_parent


def add_to(app: typer.Typer) -> None:
    """Register this module's commands."""
    for command in (dev, api, dispatcher, worker, migrate):
        app.command()(command)


def dev() -> None:
    """Run everything on this machine, on embedded stores, until Ctrl-C."""
    if "MAKELEVEL" in os.environ:  # `make run` killed with -9 can't tell us
        end_with_parent(os.getppid(), signal.SIGTERM)
    run_dev(os.environ, Console(sys.stdout))


def api() -> None:
    """Serve the REST API and the console."""
    become("andon_api")


def dispatcher() -> None:
    """Turn events into runs and cancels."""
    become("andon_worker.dispatcher")


def worker() -> None:
    """Execute runs."""
    become("andon_worker")


def migrate() -> None:
    """Bring the database to this version's schema."""
    become("andon.migrations")


def become(module: str) -> None:
    """Replace this process by `python -m module`, so that signals reach it directly."""
    os.execv(sys.executable, [sys.executable, "-m", module])
