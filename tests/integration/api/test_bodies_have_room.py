"""Bodies that arrive lie on disk, so much of them at once and no more: a tenant's uploads leave room for another's."""

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
    environ["andon.caller"](environ["HTTP_AUTHORIZATION"])
    size = str(len(environ["wsgi.input"].read())).encode()
    start_response("200 OK", [("Content-Length", str(len(size)))])
    return [size]

class Server(BaseApplication):
    most_of_bodies = 40 << 20

    def load_config(self):
        said = {"bind": f"127.0.0.1:{sys.argv[1]}", "worker_class": EventWorker, "threads": 2}
        for name, value in {**said, "keepalive": 60, "control_socket_disable": True}.items():
            self.cfg.set(name, value)

    def load(self):
        return app

Server().run()
"""
SIZE = 15 << 20
Send = Callable[[str, int | None], socket.socket]


@pytest.fixture
def send() -> Iterator[Send]:
    """Begins an upload of a tenant to a server that has room for 40 MiB: of this length, or of one it doesn't say."""
    port = free_port()
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL)
    with ExitStack() as stack:
        stack.callback(server.wait)
        stack.callback(server.terminate)

        def begin(tenant: str, length: int | None) -> socket.socket:
            def connected() -> socket.socket | None:
                try:
                    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
                except ConnectionRefusedError:
                    return None

            client = wait_until(connected)
            size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
            client.sendall(f"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {tenant}\r\n{size}\r\n".encode())
            client.sendall(b"Expect: 100-continue\r\n\r\n")
            return client

        yield begin


def status(client: socket.socket) -> bytes:
    """What it is answered next."""
    return client.recv(4096)[9:12]


def test_a_tenant_takes_half_of_the_room_at_most_and_gets_it_again_afterwards(send: Send) -> None:
    first = send("acme", SIZE)
    assert status(first) == b"100"
    assert status(send("acme", SIZE)) == b"503"
    other = send("beta", SIZE)
    assert status(other) == b"100"
    first.sendall(b"x" * SIZE)
    assert status(first) == b"200"
    again = send("acme", SIZE)
    assert status(again) == b"100"
    again.close()  # who goes leaves room, too
    assert wait_until(lambda: status(send("acme", SIZE)) == b"100")


def test_a_body_that_does_not_say_its_length_ends_where_there_is_no_room(send: Send) -> None:
    endless = send("acme", None)
    assert status(endless) == b"100"
    chunks = (b"100000\r\n" + b"x" * (1 << 20) + b"\r\n") * 60
    with pytest.raises(ConnectionError):
        endless.sendall(chunks)
    other = send("beta", SIZE)
    assert status(other) == b"100"
    other.sendall(b"x" * SIZE)
    assert status(other) == b"200"
