"""gunicorn's threads, with an end to their patience: a client that dawdles is cut off, not waited for.

Each request is read by a thread, and there are few. A hundred clients that send half a request and then nothing would
hold all of them for ever. A proxy that buffers requests keeps such clients out altogether; this is for having none.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from typing import IO, Any

from gunicorn.http.errors import (  # type: ignore[import-untyped]
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestLine,
    InvalidRequestMethod,
)
from gunicorn.util import write_error  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

GRACE_SECONDS = 5.0  # for the first byte and for the headers
SLOWEST = 1000  # bytes per second, from then on
QUOTING = (InvalidHeader, InvalidHeaderName, InvalidHTTPVersion, InvalidRequestLine, InvalidRequestMethod)
LONGEST_SEND = 30.0  # seconds for one write, which is one message of a stream or one block of a file


class PatientSocket:
    """A client's socket, as blocking as gunicorn wants it, whose reads and writes end in time.

    What comes too slowly is answered as if the client had gone: with `ECONNRESET`, which closes the connection.
    """

    def __init__(self, client: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self.fileno = client.fileno
        self.begin()

    def begin(self) -> None:
        """A request begins to be read."""
        self._until = self._clock() + GRACE_SECONDS

    def setblocking(self, flag: bool) -> None:
        """Nothing: gunicorn asks for it twice a request, and reads and writes here see to it themselves."""

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Some bytes, and time for more of them."""
        try:
            data = self._client.recv(size, flags | socket.MSG_DONTWAIT)  # mostly they are there
        except BlockingIOError:
            data = self._in_time(self._until - self._clock(), lambda: self._client.recv(size, flags))
        self._until += len(data) / SLOWEST
        return data

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """All of the bytes, or the end."""
        try:
            sent = self._client.send(data, flags | socket.MSG_DONTWAIT)  # mostly there is room
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            self._in_time(LONGEST_SEND, lambda: self._client.sendall(memoryview(data)[sent:], flags))

    def sendfile(self, file: IO[bytes], offset: int = 0, count: int | None = None) -> int:
        """A file's bytes, each block of them in time. Returns how many."""
        sent: int = self._in_time(LONGEST_SEND, lambda: self._client.sendfile(file, offset, count))
        return sent

    def _in_time(self, seconds: float, act: Callable[[], Any]) -> Any:
        self._client.settimeout(max(seconds, 0.001))
        try:
            return act()
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow") from None
        finally:
            if self._client.fileno() >= 0:
                self._client.setblocking(True)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class PatientWorker(ThreadWorker):  # type: ignore[misc]
    """`gthread` on such sockets."""

    def handle(self, conn: Any) -> Any:
        """Handle one request of a connection."""
        if not isinstance(conn.sock, PatientSocket):
            conn.sock = PatientSocket(conn.sock)
        conn.sock.begin()
        return super().handle(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer what is not HTTP without a word of it, in the log neither: it may be a key in the wrong place."""
        if isinstance(exc, QUOTING):
            self.log.warning("refused what is not HTTP: %s", type(exc).__name__)
            write_error(client, 400, "Bad Request", type(exc).__name__)
        else:
            super().handle_error(None, client, addr, exc)
