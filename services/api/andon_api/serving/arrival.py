"""A request as it arrives: kept until a thread is needed for it, in memory at first, then on disk."""

from tempfile import SpooledTemporaryFile
from typing import IO

from andon_api.serving.framing import Frame, expects_continue, frame_of

SMALL = 64 * 1024  # a request of up to so many bytes is handled when all of it is there
IN_MEMORY = 256 * 1024
LONGEST_HEAD = 128 * 1024


class NotArrived(BaseException):
    """The body is asked for before it is all there: whoever reads it gives the thread back, and is called again.

    No `Exception`, so that no handler of the application takes it for an error of its own.
    """


class Arrival:
    """One request. A large body is only asked for when the application reads it: it may refuse the head alone."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._frame: Frame | None = None
        self._kept: IO[bytes] = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed with the request
        self.size = 0
        self.closes = False  # nothing behind this request can be told apart from it
        self.expects_continue = False
        self.most: int | None = None  # what the application would read of the body, once it is known
        self.asked = False

    @property
    def in_head(self) -> bool:
        """Whether its head is still arriving."""
        return self._frame is None

    @property
    def complete(self) -> bool:
        """Whether all of it is there, or so much that the application will refuse it."""
        if self.closes:
            return True
        return self._frame is not None and (self._frame.ended or (self.most is not None and self.size > self.most))

    @property
    def announced(self) -> int:
        """How many bytes of body its head has told of; 0 where it hasn't."""
        return self._frame.announced if self._frame is not None else 0

    @property
    def ready(self) -> bool:
        """Whether the application can look at it."""
        if self.complete or self._frame is None or self.asked:
            return self.complete
        return self.expects_continue or max(self._frame.announced, self.size) > SMALL

    @property
    def head(self) -> bytes:
        """Its head, as far as it has arrived."""
        return bytes(self._head)

    @property
    def path(self) -> bytes:
        """What the request line asks for, without the query; empty as long as that isn't known."""
        line = bytes(self._head[:2048]).split(b"\r\n", 1)[0].split(b" ")
        return line[1].partition(b"?")[0] if len(line) == 3 else b""

    def feed(self, data: bytes) -> bytes:
        """Take what belongs to this request; returns what comes behind it."""
        if self._frame is None:
            seen = max(0, len(self._head) - 3)
            self._head += data
            end = self._head.find(b"\r\n\r\n", seen)
            if end < 0:
                if len(self._head) > LONGEST_HEAD:
                    self._keep(bytes(self._head))
                    self.closes = True
                return b""
            data = bytes(self._head[end + 4 :])
            del self._head[end + 4 :]
            self._keep(bytes(self._head))
            self._frame = frame_of(b"\r\n" + self._head)
            self.expects_continue = expects_continue(bytes(self._head))
        taken = self._frame.take(data)
        self._keep(data[:taken])
        return data[taken:]

    def read_at(self, place: int, size: int) -> bytes:
        """Bytes of it; none at its end. Raises `NotArrived` where there are none yet."""
        if place >= self.size and not self.complete:
            raise NotArrived
        self._kept.seek(place)
        return self._kept.read(size)

    def close(self) -> None:
        """Forget it."""
        self._kept.close()

    def _keep(self, data: bytes) -> None:
        self._kept.seek(self.size)
        self._kept.write(data)
        self.size += len(data)


class Replay:
    """An arrival as gunicorn's parser reads a socket."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._place = 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        """The next bytes."""
        data = self._arrival.read_at(self._place, size)
        self._place += len(data)
        return data

    @property
    def all_read(self) -> bool:
        """Whether nothing of it is left."""
        return self._place >= self._arrival.size
