"""Folders for what a process writes and needs no longer than it lives."""

import logging
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)


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
    """With all that is in it, also what somebody has protected from being written, however deep it lies.

    What `shutil.rmtree` leaves, since it calls itself for each level, the system's own programs take away.
    """
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    for command in (["chmod", "-R", "u+rwx", "--"], ["rm", "-rf", "--"]):
        if not folder.exists():
            return
        subprocess.run([*command, str(folder)], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if folder.exists():
        log.warning("%s can't be removed", folder)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
