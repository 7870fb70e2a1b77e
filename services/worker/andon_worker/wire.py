"""How a worker's processes talk: frames of a JSON header and a body of bytes, over a socket pair.

Never pickle: what comes from a lane is only as good as the code that runs there. A frame is bounded, and the
supervisor, which talks to many, never waits for the rest of one (`Channel`).
"""

import fcntl
import json
import socket
import struct
import termios
import threading
from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from andon.engine.memos import MAX_RESULT_BYTES

Header = dict[str, Any]
_LENGTHS = struct.Struct("!II")
MAX_HEADER = 4 * 1024 * 1024
MAX_BODY = MAX_RESULT_BYTES + 1024
_READ = 1 << 18
_MAX_MESSAGE = 1 << 17
MARK, MAX_LINE = b"\x1e", 8 * 1024
ERROR_MARK = MARK + b"2"
"""What a log record's line begins with among the lines that a lane prints, and how many bytes of one are kept."""


def unread(descriptor: int) -> int:
    """How many bytes nobody has read yet from this pipe, of either end."""
    count = array("i", [0])
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


class BrokenFrame(Exception):
    """The other side said what is no frame, or one that is too large."""


def pack(header: Header, body: bytes = b"") -> bytes:
    """The frame as bytes."""
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=True).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


def send(to: socket.socket, header: Header, body: bytes = b"") -> None:
    """Send a frame, however long that takes."""
    to.sendall(pack(header, body))


def receive(where: socket.socket) -> tuple[Header, bytes] | None:
    """The next frame, however long that takes; None when the other side has closed."""
    lengths = _exactly(where, _LENGTHS.size)
    if lengths is None:
        return None
    header, body = _LENGTHS.unpack(lengths)
    rest = _exactly(where, header + body)
    return None if rest is None else (json.loads(rest[:header]), rest[header:])


def _exactly(where: socket.socket, size: int) -> bytes | None:
    read = bytearray()
    while len(read) < size:
        part = where.recv(min(size - len(read), _READ))
        if not part:
            return None
        read += part
    return bytes(read)


def receive_passed(where: socket.socket, most: int) -> tuple[Header | None, list[int]]:
    """A message of its own, JSON alone, and the descriptors that came with it, `most` at most.

    None when the other side has closed.
    """
    try:
        data, descriptors, _, _ = socket.recv_fds(where, _MAX_MESSAGE, most)
    except ConnectionError:
        return None, []
    return (json.loads(data) if data else None), descriptors


class Channel:
    """One side of a conversation that must not wait: what doesn't fit now goes when the socket is writable again.

    `send` may be called from any thread; the others belong to the thread that owns the selector.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._read = bytearray()
        self._unsent = bytearray()
        self._lock = threading.Lock()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, header: Header, body: bytes = b"") -> bool:
        """Send a frame; True if some of it is left, so that `flush` has to be called. A closed socket takes all."""
        with self._lock:
            if self._unsent:
                self._unsent += pack(header, body)
                return True
            return self._push(pack(header, body))

    def flush(self) -> bool:
        """Send what was left; True if some of it still is."""
        with self._lock:
            return self._push(bytes(self._unsent))

    def _push(self, data: bytes) -> bool:
        self._unsent.clear()
        view = memoryview(data)
        try:
            while view:
                view = view[self._socket.send(view) :]
        except BlockingIOError:
            self._unsent += view
        except OSError:
            pass  # it has ended: whoever waits for its end hears of that
        return bool(self._unsent)

    def frames(self) -> Iterator[tuple[Header, bytes]]:
        """What has come. Raises `BrokenFrame`, and `EOFError` when the other side has closed."""
        closed = self._fill()
        while len(self._read) >= _LENGTHS.size:
            header, body = _LENGTHS.unpack_from(self._read)
            if header > MAX_HEADER or body > MAX_BODY:
                raise BrokenFrame(f"a frame of {header} and {body} bytes")
            if len(self._read) < (end := _LENGTHS.size + header + body):
                break
            text = bytes(self._read[_LENGTHS.size : _LENGTHS.size + header])
            content = bytes(self._read[_LENGTHS.size + header : end])
            del self._read[:end]
            yield _parse(text), content
        if closed:
            raise EOFError

    def _fill(self) -> bool:
        try:
            part = self._socket.recv(_READ)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._read += part
        return not part

    def close(self) -> None:
        """Say and hear nothing more."""
        self._socket.close()


def _parse(text: bytes) -> Header:
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        raise BrokenFrame("a header that is no JSON") from None
    if not isinstance(header, dict):
        raise BrokenFrame("a header that is no JSON object")
    return header
