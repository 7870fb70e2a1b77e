"""Looks at how much memory runs take whose function bounds it, and ends those that take more.

An address-space limit would break what maps much and uses little, as DuckDB does; so this looks, and a run can take
more than its limit for a moment.
"""

from __future__ import annotations

from andon_worker.linux import memory_of_trees
from andon_worker.supervisor.executing import Executing
from andon_worker.supervisor.hosting.hosts import Hosts, Run
from andon_worker.supervisor.hosting.loop import Loop

PERIOD_SECONDS = 0.1


class MemoryWatch:
    """It belongs to the loop's thread. It looks for as long as there is a run to look at."""

    def __init__(self, loop: Loop, hosts: Hosts, executing: Executing) -> None:
        self._loop = loop
        self._hosts = hosts
        self._executing = executing
        self._looking = False

    def look(self) -> None:
        """A run has started."""
        if not self._looking and self._bounded():
            self._looking = True
            self._loop.after(PERIOD_SECONDS, self._look)

    def _bounded(self) -> dict[int, tuple[Run, int]]:
        found = {}
        for run in self._hosts.all():
            limit, lane = run.declared.lane_memory, run.lane
            if limit is not None and lane is not None and lane.pid is not None:
                found[lane.pid] = run, limit
        return found

    def _look(self) -> None:
        bounded = self._bounded()
        for pid, taken in memory_of_trees(bounded).items():
            run, limit = bounded[pid]
            if taken > limit:
                self._executing.kill_for(run, f"it used more than {in_units(limit)} of memory")
        self._looking = bool(self._hosts.all())
        if self._looking:
            self._loop.after(PERIOD_SECONDS, self._look)


def in_units(size: int) -> str:
    """A size in words."""
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}" if size % unit == 0 else f"{size / unit:.1f} {name}"
    return f"{size} bytes"
