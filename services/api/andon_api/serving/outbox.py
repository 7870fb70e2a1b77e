"""What is still to be sent to a client: threads put it here and go on, whatever the client does."""

import errno
import math
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from tempfile import TemporaryFile

from andon_api.serving.pace import LONGEST_SECONDS, STALLED_SECONDS, Pace

FULL = 256 * 1024  # whoever makes an answer piece by piece pauses here
IN_MEMORY = 256 * 1024  # a longer piece waits on disk
BLOCK = 1 << 20


class _File:
    """A stretch of a file that is to be sent."""

    def __init__(self, file: int, offset: int, count: int) -> None:
        self.file, self.offset, self.count = file, offset, count


class Outbox:
    """One client's. Any thread may put; what there is room for is sent at once, `waits` is called for the rest."""

    def __init__(self, client: socket.socket, waits: Callable[[], None]) -> None:
        self._client = client
        self._waits = waits
        self._lock = threading.Lock()
        self._pieces: deque[memoryview | _File] = deque()
        self._in_memory = 0
        self._pace = Pace(STALLED_SECONDS)
        self._end = math.inf
        self._closed = False

    @property
    def empty(self) -> bool:
        """Whether all has been sent."""
        return not self._pieces

    @property
    def full(self) -> bool:
        """Whether so much waits that no more should be made."""
        return self._in_memory > FULL or len(self._pieces) > 64

    @property
    def late(self) -> bool:
        """Whether the client takes it too slowly."""
        return bool(self._pieces) and (self._pace.late or time.monotonic() >= self._end)

    def begin(self) -> None:
        """An answer begins."""
        self._end = time.monotonic() + LONGEST_SECONDS

    def put(self, data: bytes) -> None:
        """Send this. Raises `ConnectionResetError` when the client is gone."""
        with self._lock:
            self._check()
            rest = memoryview(data)
            if not self._pieces:
                rest = rest[self._send(rest) :]
                if not rest:
                    return
                self._pace = Pace(STALLED_SECONDS)  # from here on it is the client that is waited for
            if len(rest) > IN_MEMORY:
                with TemporaryFile() as file:
                    file.write(rest)
                    file.flush()
                    self._pieces.append(_File(os.dup(file.fileno()), 0, len(rest)))
            else:
                self._in_memory += len(rest)
                self._pieces.append(rest)
        self._waits()

    def put_file(self, file: int, offset: int, count: int) -> None:
        """Send this much of a file, which its owner may close meanwhile."""
        with self._lock:
            self._check()
            if not self._pieces:
                self._pace = Pace(STALLED_SECONDS)
            self._pieces.append(_File(os.dup(file), offset, count))
            self._flush()
            if not self._pieces:
                return
        self._waits()

    def flush(self) -> None:
        """Send what the client has room for; raises `OSError` when it is gone."""
        with self._lock:
            self._check()
            self._flush()

    def close(self) -> None:
        """Nothing more is sent."""
        with self._lock:
            self._closed = True
            for piece in self._pieces:
                if isinstance(piece, _File):
                    os.close(piece.file)
            self._pieces.clear()

    def _check(self) -> None:
        if self._closed:
            raise ConnectionResetError(errno.ECONNRESET, "the client is gone, or too slow")

    def _flush(self) -> None:
        """Up to a block, so that no client keeps the others waiting."""
        budget = BLOCK
        while self._pieces and budget > 0:
            piece = self._pieces[0]
            sent = self._send(piece) if isinstance(piece, memoryview) else self._send_file(piece)
            if sent == 0:
                return
            self._pace.moved(sent)
            budget -= sent

    def _send(self, data: memoryview) -> int:
        try:
            sent = self._client.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        if self._pieces and self._pieces[0] is data:
            self._in_memory -= sent
            if sent == len(data):
                self._pieces.popleft()
            else:
                self._pieces[0] = data[sent:]
        return sent

    def _send_file(self, piece: _File) -> int:
        try:
            sent = os.sendfile(self._client.fileno(), piece.file, piece.offset, min(piece.count, BLOCK))
        except BlockingIOError:
            return 0
        if sent == 0:
            raise ConnectionResetError(errno.ECONNRESET, "a file is shorter than it was")
        piece.offset += sent
        piece.count -= sent
        if piece.count == 0:
            os.close(piece.file)
            self._pieces.popleft()
        return sent
