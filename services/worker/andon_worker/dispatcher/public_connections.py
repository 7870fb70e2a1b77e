"""Connections to receivers that a stranger has named: to public addresses alone, and for ten seconds in all.

What a name means is looked up when it is connected to, and that address is connected to: it can't mean another one by
then. A receiver that sends a byte now and then gets no longer than one that sends nothing.
"""

import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from andon.engine.dispatch.webhook_urls import is_public

SECONDS = 10.0


class Refused(httpcore.ConnectError):
    """The name leads to an address that webhooks don't go to."""


class Bounded(httpcore.NetworkStream):
    """A connection that is used until a moment and no longer, however often something comes."""

    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def _left(self, wanted: float | None, late: type[httpcore.TimeoutException]) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise late("no answer in time")
        return left if wanted is None else min(left, wanted)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(timeout, httpcore.ConnectTimeout)
        return Bounded(self._stream.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class Outgoing(httpcore.SyncBackend):
    """Opens such connections, for `seconds`; with `private`, to any address."""

    def __init__(self, *, private: bool, seconds: float = SECONDS) -> None:
        super().__init__()
        self._private = private
        self._seconds = seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first of the name's addresses, all of which have to be public."""
        until = time.monotonic() + self._seconds
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from None
        if not found or not (self._private or all(is_public(address) for address in found)):
            raise Refused(f"{host} is a private address; webhooks go to public ones (ANDON_WEBHOOKS_PRIVATE)")
        return Bounded(super().connect_tcp(found[0], port, timeout, local_address, socket_options), until)


def transport(*, private: bool, seconds: float = SECONDS) -> httpx.BaseTransport:
    """What webhooks are sent by: a connection for each, so that each time the name is looked up anew."""
    made = httpx.HTTPTransport(retries=0)
    made._pool = httpcore.ConnectionPool(  # httpx has no argument for it
        ssl_context=httpx.create_ssl_context(),
        max_connections=None,
        max_keepalive_connections=0,
        network_backend=Outgoing(private=private, seconds=seconds),
    )
    return made
