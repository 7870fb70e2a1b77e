"""Row 37: slow readers and slow senders, two hundred of each."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from uuid import UUID

import httpx
import psycopg

from andon.adapters.postgres.asks.reports import of
from andon.engine.ids import new_id
from tests.faults.conftest import Stage
from tests.support.polling import wait_until
from tests.support.scene import Scene
from tests.support.system import System

CLIENTS = 200
BYTES = 1_500_000


def test_37_two_hundred_slow_readers_and_senders_leave_health_and_the_others_unharmed(stage: Stage) -> None:
    scene = stage(dispatchers=1, workers=0, env={"ANDON_API_THREADS": "8"})
    path = artifact(scene)
    with ExitStack() as stack:
        readers = [connected(stack, scene.system) for _ in range(CLIENTS)]
        for each in readers:
            each.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        senders = [connected(stack, scene.system) for _ in range(CLIENTS)]
        for place, each in enumerate(senders):
            each.sendall(HALVES[place % len(HALVES)])
        dawdling = stack.enter_context(dawdle(readers, senders))
        for _ in range(20):
            assert httpx.get(f"{scene.system.url}/healthz", timeout=5, trust_env=False).is_success
            assert httpx.get(f"{scene.system.url}/readyz", timeout=5, trust_env=False).is_success
            report = scene.report()
            assert scene.api.get(f"/reports/{report}").is_success
        whole = httpx.get(f"{scene.system.url}{path}", timeout=20, trust_env=False)
        assert len(whole.content) == BYTES
        wait_until(lambda: dawdling.ended(senders) == CLIENTS, what="every slow sender was cut off")
        wait_until(lambda: dawdling.ended(readers) == CLIENTS, 120, what="every slow reader was cut off")


def test_37_health_answers_while_every_thread_waits_for_a_locked_table(stage: Stage, database_url: str) -> None:
    scene = stage(dispatchers=0, workers=0, env={"ANDON_API_THREADS": "4"})
    with psycopg.connect(database_url) as holder, ExitStack() as stack:
        holder.execute("LOCK TABLE andon.runs IN ACCESS EXCLUSIVE MODE")
        for _ in range(40):
            connected(stack, scene.system).sendall(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for path in ("/healthz", "/readyz", "/metrics"):
            assert httpx.get(f"{scene.system.url}{path}", timeout=5, trust_env=False).is_success
        holder.rollback()


def test_37_a_client_that_reads_at_a_usable_pace_gets_everything(stage: Stage) -> None:
    scene = stage(dispatchers=0, workers=0)
    path = artifact(scene)
    with socket.create_connection(("127.0.0.1", scene.system.port)) as reader:
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while piece := reader.recv(16_384):
            got += piece
            time.sleep(0.002)
    assert len(got.partition(b"\r\n\r\n")[2]) == BYTES


UPLOAD = b"POST /api/v1/datasets HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
HALVES = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nA: ",
    b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n{",
    UPLOAD + b"Content-Length: 90000000\r\n\r\n--b\r\n",
    UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n\r\n",
)


class Dawdling:
    """Reads and sends a few bytes a second, and notes who was cut off."""

    def __init__(self, readers: list[socket.socket], senders: list[socket.socket]) -> None:
        self._ended: set[socket.socket] = set()
        self._readers, self._senders = readers, senders
        self.over = Event()

    def ended(self, clients: list[socket.socket]) -> int:
        """How many of these were cut off."""
        return sum(each in self._ended for each in clients)

    def go(self) -> None:
        """Until it is over."""
        for each in [*self._readers, *self._senders]:
            each.setblocking(False)
        while not self.over.wait(1.0):
            for each in set(self._readers) - self._ended:
                self._try(each, lambda client: client.recv(150) != b"")
            for each in set(self._senders) - self._ended:
                self._try(each, lambda client: client.send(b"x") > 0)

    def _try(self, client: socket.socket, act: object) -> None:
        try:
            alive = act(client)  # type: ignore[operator]
        except BlockingIOError:
            alive = True
        except OSError:
            alive = False
        if not alive:
            self._ended.add(client)


@contextmanager
def dawdle(readers: list[socket.socket], senders: list[socket.socket]) -> Iterator[Dawdling]:
    dawdling = Dawdling(readers, senders)
    thread = Thread(target=dawdling.go)
    thread.start()
    try:
        yield dawdling
    finally:
        dawdling.over.set()
        thread.join()


def connected(stack: ExitStack, system: System) -> socket.socket:
    """A client whose kernel keeps little for it."""
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", system.port))
    return client


def artifact(scene: Scene) -> str:
    """A published file that doesn't fit into the kernel's buffers; returns its path."""
    report = scene.report()
    key = "default/slow/report.html"
    target = scene.system.storage / key
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(os.urandom(BYTES))
    with psycopg.connect(scene.system.env["ANDON_DATABASE_URL"]) as database:
        run = new_id()
        database.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, subject_id)"
            " VALUES (%s, 'default', 'f', 1, %s)",
            [run, of("default", UUID(report))],
        )
        for status in ("running", "completed"):
            database.execute("UPDATE andon.runs SET status = %s WHERE id = %s", [status, run])
        database.execute(
            "INSERT INTO andon.run_artifacts (run_id, name, step, key, bytes, media_type)"
            " VALUES (%s, 'report.html', 's', %s, %s, 'text/html')",
            [run, key, BYTES],
        )
    return f"/api/v1/reports/{report}/artifacts/report.html"
