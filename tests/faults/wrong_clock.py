"""Clocks that are wrong for whole processes, so that C code sees the wrong time too: by datefudge and libfaketime.

Only the time of day is wrong. The monotonic clock goes on as it should, as it does on such a machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from andon.embedded import RedisServer
from tests.support.needs import needed


def clock_off_by(seconds: int) -> dict[str, str]:
    """The environment of a process whose clock is so many seconds ahead, or behind.

    By datefudge, which touches nothing else. libfaketime 0.9.10, Debian's, makes `time.sleep` fail in Python 3.11 and
    later where it is told to leave the monotonic clock alone.
    """
    return {"LD_PRELOAD": _library("datefudge/datefudge.so", "datefudge"), "DATEFUDGE": str(-seconds)}


class ClockedRedis(RedisServer):
    """A Redis whose clock can be set while it runs, by libfaketime."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._offset = self.folder / "offset"
        self._env = {
            "LD_PRELOAD": _library("faketime/libfaketimeMT.so.1", "faketime"),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",  # the same, as older versions call it
        }
        self.set_off_by(0)

    def command(self) -> list[str]:
        return ["/usr/bin/env", *(f"{name}={value}" for name, value in self._env.items()), *super().command()]

    def set_off_by(self, seconds: int) -> None:
        """Make its clock be so many seconds ahead, or behind, from now on."""
        written = self._offset.with_name("offset.new")
        written.write_text(f"{seconds:+d}\n")
        written.replace(self._offset)  # the server reads it at any moment


@contextmanager
def clocked_redis(folder: Path) -> Iterator[ClockedRedis]:
    """A Redis for the `with` block, whose clock can be set."""
    server = ClockedRedis(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _library(name: str, package: str) -> str:
    """Where Debian puts it."""
    return str(needed(next(Path("/usr/lib").glob(f"*/{name}"), None), f"no {package}: apt-get install {package}"))
