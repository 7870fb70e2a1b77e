"""A disk that is small enough to be filled: a tmpfs that only its holder's mount namespace knows.

Everybody else reaches it below the holder's root in /proc. It goes with its holder, so that nothing stays mounted.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.needs import program

MOUNT_AND_HOLD = 'mount -t tmpfs -o size="$1" andon "$2" && echo mounted && exec cat'


class SmallDisk:
    """The disk at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    @property
    def free(self) -> int:
        """How many bytes there is room for."""
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, *, leaving: int) -> None:
        """Take all room but so many bytes."""
        with self._filler.open("ab") as filler:
            filler.write(bytes(self.free - leaving))

    def make_room(self) -> None:
        """Give back what `fill` took."""
        self._filler.unlink()


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """A disk of so many bytes for the `with` block; the test is skipped where nobody may mount one."""
    unshare = program("unshare", get="a disk can't be mounted for a test alone")
    folder.mkdir()
    # As root of a user namespace of its own, which anyone may be that the system lets.
    command = [unshare, "--map-root-user", "--mount", "sh", "-c", MOUNT_AND_HOLD, "sh", str(size), str(folder)]
    with subprocess.Popen(  # it ends when its input does, at the block's end or this process' own
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as holder:
        assert holder.stdout is not None
        said = holder.stdout.readline().strip()
        if said != "mounted":
            pytest.skip(f"no disk can be mounted here: {said}")
        yield SmallDisk(Path(f"/proc/{holder.pid}/root{folder}"))
