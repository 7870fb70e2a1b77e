"""What is seen of the processes meanwhile: that they run, and how much memory each takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import psutil

from tests.support.process import Process
from tests.support.system import System
from tests.unit.deploy.conftest import DEPLOY, documents, pod_spec

UNITS = {"Mi": 2**20, "Gi": 2**30}


def memory_limits() -> dict[str, int]:
    """What the manifests let the container of each process have, in bytes."""
    found = {}
    for _, manifest in documents(DEPLOY / "kustomize" / "base"):
        for container in (pod_spec(manifest) or {}).get("containers", []):
            limit = container["resources"]["limits"]["memory"]
            found[container["name"]] = int(limit[:-2]) * UNITS[limit[-2:]]
    return found


def memory(process: Process) -> int:
    """The bytes that it and what it has started take, as a container's limit counts them: what is shared once."""
    total = 0
    try:
        root = psutil.Process(process.pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for each in family:
        try:
            total += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it has just ended
    return total


@dataclass
class Watching:
    """Belongs to the main thread: a process that is started ends with the thread that started it."""

    system: System
    limits: Mapping[str, int]
    peaks: dict[str, int] = field(default_factory=dict)
    ended_alone: list[str] = field(default_factory=list)

    def watch(self, seconds: float, every: float = 2.0) -> None:
        """Look every so often; what has ended is started again."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for name, process in self.system.processes.items():
                if not process.running:
                    self.ended_alone.append(f"{name} ended with {process.exit_code}: {process.output[-800:]}")
                    process.start()
                self.peaks[name] = max(self.peaks.get(name, 0), memory(process))
            time.sleep(every)

    def over_their_limit(self) -> list[str]:
        """The processes that took more than their container may have."""
        return [
            f"{name}: {peak / 2**20:.0f} MiB"
            for name, peak in self.peaks.items()
            if peak > self.limits[name.split("-")[0]]
        ]
