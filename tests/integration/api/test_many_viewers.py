"""Many more viewers than an API process has threads: each is told, and other requests are served."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO

import httpx
import pytest

from tests.conftest import StartSystem
from tests.support.system import System

THREADS = 8
CSV = b"day,region,amount\n" + b"".join(
    b"2026-01-%02d,%s,%d\n" % (n % 28 + 1, [b"north", b"south"][n % 2], n * 7919 % 1000) for n in range(2_000)
)
LONG = 10_000_000  # resamples: hours, if nobody stops it


@pytest.fixture
def going(system: StartSystem) -> tuple[System, str]:
    """A system, and the path of a report that is being generated."""
    started = system(env={"ANDON_API_THREADS": str(THREADS)})
    with started.client() as client:
        dataset = client.post("/datasets", files={"file": ("sales.csv", CSV)}).json()
        body = {"title": "Sales", "datasetId": dataset["id"], "options": {"resamples": LONG}}
        path = f"/reports/{client.post('/reports', json=body).json()['id']}"
        client.post(f"{path}/generate").raise_for_status()
    started.give_way()
    return started, path


@contextmanager
def viewers(port: int, path: str, count: int) -> Iterator[list[IO[bytes]]]:
    """Open a stream in each of so many connections; yields what they are told."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(count)]
        for each in sockets:
            each.sendall(f"GET /api/v1{path}/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        yield [each.makefile("rb") for each in sockets]


def serves(client: httpx.Client, path: str) -> None:
    """A hundred requests, reads and writes, are answered: none would be, if viewers held the threads."""
    for number in range(100):
        answer = client.get(path) if number % 2 else client.post("/events", json={"name": "a/b"})
        answer.raise_for_status()


def told(stream: IO[bytes], what: bytes) -> bool:
    """Whether the stream comes to a line that begins so."""
    return any(line.startswith(what) for line in stream)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_viewers_are_told_of_the_end_and_leave_other_requests_served(going: tuple[System, str], count: int) -> None:
    started, path = going
    with started.client() as client, viewers(started.port, path, count) as streams:
        assert all(told(each, b"event: report") for each in streams)
        serves(client, path)
        answer = client.post(f"{path}/cancel", headers={"Prefer": "wait=10"})
        assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, "wait=10")
        assert all(told(each, b"event: end") for each in streams)


def test_a_stream_resumes_after_the_state_that_its_viewer_has_seen(going: tuple[System, str]) -> None:
    started, path = going
    with started.client() as client:
        client.post(f"{path}/cancel", headers={"Prefer": "wait=20"})
        first = client.get(f"{path}/stream").text
        [seen] = [line.removeprefix("id: ") for line in first.splitlines() if line.startswith("id: ")]
        again = client.get(f"{path}/stream", headers={"Last-Event-ID": seen})
        other = client.get(f"{path}/stream", headers={"Last-Event-ID": "another"}).text
    assert "event: report" in first
    assert (again.status_code, again.text) == (204, "")
    assert other == first
