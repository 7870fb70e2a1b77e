"""Replies of so many bytes and texts and no more: whoever adds an entry to a stream decides how large it is."""

from typing import Any

from redis._parsers import _RESP2Parser
from redis._parsers.socket import SocketBuffer
from redis.exceptions import RedisError
from redis.utils import SENTINEL

MOST_BYTES = 16 * 1024 * 1024
MOST_TEXTS = 10_000
"""A million empty fields are few bytes, and take seconds to be taken apart."""
_BEGINNING = 65


class ReplyTooLarge(RedisError):
    """The server's reply is larger than is read; the connection is closed, and what it has delivered is pending.
    `texts` are the first of those that it consists of.
    """

    def __init__(self, reason: str, texts: list[bytes]) -> None:
        super().__init__(reason)
        self.texts = texts


class _BoundedBuffer(SocketBuffer):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._begin()

    def read(self, length: int, timeout: Any = SENTINEL) -> bytes:
        self._bytes += length
        self._texts += 1
        if self._bytes > MOST_BYTES or self._texts > MOST_TEXTS:
            reason = f"a reply of more than {MOST_BYTES} bytes or {MOST_TEXTS} texts"
            raise ReplyTooLarge(reason, self._beginning)
        text = super().read(length, timeout=timeout)
        if len(self._beginning) < _BEGINNING:
            self._beginning.append(text)
        return text

    def purge(self) -> None:
        self._begin()
        super().purge()

    def _begin(self) -> None:
        self._bytes, self._texts = 0, 0
        self._beginning: list[bytes] = []


class BoundedParser(_RESP2Parser):
    """For connections that read what strangers have written, before anybody can have looked at it."""

    def on_connect(self, connection: Any) -> None:
        super().on_connect(connection)  # type: ignore[no-untyped-call]
        self._buffer = _BoundedBuffer(connection._sock, self.socket_read_size, connection.socket_timeout)
