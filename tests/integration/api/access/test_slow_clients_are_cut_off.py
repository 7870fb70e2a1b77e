"""Clients that send half a request and then nothing, more of them than the API has threads."""

from __future__ import annotations

import io
import socket
from contextlib import ExitStack, suppress

import httpx
import pytest

from tests.conftest import StartSystem

HALF = {
    "headers": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nA: ",
    "a body": b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 900\r\n\r\nkey=",
}


@pytest.mark.parametrize("half", HALF)
def test_clients_that_stop_half_way_hold_no_thread_for_ever(system: StartSystem, half: str) -> None:
    running = system(env={"ANDON_AUTH": "on", "ANDON_API_THREADS": "4"}, dispatchers=0, workers=0)
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", running.port))) for _ in range(8)]
        for each in slow:
            each.sendall(HALF[half])
        assert httpx.get(f"{running.url}/healthz", timeout=25, trust_env=False).is_success
        slow[0].settimeout(20)
        with suppress(ConnectionResetError):  # the same end, where what was sent had not been read to its end
            assert b"200 OK" not in slow[0].recv(1000)


def test_an_upload_that_hides_its_length_is_still_limited(system: StartSystem) -> None:
    running = system(env={"ANDON_UPLOAD_LIMIT_BYTES": "1000000"}, dispatchers=0, workers=0)
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b\n'
    body = io.BytesIO(head + b"1,2\n" * 1_000_000 + b"\r\n--b--\r\n")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    chunks = iter(lambda: body.read(65536), b"")
    with running.client() as api:
        answer = api.post("/datasets", content=chunks, headers=headers)
        assert answer.status_code in {413, 422}
    with running.client() as api:  # the rest of the body was not waited for: that connection is closed
        assert api.get("/datasets").json()["items"] == []
