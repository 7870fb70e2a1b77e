"""Each example of `docs/cancellation.md` is stopped in the middle of its work, and the worker goes on."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
from redis import Redis

from tests.conftest import StartSystem
from tests.support.polling import wait_until

ENDLESS: dict[str, tuple[str, dict[str, Any]]] = {
    "add-up": ("example/loop.requested", {"count": 10**12}),
    "wait-in-one-call": ("example/blocking.requested", {"seconds": 600}),
    "multiply-matrices": ("example/product.requested", {"size": 3000, "power": 100_000}),
    "run-program": ("example/program.requested", {"command": [sys.executable, "-c", "import time; time.sleep(600)"]}),
    "count-pairs": ("example/query.requested", {"count": 10_000_000}),
    "read-slowly": ("example/http.requested", {"host": "127.0.0.1", "path": "/"}),
}


@pytest.fixture
def silent_server() -> Iterator[int]:
    """The port of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    accepted.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        for each in accepted:
            each.close()


def test_every_example_is_stopped_in_the_middle_and_the_worker_goes_on(
    system: StartSystem, database_url: str, redis: Redis, silent_server: int
) -> None:
    started = system(functions=["examples"])
    with (
        httpx.Client(base_url=f"{started.url}/api/v1", trust_env=False, timeout=10) as client,
        psycopg.connect(database_url, autocommit=True) as database,
    ):

        def status(case: str) -> tuple[Any, ...]:
            row = database.execute(
                "SELECT r.status, r.current_step, r.forced FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
                " WHERE e.data->>'id' = %s",
                [case],
            ).fetchone()
            return row or ("unknown", None, None)

        def in_a_step(case: str) -> bool:
            return status(case)[1] is not None

        def cancelled_by_itself(case: str) -> bool:
            found, _, forced = status(case)
            return found == "cancelled" and not forced

        for case, (name, data) in ENDLESS.items():
            extra = {"port": silent_server} if case == "read-slowly" else {}
            sent = client.post("/events", json={"name": name, "data": {"id": case, **data, **extra}})
            assert sent.status_code == 202, sent.text
        for case in ENDLESS:
            wait_until(partial(in_a_step, case), what=f"{case} is in its step")
            cancelled = client.post("/events", json={"name": "example/work.cancelled", "data": {"id": case}})
            assert cancelled.status_code == 202, cancelled.text
            wait_until(partial(cancelled_by_itself, case), what=f"{case} is cancelled")

        client.post("/events", json={"name": "example/loop.requested", "data": {"id": "after", "count": 10}})
        wait_until(lambda: status("after")[0] == "completed", what="the next run is completed")
    assert len(started.workers) == 1
    assert started["worker-1"].running
