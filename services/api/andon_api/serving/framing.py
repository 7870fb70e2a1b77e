"""Where a request ends. Nothing is decoded here: gunicorn's parser reads the same bytes again and has the last word."""

import re
from typing import Protocol

LONGEST_LINE = 8192
MOST_TRAILERS = 100
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CODING = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)


class Frame(Protocol):
    """A body's frame: `take` says how many of the bytes belong to it, and `ended` that it is all there."""

    ended: bool
    announced: int

    def take(self, data: bytes) -> int: ...


class Length:
    """A body of a length that its head has told."""

    def __init__(self, length: int) -> None:
        self.announced = self._left = length
        self.ended = length == 0

    def take(self, data: bytes) -> int:
        """How many of these bytes are the body's."""
        taken = min(len(data), self._left)
        self._left -= taken
        self.ended = self._left == 0
        return taken


class Chunks:
    """A chunked body. What isn't chunked as it should be ends it: the parser will refuse it."""

    announced = 0

    def __init__(self) -> None:
        self.ended = False
        self._line = bytearray()
        self._left = 0  # of a chunk and its line end
        self._trailers: int | None = None

    def take(self, data: bytes) -> int:
        """How many of these bytes are the body's."""
        at = 0
        while at < len(data) and not self.ended:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            end = data.find(b"\n", at) + 1 or len(data)
            self._line += data[at:end]
            at = end
            if self._line.endswith(b"\n"):
                self._line_ended(bytes(self._line).strip())
                self._line.clear()
            elif len(self._line) > LONGEST_LINE:
                self.ended = True
        return at

    def _line_ended(self, line: bytes) -> None:
        if self._trailers is not None:
            self._trailers += 1
            self.ended = not line or self._trailers > MOST_TRAILERS
            return
        size = line.partition(b";")[0].strip()
        if not re.fullmatch(rb"[0-9a-fA-F]{1,15}", size):
            self.ended = True
        elif int(size, 16) == 0:
            self._trailers = 0
        else:
            self._left = int(size, 16) + 2


def frame_of(head: bytes) -> Frame:
    """The frame of the body behind this head; a head that contradicts itself has no body."""
    if _CODING.search(head):
        return Chunks()
    lengths = {each.strip() for each in _LENGTH.findall(head)}
    if len(lengths) == 1 and re.fullmatch(rb"[0-9]{1,15}", found := lengths.pop()):
        return Length(int(found))
    return Length(0)


def expects_continue(head: bytes) -> bool:
    """Whether the client waits to be told to go on before it sends the body."""
    return _EXPECT.search(head) is not None
