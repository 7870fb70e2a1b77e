"""Andon's real processes on real stores, for tests that use or break the whole."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import httpx
import psutil
import psycopg

from andon.embedded.children import leftovers
from andon.embedded.ports import free_port
from tests.support.polling import wait_until
from tests.support.process import Process

MARK = "ANDON_TEST_SYSTEM"
WORKING = 0.1  # seconds of processor time that a lane has taken while it was watched
SHIPPED_FUNCTIONS = "andon_worker.functions"


class System:
    """An api, dispatchers and workers that share two stores; all of them end with its `with` block.

    `env` goes on top of every process's environment, so settings are shortened there (`ANDON_LEASE_SECONDS="2"`).
    Processes are reached by name: `system["api"]`, `system["dispatcher-1"]`, `system["worker-2"]`; `each` is what one
    of them gets on top of that, by its name.
    """

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str,
        *,
        functions: Sequence[str] = (SHIPPED_FUNCTIONS,),
        env: Mapping[str, str] | None = None,
        each: Mapping[str, Mapping[str, str]] | None = None,
        dispatchers: int = 1,
        workers: int = 1,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.storage = folder / "artifacts"
        self._mark = f"{MARK}={folder.resolve()}"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANDON_")},
            "ANDON_DATABASE_URL": database_url,
            "ANDON_REDIS_URL": redis_url,
            "ANDON_STORAGE_URL": f"file://{self.storage}",
            "ANDON_FUNCTIONS": ",".join(functions),
            "ANDON_HOME": str(folder / "home"),
            "ANDON_HOST": "127.0.0.1",
            "PORT": str(self.port),
            "PYTHONPATH": os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")])),
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
            MARK: str(folder.resolve()),
        }
        self._each = dict(each or {})
        self.processes: dict[str, Process] = {}
        self._add("api", "andon_api")
        for number in range(1, dispatchers + 1):
            self._add(f"dispatcher-{number}", "andon_worker.dispatcher")
        for number in range(1, workers + 1):
            self._add(f"worker-{number}", "andon_worker")

    def __getitem__(self, name: str) -> Process:
        return self.processes[name]

    def __enter__(self) -> System:
        try:
            for process in self.processes.values():
                process.start()
            wait_until(self.ready, 120, what=f"{self.url}/readyz")
            wait_until(self._knows_functions, 120, what="a dispatcher's functions")
        except BaseException:
            self.end()
            self.show_output()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if error is not None:
            self.show_output()

    @property
    def workers(self) -> list[Process]:
        """The workers, in the order of their numbers."""
        return [process for name, process in self.processes.items() if name.startswith("worker-")]

    @property
    def dispatchers(self) -> list[Process]:
        """The dispatchers, in the order of their numbers."""
        return [process for name, process in self.processes.items() if name.startswith("dispatcher-")]

    def add_worker(self, **env: str) -> Process:
        """Start one more worker, with `env` on top of its environment."""
        process = self._add(f"worker-{len(self.workers) + 1}", "andon_worker")
        process.start(**env)
        return process

    def add_dispatcher(self, **env: str) -> Process:
        """Start one more dispatcher, with `env` on top of its environment."""
        process = self._add(f"dispatcher-{len(self.dispatchers) + 1}", "andon_worker.dispatcher")
        process.start(**env)
        return process

    def ready(self) -> bool:
        """Whether the API can serve."""
        assert self["api"].running, f"the api ended: {self['api'].output[-2000:]}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False, verify=False).is_success
        except httpx.HTTPError:
            return False

    def _knows_functions(self) -> bool:
        """Whether a dispatcher has said which there are, if one is to: until then, whoever names one asks in vain."""
        if not self.dispatchers:
            return True
        try:
            with psycopg.connect(self.env["ANDON_DATABASE_URL"]) as connection:
                row = connection.execute("SELECT EXISTS (SELECT FROM andon.functions)").fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return True
        return row == (True,)

    def give_way(self) -> None:
        """Have the lane that computes go on, and leave the processor to the test."""
        before: dict[psutil.Process, float] = {}

        def working() -> list[psutil.Process]:
            for lane in self._lanes():
                with suppress(psutil.NoSuchProcess):
                    now = sum(lane.cpu_times()[:2])
                    if now - before.setdefault(lane, now) > WORKING:
                        return [lane]
            return []

        [lane] = wait_until(working, what="a lane computes")
        lane.nice(19)

    def client(self) -> httpx.Client:
        """A client of the REST API; the caller closes it."""
        return httpx.Client(base_url=f"{self.url}/api/v1", timeout=30, trust_env=False, verify=False)

    def end(self) -> None:
        """Kill every process, and what it started outside its group too."""
        for process in self.processes.values():
            process.kill()
        leftovers.end(self.leftovers, polite=signal.SIGKILL)

    def leftovers(self) -> list[int]:
        """The pids that run on behalf of this system."""
        return leftovers.processes_marked(self._mark)

    def show_output(self) -> None:
        """Print the end of what each process said, which pytest shows with the failure."""
        for name, process in self.processes.items():
            print(f"--- {name} ---\n{process.output[-4000:]}")

    def _lanes(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for worker in self.workers:
            with suppress(psutil.NoSuchProcess):
                for nursery in psutil.Process(worker.pid).children():
                    found += nursery.children()
        return found

    def _add(self, name: str, module: str) -> Process:
        env = {**self.env, **self._each.get(name, {})}
        self.processes[name] = Process(name, module, env, self.folder / f"{name}.log")
        return self.processes[name]
