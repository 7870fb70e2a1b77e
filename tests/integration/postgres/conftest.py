"""Whole systems, to be watched from Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from tests.conftest import StartSystem
from tests.functions import FOLDER
from tests.support.ledger import Ledger
from tests.support.scene import FUNCTIONS, QUICK, Scene

StartScene = Callable[..., Scene]


@pytest.fixture
def start(system: StartSystem, database_url: str, redis_url: str, tmp_path: Path) -> Iterator[StartScene]:
    """Starts a system with the tests' functions, its processes on `through` where given, and looks at it directly."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE public.tally (name text)")
    with ExitStack() as stack:

        def start(*, through: str | None = None, dispatchers: int = 1, workers: int = 1, **env: str) -> Scene:
            started = system(
                functions=(FUNCTIONS,),
                env={**QUICK, FOLDER: str(tmp_path), **env},
                database_url=through,
                dispatchers=dispatchers,
                workers=workers,
            )
            return stack.enter_context(Scene(started, database_url, redis_url, Ledger(tmp_path)))

        yield start
