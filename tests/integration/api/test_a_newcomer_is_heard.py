"""A process holds so many connections; for one more, the one that is waited for longest ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import ExitStack

from andon.embedded.ports import free_port
from tests.polling import wait_until

SERVER = """
import sys
from gunicorn.app.base import BaseApplication
from andon_api.serving import EventWorker

def app(environ, start_response):
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


def test_beyond_the_most_connections_the_one_that_is_waited_for_longest_is_closed() -> None:
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

        def answered(client: socket.socket) -> bool:
            client.sendall(ASK)
            said = b""
            while not said.endswith(b"\r\n\r\nok"):
                said += client.recv(1_000) or b"it was closed\r\n\r\nok"
            return said.startswith(b"HTTP/1.1 200")

        first = wait_until(connected, 30)
        assert answered(first)  # by the only thread, which is done with it before it answers another
        others = [wait_until(connected, 30) for _ in range(2)]
        assert all(map(answered, others))
        newcomer = wait_until(connected, 30)
        assert answered(newcomer)
        assert first.recv(1) == b""
        assert all(map(answered, others))
