"""A process holds so many connections; for one more, one of whoever has most ends, the one waited for longest."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from andon.embedded.ports import free_port
from tests.support.polling import wait_until

SERVER = """
import sys
from gunicorn.app.base import BaseApplication
from andon_api.serving import EventWorker

def app(environ, start_response):
    if environ["PATH_INFO"] == "/large":
        environ["andon.caller"]("acme")
        start_response("200 OK", [])
        return (b"x" * 100_000 for _ in range(1_000))
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

class Server(BaseApplication):
    def load_config(self):
        said = {"bind": f"127.0.0.1:{sys.argv[1]}", "worker_class": EventWorker, "threads": 1, "worker_connections": 3}
        for name, value in {**said, "keepalive": 60, "control_socket_disable": True}.items():
            self.cfg.set(name, value)

    def load(self):
        return app

Server().run()
"""
ASK = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


LARGE = b"GET /large HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer of-acme\r\n\r\n"


@pytest.fixture
def connect() -> Iterator[Callable[[], socket.socket]]:
    """Connects to a server that holds three connections."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL)
    with ExitStack() as stack:
        stack.callback(server.wait)
        stack.callback(server.terminate)

        def connected() -> socket.socket | None:
            try:
                return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            except ConnectionRefusedError:
                return None

        yield lambda: wait_until(connected)


def answered(client: socket.socket) -> bool:
    """Whether it is answered, once it has asked."""
    client.sendall(ASK)
    said = b""
    while not said.endswith(b"\r\n\r\nok"):
        said += client.recv(1_000) or b"it was closed\r\n\r\nok"
    return said.startswith(b"HTTP/1.1 200")


def test_beyond_the_most_connections_the_one_that_is_waited_for_longest_is_closed(
    connect: Callable[[], socket.socket],
) -> None:
    first = connect()
    assert answered(first)  # by the only thread, which is done with it before it answers another
    others = [connect() for _ in range(2)]
    assert all(map(answered, others))
    newcomer = connect()
    assert answered(newcomer)
    assert first.recv(1) == b""
    assert all(map(answered, others))


def test_a_tenant_that_reads_many_answers_slowly_keeps_no_newcomer_out(connect: Callable[[], socket.socket]) -> None:
    slow = [connect() for _ in range(2)]
    for each in slow:
        each.sendall(LARGE)
        assert each.recv(12) == b"HTTP/1.1 200"
    waiting = connect()
    assert answered(waiting)
    assert answered(connect())
    assert answered(waiting), "of whoever has most one is ended, not of whoever has little"
