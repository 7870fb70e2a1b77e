"""Where a run puts its temporary files."""

from __future__ import annotations

import os
import tempfile


class Scratch:
    """A run's `TMPDIR`, below a folder that is the lane's: empty when the run begins."""

    def __init__(self) -> None:
        self._number = 0
        self._folder = ""

    def enter(self, among: str) -> None:
        """Make it, unless the run before has left it empty: making and removing one waits for the disk."""
        self._folder = os.path.join(among, str(self._number))
        if not os.path.isdir(self._folder):
            os.makedirs(self._folder, 0o700)
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
