"""One client's connection: what arrives on it, and what is still to be sent."""

from __future__ import annotations

import enum
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any

from andon_api.serving.arrival import Arrival
from andon_api.serving.callers import Caller
from andon_api.serving.exchange import Exchange
from andon_api.serving.outbox import Outbox
from andon_api.serving.pace import GRACE_SECONDS, STALLED_SECONDS, Pace

READ = 64 * 1024
IN_KERNEL = 256 * 1024  # more than the kernel keeps of an answer is left here, where its pace is seen
RESET = struct.pack("ii", 1, 0)
LINGER_SECONDS = 2.0
MOST_LINGERING = 1 << 20  # bytes of a body that nobody reads, taken so that the client sees the answer


class Phase(enum.Enum):
    """What the connection waits for."""

    IDLE = "a request"
    ARRIVING = "the rest of a request"
    WORKING = "a thread"
    PARKED = "something to tell"
    SENDING = "the client to take the answer"
    LINGERING = "the client to close"


class Connection:
    """Only the loop's thread calls this, but for `outbox` and `left`, which the exchange's thread uses."""

    def __init__(self, sock: socket.socket, client: Any, listener: Any, waits: Callable[[Connection], None]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, IN_KERNEL)
        self.sock = sock
        self.client = client
        self.listener = listener
        self.phase = Phase.IDLE
        self.caller = Caller("", known=False)
        self.promised = 0  # bytes of room for its body
        self.promised_to = self.caller
        self.outbox = Outbox(sock, lambda: waits(self))
        self.arrival = Arrival()
        self.exchange: Exchange | None = None
        self.keeps = False  # after its answer
        self.ticket = object()  # what is to happen later, happens only as long as this is the same
        self.watched = 0  # the events that the poller looks for
        self.until = time.monotonic() + GRACE_SECONDS
        self._pace: Pace | None = None
        self._draining: Pace | None = None
        self._unsent = 0
        self._behind = b""
        self._lingered = 0
        self._gone = False

    @property
    def late(self) -> bool:
        """Whether the client has used up our patience."""
        if self.phase is Phase.ARRIVING and self._pace is not None:
            return self._pace.late
        if self.phase in {Phase.WORKING, Phase.PARKED, Phase.SENDING}:
            return self.outbox.late
        return self._drains_late() if self._draining else time.monotonic() >= self.until

    @property
    def left(self) -> bool:
        """Whether the client has closed its end before its answer was."""
        return self._gone

    def receive(self) -> bool:
        """Take what has arrived; False when the client has closed. Raises `OSError` as sockets do."""
        try:
            data = self.sock.recv(READ)
        except BlockingIOError:
            return True
        if not data:
            return False
        if self.phase is Phase.LINGERING:
            self._lingered += len(data)
            return self._lingered <= MOST_LINGERING
        self._take(data)
        return True

    def look(self) -> bool:
        """Before the answer's end: whether the client is still there. What it has sent already stays where it is."""
        try:
            self._gone = self.sock.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            return True
        except OSError:
            self._gone = True
        return not self._gone

    def await_body(self) -> None:
        """The application has asked for the body."""
        self.arrival.asked = True
        self._pace = Pace(GRACE_SECONDS)
        self.phase = Phase.ARRIVING

    def next_request(self, idle_seconds: float) -> None:
        """An answer has been sent whole: what came behind its request is the next one's."""
        self.arrival.close()
        self.arrival, self.exchange, self._pace = Arrival(), None, None
        self.phase = Phase.IDLE
        self._await(idle_seconds)
        if self._behind:
            data, self._behind = self._behind, b""
            self._take(data)

    def linger(self) -> None:
        """Close our end, and leave the client a moment to read what we said (RFC 9112, 9.6)."""
        self.phase = Phase.LINGERING
        self._await(LINGER_SECONDS)
        self.sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End it. What the kernel still has for a client that was too slow is thrown away."""
        if self.late:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._gone = True
        self.outbox.close()
        self.sock.close()
        if self.phase not in {Phase.WORKING, Phase.PARKED}:
            self.arrival.close()

    def _await(self, seconds: float) -> None:
        """Give the client this long, once it has taken what the kernel has for it."""
        self.until = time.monotonic() + seconds
        self._unsent = self._in_kernel()
        self._draining = Pace(STALLED_SECONDS) if self._unsent else None

    def _drains_late(self) -> bool:
        assert self._draining is not None
        unsent = self._in_kernel()
        self._draining.moved(self._unsent - unsent)
        self._unsent = unsent
        late = self._draining.late
        if not unsent:
            self._draining = None
        return late

    def _in_kernel(self) -> int:
        """How many bytes the kernel still has for the client; 0 where it doesn't say."""
        try:
            said = fcntl.ioctl(self.sock.fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return 0
        return int.from_bytes(said, "little")

    def _take(self, data: bytes) -> None:
        if self.phase is Phase.IDLE:
            self.phase, self._pace = Phase.ARRIVING, Pace(GRACE_SECONDS)
        self._behind += self.arrival.feed(data)
        if self._pace is not None and not self.arrival.in_head:
            self._pace.moved(len(data))
