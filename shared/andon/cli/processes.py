"""The processes: each command becomes one, `dev` runs all of them."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from andon.embedded.children.tether import end_with_parent
from andon.embedded.console import Console
from andon.embedded.dev import run_dev
from andon.extras import require_extra


def dev(
    functions: Annotated[
        list[str] | None,
        typer.Option("--functions", "-f", metavar="MODULE", help="A module of functions, beside ANDON_FUNCTIONS'."),
    ] = None,
) -> None:
    """Run everything on this machine until Ctrl-C, on embedded stores or those that the environment names."""
    if "MAKELEVEL" in os.environ:  # `make run` killed with -9 can't tell us
        end_with_parent(os.getppid(), signal.SIGTERM)
    run_dev(os.environ, Console(sys.stdout), functions or ())


def api() -> None:
    """Serve the REST API and the console."""
    become("andon_api", "api")


def dispatcher() -> None:
    """Turn events into runs and cancels."""
    become("andon_worker.dispatcher", "worker")


def worker() -> None:
    """Execute runs."""
    become("andon_worker", "worker")


def migrate() -> None:
    """Bring the database to this version's schema."""
    become("andon.migrations")


def become(module: str, extra: str | None = None) -> None:
    """Replace this process by `python -m module`, which needs `extra`, so that signals reach it directly."""
    if extra is not None:
        require_extra(extra, f"`andon {sys.argv[1]}`")
    os.execv(sys.executable, [sys.executable, "-m", module])
