"""DuckDB as the report uses it: in memory, bounded, off the network, and easy to stop."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from andon.reports.control import Control

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "384MB"
THREADS = 2
_TELL_EVERY = 0.5  # seconds


@contextmanager
def connect(scratch: Path, control: Control) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of one's own that a cancel interrupts; it and what it spilled are gone afterwards.

    `scratch` is the caller's to remove: a cancel in the middle of the cleaning up may leave an empty folder there.
    """
    import duckdb  # what only writes SQL, as the API does of a plan, needs none of it

    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix="spill-", ignore_cleanup_errors=True) as spill,
        duckdb.connect(
            ":memory:",
            config={
                "memory_limit": MEMORY_LIMIT,
                "threads": THREADS,
                "temp_directory": spill,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        ) as connection,
    ):
        connection.execute("SET TimeZone = 'UTC'")
        # What a query has done is counted, for `telling`, and not printed.
        connection.execute("SET enable_progress_bar = true")
        connection.execute("SET enable_progress_bar_print = false")
        with control.interrupt_with(connection.interrupt):
            yield connection


@contextmanager
def telling(connection: duckdb.DuckDBPyConnection, tell_of: Callable[[float], object]) -> Iterator[None]:
    """While the block's queries run, say how far the present one is, from 0 to 1, twice a second."""
    ended = threading.Event()

    def tell() -> None:
        while not ended.wait(_TELL_EVERY):
            try:
                done = connection.query_progress() / 100
            except duckdb.ConnectionException:
                return  # a cancel has cut off the waiting below, and the connection is closed
            if 0 < done <= 1:
                tell_of(done)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def identifier(name: str) -> str:
    """A column's name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """A string, quoted for SQL: for the places where DuckDB takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"
