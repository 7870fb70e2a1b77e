"""Requests that break HTTP itself, over real sockets: each is answered or cut off, none is our error."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import httpx
import pytest

from andon_api.http.problems import KINDS
from andon_api.http.schema import ProblemSchema
from tests.conftest import StartSystem
from tests.support.system import System

HEAD = b"POST /api/v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
EVENT = b'{"name": "a/b"}'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN = [
    CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n",
    CHUNKED + b"-1\r\n{}\r\n0\r\n\r\n",
    CHUNKED + b"f\r\n" + EVENT + b"XX0\r\n\r\n",
    CHUNKED + b"f;\x00=1\r\n" + EVENT + b"\r\n0\r\n\r\n",
    CHUNKED + b"ffffffffffffffffffffff\r\n{}",
    CHUNKED + b"f" * 10_000,
    CHUNKED + b"\r\n\r\n",
    CHUNKED + b"0\r\n" + b"a: b\r\n" * 300 + b"\r\n",
    HEAD + b"Content-Length: 15\r\nContent-Length: 16\r\n\r\n" + EVENT,
    HEAD + b"Content-Length: -1\r\n\r\n" + EVENT,
    HEAD + b"Content-Length: 1e3\r\n\r\n" + EVENT,
    HEAD + b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n" + EVENT,
    HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + EVENT,
    HEAD + b"Transfer-Encoding: rot13\r\n\r\n" + EVENT,
    HEAD + b"Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\n" + EVENT,
    HEAD + b"Expect: a miracle\r\nContent-Length: 15\r\n\r\n" + EVENT,
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /  HTTP/1.1\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: " + b"x" * 200_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 2000 + b"\r\n",
    b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
    b"GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\r\n" * 100,
]


@pytest.fixture(scope="module")
def running(shared_system: StartSystem) -> System:
    """An API, which is all that these reach."""
    return shared_system(env={"ANDON_API_THREADS": "4"}, dispatchers=0, workers=0)


def test_what_breaks_http_is_answered_or_cut_off_and_is_never_our_error(running: System) -> None:
    with ThreadPoolExecutor(8) as clients:  # some of them are waited for until their time is over
        answers = list(clients.map(partial(exchange, running), BROKEN))
    statuses = [status_of(answer) for answer in answers]
    wrong = [
        (status, broken[:200])
        for status, broken in zip(statuses, BROKEN, strict=True)
        if status is not None and status >= 500 and status != 501
    ]
    assert wrong == []
    refused = [answer for answer, status in zip(answers, statuses, strict=True) if status and status >= 400]
    assert {400, 414, 417, 431} <= {status_of(each) for each in refused}
    for each in refused:
        head, _, body = each.partition(b"\r\n\r\n")
        assert b"application/problem+json" in head, each
        said = json.loads(body)
        assert ProblemSchema().validate(said) == {}
        assert said["status"] == status_of(each)
        assert said["type"] == f"/problems/{said['code']}"
        assert said["code"] == "bad-request" or KINDS[said["code"]].status == said["status"]
    assert httpx.get(f"{running.url}/healthz", timeout=10, trust_env=False).is_success
    assert "Traceback" not in running["api"].output
    whole = CHUNKED + b"7\r\n" + EVENT[:7] + b"\r\n8;x=y\r\n" + EVENT[7:] + b"\r\n0\r\nX-Sum: 1\r\n\r\n"
    assert answered(running, whole) == 202


def test_requests_behind_each_other_are_answered_in_their_order(running: System) -> None:
    sized = HEAD + b"Content-Length: 15\r\n\r\n" + EVENT
    closing = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    got = exchange(running, sized + CHUNKED + b"f\r\n" + EVENT + b"\r\n0\r\n\r\n" + sized + closing)
    statuses = [int(each.split(b" ", 1)[0]) for each in got.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [202, 202, 202, 200]


def test_a_client_that_waits_for_leave_is_told_to_go_on_or_refused(running: System) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 20) as client:
        client.sendall(HEAD + b"Content-Length: 15\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(EVENT)
        assert client.recv(1000).startswith(b"HTTP/1.1 202")
    with socket.create_connection(("127.0.0.1", running.port), 20) as client:
        refused = HEAD.replace(b"application/json", b"text/plain")
        client.sendall(refused + b"Content-Length: 15\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 415")


def test_an_answer_before_the_body_has_come_says_that_the_connection_ends(running: System) -> None:
    with socket.create_connection(("127.0.0.1", running.port), 20) as client:
        client.sendall(HEAD.replace(b"application/json", b"text/plain") + b"Content-Length: 100000\r\n\r\n")
        head = client.recv(1000).partition(b"\r\n\r\n")[0]
    assert (head.split(b" ", 2)[1], b"\r\nConnection: close" in head) == (b"415", True)


def answered(running: System, request: bytes) -> int | None:
    """The status of the answer; None for a connection that was closed without one."""
    return status_of(exchange(running, request))


def status_of(answer: bytes) -> int | None:
    """As `answered`."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else None


def exchange(running: System, request: bytes) -> bytes:
    """Everything that comes until the other end closes, or says nothing more for as long as it waits for a head."""
    got = b""
    with socket.create_connection(("127.0.0.1", running.port), 7) as client:
        with suppress(OSError):
            client.sendall(request)
        with suppress(OSError):
            while piece := client.recv(65536):
                got += piece
                if b"Connection: close" not in request and got.count(b"HTTP/1.1 ") == 1 and got.endswith(b"}"):
                    break
    return got
