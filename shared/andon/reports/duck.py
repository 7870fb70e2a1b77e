"""DuckDB as the report uses it: in memory, bounded, off the network, and easy to stop."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from andon.reports.control import Control

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "384MB"
THREADS = 2


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
        connection.execute("SET enable_progress_bar = false")
        with control.interrupt_with(connection.interrupt):
            yield connection


def identifier(name: str) -> str:
    """A column's name, quoted for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """A string, quoted for SQL: for the places where DuckDB takes no parameter."""
    return "'" + str(text).replace("'", "''") + "'"
