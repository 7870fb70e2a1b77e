"""Replies of so many bytes and no more: whoever adds an entry to a stream decides how large it is."""

from typing import Any

from redis._parsers import _RESP2Parser
from redis._parsers.socket import SocketBuffer
from redis.exceptions import RedisError
from redis.utils import SENTINEL

MOST_BYTES = 16 * 1024 * 1024


class ReplyTooLarge(RedisError):
    """The server's reply is larger than is read; the connection is closed, and what it has delivered is pending."""


class _BoundedBuffer(SocketBuffer):
    taken = 0

    def read(self, length: int, timeout: Any = SENTINEL) -> bytes:
        self.taken += length
        if self.taken > MOST_BYTES:
            raise ReplyTooLarge(f"a reply of more than {MOST_BYTES} bytes")
        return super().read(length, timeout=timeout)

    def purge(self) -> None:
        self.taken = 0
        super().purge()


class BoundedParser(_RESP2Parser):
    """For connections that read what strangers have written, before anybody can have looked at it."""

    def on_connect(self, connection: Any) -> None:
        super().on_connect(connection)  # type: ignore[no-untyped-call]
        self._buffer = _BoundedBuffer(connection._sock, self.socket_read_size, connection.socket_timeout)
