"""What step bodies really did, told by files: it survives the kill of whoever writes it, and asks no store."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A step body's begin or end."""

    what: str
    case: str
    step: str
    pid: int
    at: float


class Ledger:
    """A folder: for each case a file with a line per begin and end, a gate and a plan."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, case: str, step: str, pid: int | None = None) -> int:
        """Note that a body begins, in this process unless another is named; returns how often it has begun by now."""
        self._note("begin", case, step, pid)
        return len(self.begins(case, step))

    def end(self, case: str, step: str) -> None:
        """Note that a body has ended well."""
        self._note("end", case, step)

    def _note(self, what: str, case: str, step: str, pid: int | None = None) -> None:
        # One write of a short line to a file opened for appending: no two writers' lines are mixed.
        line = json.dumps([what, case, step, pid or os.getpid(), time.time()]) + "\n"
        with open(self.folder / f"{case}.ledger", "ab", buffering=0) as file:
            file.write(line.encode())

    def entries(self, case: str) -> list[Entry]:
        """Everything noted of a case, in order."""
        path = self.folder / f"{case}.ledger"
        lines = path.read_text().splitlines() if path.exists() else []
        return [Entry(*json.loads(line)) for line in lines]

    def begins(self, case: str, step: str | None = None) -> list[Entry]:
        """The begins of a case, or of one of its steps."""
        return [e for e in self.entries(case) if e.what == "begin" and step in (None, e.step)]

    def steps(self, case: str) -> list[str]:
        """The steps whose bodies have begun, in order, as often as they did."""
        return [each.step for each in self.begins(case)]

    def gate(self, case: str) -> Path:
        """The file that opens the gate of a case."""
        return self.folder / f"{case}.open"

    def open(self, case: str) -> None:
        """Let the case's gated step go on."""
        self.gate(case).touch()

    def set_plan(self, case: str, plan: Mapping[str, Any]) -> None:
        """Say what happens in a case whose event can't carry its plan."""
        (self.folder / f"{case}.plan").write_text(json.dumps(plan))

    def plan(self, case: str) -> dict[str, Any]:
        """What was said, or nothing."""
        path = self.folder / f"{case}.plan"
        return dict(json.loads(path.read_text())) if path.exists() else {}
