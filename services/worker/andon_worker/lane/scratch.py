"""Where a run puts its temporary files."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress


class Scratch:
    """A run's `TMPDIR`, below a folder that is the lane's: empty when the run begins."""

    def __init__(self) -> None:
        self._number = 0
        self._folder = ""

    def enter(self, among: str) -> None:
        """Make it, unless the run before has left it empty: making and removing one waits for the disk. Where that is
        full, code that needs a folder hears of it, and no other.
        """
        self._folder = os.path.join(among, str(self._number))
        with suppress(OSError):
            os.makedirs(self._folder, 0o700, exist_ok=True)
        if os.environ.get("TMPDIR") != self._folder:
            os.environ["TMPDIR"] = self._folder
        tempfile.tempdir = None

    def leave(self) -> int | None:
        """Its number, if something was left there: it is the supervisor's to remove, and the next run gets another."""
        try:
            if not os.listdir(self._folder):
                return None
        except FileNotFoundError:
            return None
        except OSError:
            pass
        self._number += 1
        return self._number - 1
