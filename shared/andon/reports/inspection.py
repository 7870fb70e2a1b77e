"""`python -m andon.reports.inspection`: inspect one dataset in a process that may be ended at any moment.

What it is to do is its argument, as JSON, and what it found goes as JSON to the standard output. It takes no more
memory, files or time of the processor than it is told, has the processors after those who answer, and goes with its
parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
NICE = 5
TOO_MUCH = "memory"
UNEXPECTED = "unexpected"


@dataclass(frozen=True)
class Inspection:
    """What is asked: the file, what its user calls it and says of it, and how much may be used for it."""

    path: str
    name: str
    given: dict[str, Any]
    scratch: str
    unpacked_limit_bytes: int
    memory_bytes: int
    seconds: int

    def to_json(self) -> str:
        """As the process reads it."""
        return json.dumps(asdict(self))


def main() -> None:
    """Do what is asked, once."""
    _go_with_parent()
    _stand_back()
    asked = Inspection(**json.loads(sys.argv[1]))
    import duckdb  # noqa: F401  # before there is a limit: what can't be mapped then looks as if it weren't installed

    import andon.reports.datasets  # noqa: F401

    for kind, most in (
        (resource.RLIMIT_AS, asked.memory_bytes),
        (resource.RLIMIT_FSIZE, 2 * asked.unpacked_limit_bytes),
        (resource.RLIMIT_CPU, 2 * asked.seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    try:
        said: dict[str, Any] = {"found": _inspected(asked)}
    except _Refused as refused:
        said = {"refused": refused.kind, "why": refused.why}
    except MemoryError:
        said = {"refused": TOO_MUCH, "why": ""}
    except Exception as error:
        said = {"refused": UNEXPECTED, "why": f"{type(error).__name__}: {error}"[:2000]}
    json.dump(said, sys.stdout)
    sys.stdout.flush()


def _inspected(asked: Inspection) -> Any:
    import duckdb

    from andon.reports.control import NoControl
    from andon.reports.datasets import inspect_dataset
    from andon.reports.errors import DatasetError
    from andon.reports.files.limits import guard, refuse_columns

    path, scratch, limit = Path(asked.path), Path(asked.scratch), asked.unpacked_limit_bytes
    try:
        guard(path, asked.name, scratch, unpacked_limit_bytes=limit, control=NoControl())
        found = inspect_dataset(path, asked.name, given=asked.given, unpacked_limit_bytes=limit)
        refuse_columns(len(found.columns))
    except DatasetError as error:
        raise _Refused(type(error).__name__, str(error)) from error
    except RecursionError:
        raise _Refused("UnreadableDataset", "it is nested deeper than can be read") from None
    except duckdb.OutOfMemoryException:
        raise MemoryError from None
    return {**found.to_json(), "plan": found.plan.to_json()}


class _Refused(Exception):
    def __init__(self, kind: str, why: str) -> None:
        self.kind, self.why = kind, why
        super().__init__(why)


def _go_with_parent() -> None:
    """End when the parent does, also when that is killed (Linux; elsewhere at the limit of time)."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)


def _stand_back() -> None:
    """Leave the processors to those who answer: also where the kernel shares them between sessions (autogroups)."""
    os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICE))


if __name__ == "__main__":
    main()
