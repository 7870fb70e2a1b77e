"""A dispatcher and a worker that can be probed, and what they show."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from andon.embedded.ports import free_port
from tests.conftest import StartSystem
from tests.support.system import System

FUNCTIONS = ("tests.integration.deploy.functions",)


class Probed:
    """A system whose dispatcher and worker serve probes and metrics."""

    def __init__(self, start: StartSystem, *, database_url: str | None = None) -> None:
        self.ports = {"dispatcher-1": free_port(), "worker-1": free_port()}
        self.system: System = start(functions=FUNCTIONS, dispatchers=0, workers=0, database_url=database_url)
        self.system.add_dispatcher(ANDON_HEALTH_PORT=str(self.ports["dispatcher-1"]))
        self.system.add_worker(ANDON_HEALTH_PORT=str(self.ports["worker-1"]))

    def ask(self, process: str, path: str) -> httpx.Response | None:
        """The answer of a process's health port; None while nothing listens."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.ports[process]}{path}", timeout=10, trust_env=False, verify=False)
        except httpx.HTTPError:
            return None

    def ready(self) -> bool:
        """Whether both say so."""
        answers = [self.ask(process, "/readyz") for process in self.ports]
        return all(answer is not None and answer.is_success for answer in answers)

    def samples(self, process: str) -> dict[str, float]:
        """What a process shows to Prometheus: sample with labels, and its value."""
        if process == "api":
            text = httpx.get(f"{self.system.url}/metrics", trust_env=False, verify=False).text
        else:
            answer = self.ask(process, "/metrics")
            text = answer.text if answer else ""
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    def types(self) -> dict[str, str]:
        """Every metric of the three processes, with its type; counters without `_total`, nothing of `_created`."""
        texts = [httpx.get(f"{self.system.url}/metrics", trust_env=False, verify=False).text]
        texts += [answer.text for process in self.ports if (answer := self.ask(process, "/metrics"))]
        found = dict(re.findall(r"^# TYPE (\w+) (\w+)$", "\n".join(texts), re.MULTILINE))
        return {
            name.removesuffix("_total") if kind == "counter" else name: kind
            for name, kind in found.items()
            if not name.endswith("_created")
        }


@pytest.fixture
def probed(system: StartSystem) -> Callable[..., Probed]:
    """Starts a system that can be probed."""
    return partial(Probed, system)
