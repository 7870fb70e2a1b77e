"""An HTTP call: shutting its socket down ends it, also while the server says nothing."""

import socket
from http.client import HTTPConnection

from andon import CancelOn, Event, Step, function


@function(
    id="read-slowly",
    trigger="example/http.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def read_slowly(event: Event, step: Step) -> dict[str, int]:
    """Read `data.path` from `data.host` and `data.port`; returns the number of bytes."""
    return {"bytes": step.run("read", _read, event.data["host"], event.data["port"], event.data["path"], step)}


def _read(host: str, port: int, path: str, step: Step) -> int:
    connection = HTTPConnection(host, port, timeout=600)
    connection.connect()
    with step.interrupt_with(lambda: connection.sock.shutdown(socket.SHUT_RDWR)):
        connection.request("GET", path)
        return len(connection.getresponse().read())
