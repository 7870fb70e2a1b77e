"""Folders for what a process writes and needs no longer than it lives."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path


def make_scratch(process: str, among: Path) -> Path:
    """A folder of this process's own in the folder `among`. Those of such processes that were killed are removed.

    A container that is started again finds the files of the one before, and mostly has its process id.
    """
    for left in among.glob(f"andon-{process}-*-*"):
        pid = left.name.split("-")[2]
        if pid.isdigit() and (int(pid) == os.getpid() or not _lives(int(pid))):
            remove(left)
    return Path(tempfile.mkdtemp(prefix=f"andon-{process}-{os.getpid()}-", dir=among))


def remove(folder: Path) -> None:
    """With all that is in it, also what somebody has protected from being written."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        for top, below, _ in os.walk(folder):
            for each in (top, *(os.path.join(top, name) for name in below)):
                if not os.path.islink(each):
                    os.chmod(each, 0o700)
        shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
