"""What was measured, told as it comes and kept as JSON, the machine's load beside each figure."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.contenders import Contender
from benchmarks.stage import Stage

Measure = Callable[[Stage], dict[str, Any]]


class Tally:
    """The rows of one results file."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self._path = path
        self._data: dict[str, Any] = {"machine": about, "measured": []}

    def measure(self, workload: str, stage: Stage, call: Measure) -> dict[str, Any]:
        """Call, print, keep. What fails is told of, and the others go on."""
        load, began = machine.load(), time.monotonic()
        figures: dict[str, Any] = {}
        with self.going_on(workload, stage.contender):
            figures = call(stage)
            took = {"load before": load, "took s": round(time.monotonic() - began, 1)}
            self._keep({"workload": workload, "contender": stage.contender.name, **figures, **took})
        return figures

    @contextmanager
    def going_on(self, workload: str, contender: Contender) -> Iterator[None]:
        """Keep that the block failed, if it does, and go on behind it."""
        try:
            yield
        except Exception as error:
            said = f"{type(error).__name__}: {error}".partition("\n")[0]
            self._keep({"workload": workload, "contender": contender.name, "failed": said})

    def _keep(self, row: dict[str, Any]) -> None:
        self._data["measured"].append(row)
        self._path.write_text(json.dumps(self._data, indent=1) + "\n")
        print(_told(row), flush=True)


def _told(row: dict[str, Any]) -> str:
    figures = dict(row)
    parts = [f"{figures.pop('workload'):20} {figures.pop('contender'):14}"]
    for name, value in figures.items():
        if isinstance(value, dict) and "p50" in value:
            value = f"{value['p50']} / {value['p95']} / {value['p99']} ms (n {value['n']})"
        parts.append(f"{name} {value};")
    return " ".join(parts)
