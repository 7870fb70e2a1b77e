"""The stores and the processes of one contender at a time, and the client that drives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from redis import Redis

from andon.embedded import PostgresServer, RedisServer
from andon.embedded.children.spawn import spawn
from andon.embedded.ports import free_port
from benchmarks.contenders import Contender
from benchmarks.marks import PATH, Mark, Marks
from benchmarks.record import SCHEMA


class Driver:
    """A contender's client in a process of its own, spoken to line by line."""

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        self._read()

    def send(self, *request: object) -> None:
        """Ask without waiting for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next answer."""
        answer = self._read()
        if answer.get("error"):
            raise RuntimeError(answer["error"])
        return answer

    def ask(self, *request: object) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        self.send(*request)
        return self.receive()

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the contender's client has ended; see its log")
        answer: dict[str, Any] = json.loads(line)
        return answer


class Stage:
    """One contender, up and running."""

    def __init__(self, contender: Contender, folder: Path, database_url: str, redis_url: str) -> None:
        self.contender = contender
        self.folder = folder
        self.database_url = database_url
        self.redis_url = redis_url
        self.port = free_port()
        self.marks = Marks(folder / "marks")
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANDON_")},
            "PYTHONPATH": os.pathsep.join([os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]),
            PATH: str(folder / "marks"),
            "BENCH_FOLDER": str(folder),
            "BENCH_DATABASE_URL": database_url,
            "BENCH_REDIS_URL": redis_url,
            "ANDON_DATABASE_URL": database_url,
            "ANDON_REDIS_URL": redis_url,
            "ANDON_FUNCTIONS": "benchmarks.jobs,benchmarks.long_calls",
            "ANDON_HOME": str(folder / "home"),
            "ANDON_STORAGE_URL": f"file://{folder / 'artifacts'}",
            "PORT": str(self.port),
            **contender.env,
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        self.others: list[subprocess.Popen[bytes]] = []
        self.connection = psycopg.connect(database_url, autocommit=True, prepare_threshold=0)
        self._slots = 0

    def start(self, *, worker: bool = True) -> None:
        """Prepare the database, start the processes and the client."""
        self.connection.execute(SCHEMA, prepare=False)
        if self.contender.setup:
            subprocess.run([self.contender.python, *self.contender.setup], env=self.env, check=True)
        self.others = [self._spawn(command) for command in self.contender.others]
        if worker:
            self.start_worker()
        if self.contender.name == "andon":
            self._until(self._serves, 60)
        client = [str(self.contender.python), "-m", f"benchmarks.peers.{self.contender.module}"]
        self.driver = Driver(client, self.env, self.folder / f"{self.contender.name}.log")

    def start_worker(self, **env: str) -> subprocess.Popen[bytes]:
        """Start one worker process."""
        self.workers.append(self._spawn(self.contender.worker, env))
        return self.workers[-1]

    def stop_workers(self, number: int = signal.SIGKILL) -> None:
        """End every worker process."""
        for process in self.workers:
            _end(process, number)
        self.workers.clear()

    def kill_worker(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL for this worker and its children."""
        self.workers.remove(process)
        _end(process)

    def signal_worker(self, process: subprocess.Popen[bytes], number: int) -> None:
        """Send a signal to this worker and its children."""
        os.killpg(process.pid, number)

    @property
    def slots(self) -> int:
        """How many slots are in use."""
        return self._slots

    def stop(self) -> None:
        """End everything."""
        self.stop_workers()
        for process in self.others:
            _end(process)
        if hasattr(self, "driver"):
            self.driver.close()
        self.connection.close()

    def jobs(self, count: int, *, steps: int, seconds: float) -> list[dict[str, Any]]:
        """Arguments of `count` jobs, each with a slot of its own."""
        first = self._slots
        self._slots += count
        return [{"slot": slot, "steps": steps, "seconds": seconds} for slot in range(first, self._slots)]

    def wait(self, jobs: Sequence[dict[str, Any]], ready: Callable[[Mark], object], timeout: float) -> bool:
        """Until `ready` holds for every job's mark; False when it doesn't within `timeout` seconds."""
        left = [job["slot"] for job in jobs]
        deadline = time.monotonic() + timeout
        while left := [slot for slot in left if not ready(self.marks[slot])]:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002 if len(left) < 50 else 0.02)
        return True

    def shown(self, status: str, ids: Sequence[str]) -> set[str]:
        """Those of `ids` that show `status` (`cancelled` or `completed`; of Andon `queued`, too)."""
        statement = getattr(self.contender, status)
        return {row[0] for row in self.connection.execute(statement, {"ids": list(ids)}).fetchall()}

    def warm_up(self) -> None:
        """Run a few jobs first, so that nobody pays for a first connection in the measurement."""
        jobs = self.jobs(40, steps=5, seconds=0)
        self.driver.ask("submit", "steps", jobs)
        if not self.wait(jobs, lambda mark: mark.done, 90):
            raise RuntimeError(f"{self.contender.name} ran none of its jobs; see {self.folder}")

    def _serves(self) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2, trust_env=False).is_success
        return False

    def _until(self, holds: Callable[[], bool], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.contender.name} did not start; see {self.folder}")
            time.sleep(0.05)

    def _spawn(self, arguments: Sequence[str], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{self.contender.name}.log").open("ab") as output:
            return spawn([str(self.contender.python), *arguments], env={**self.env, **(env or {})}, output=output)


def _end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        _end(process)


class Theatre:
    """The two servers that all contenders share, a database and an empty Redis for each."""

    def __init__(self, folder: Path, postgres: PostgresServer, redis: RedisServer) -> None:
        self.folder = folder
        self.postgres = postgres
        self.redis = redis
        self._count = 0

    @contextmanager
    def stage(self, contender: Contender, *, worker: bool = True) -> Iterator[Stage]:
        """The contender on a new database, ended with the block."""
        self._count += 1
        name = f"bench_{self._count}"
        with psycopg.connect(self.postgres.url_of("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        Redis.from_url(self.redis.url).flushall()
        folder = self.folder / name
        folder.mkdir()
        stage = Stage(contender, folder, self.postgres.url_of(name), self.redis.url)
        try:
            stage.start(worker=worker)
            yield stage
        finally:
            stage.stop()
        with psycopg.connect(self.postgres.url_of("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class _Postgres(PostgresServer):
    """With connections for 500 worker threads."""

    def command(self) -> list[str]:
        return [*super().command(), "-c", "max_connections=800"]


@contextmanager
def theatre(folder: Path) -> Iterator[Theatre]:
    """PostgreSQL with fsync on and Redis with an append-only file written every second."""
    with ExitStack() as stack:
        postgres = _Postgres(folder / "postgres")
        stack.callback(postgres.stop)
        postgres.start()
        redis = stack.enter_context(RedisServer(folder / "redis"))
        yield Theatre(folder, postgres, redis)
