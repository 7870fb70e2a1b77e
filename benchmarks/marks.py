"""What the jobs' code did, and when: one slot per job in a file that every process maps into its memory.

Writing a mark costs a microsecond and outlives a killed process, so it disturbs no contender. Times are
`time.monotonic()`, which on Linux is one clock for all processes.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from typing import NamedTuple

PATH = "BENCH_MARKS"
_SLOT = struct.Struct("dddd")


class Mark(NamedTuple):
    """One job: when its code began, last did something, in which step, and when it returned (0.0: not yet)."""

    began: float
    last: float
    step: float
    done: float


class Marks:
    """The slots. Jobs write them, the measuring process reads and clears them."""

    def __init__(self, path: Path | str | None = None, *, slots: int = 200_000) -> None:
        path = Path(path or os.environ[PATH])
        if not path.exists() or path.stat().st_size < slots * _SLOT.size:
            with path.open("wb") as file:
                file.truncate(slots * _SLOT.size)
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), slots * _SLOT.size)

    def did(self, slot: int, step: int = 0) -> None:
        """The job's code is alive, in this step."""
        now = time.monotonic()
        at = slot * _SLOT.size
        if not struct.unpack_from("d", self._map, at)[0]:
            struct.pack_into("d", self._map, at, now)
        struct.pack_into("dd", self._map, at + 8, now, step)

    def done(self, slot: int) -> None:
        """The job's code has returned."""
        now = time.monotonic()
        struct.pack_into("d", self._map, slot * _SLOT.size + 8, now)
        struct.pack_into("d", self._map, slot * _SLOT.size + 24, now)

    def clear(self, slot: int) -> None:
        """Make the slot anew."""
        _SLOT.pack_into(self._map, slot * _SLOT.size, 0.0, 0.0, 0.0, 0.0)

    def __getitem__(self, slot: int) -> Mark:
        return Mark(*_SLOT.unpack_from(self._map, slot * _SLOT.size))
