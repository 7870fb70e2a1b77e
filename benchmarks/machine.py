"""What a measurement ran on."""

from __future__ import annotations

import datetime as dt
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from andon.embedded.stores.binaries import postgres_programs, redis_programs
from benchmarks.contenders import Contender
from benchmarks.environments import npm_versions, versions


def describe(peers: Sequence[Contender]) -> dict[str, Any]:
    """Processors, system, servers and the peers' versions."""
    return {
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "postgres": _said(postgres_programs() / "postgres"),
        "redis": _said(redis_programs() / "redis-server"),
        "andon": version("andon"),
        "peers": {
            peer.name: versions(peer.python, peer.packages[:-1]) | npm_versions(peer.module, peer.npm_packages)
            for peer in peers
        },
    }


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 1)


def _said(program: Path) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
