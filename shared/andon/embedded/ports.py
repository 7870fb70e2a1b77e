"""TCP ports of this machine."""

import errno
import secrets
import socket

from andon.embedded.errors import EmbeddedError

# Below those that systems give to outgoing connections, one of which could have it before a server has started.
_FIRST, _LAST = 15_000, 32_000


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on at this moment. Raises `OSError` where nothing can listen on the host."""
    while True:
        port = _FIRST + secrets.randbelow(_LAST - _FIRST)
        try:
            socket.create_server((host, port), reuse_port=False).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port


def require_free(host: str, port: int) -> None:
    """Raise `EmbeddedError` when `host:port` can't be listened on."""
    try:
        socket.create_server((host, port), reuse_port=False).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EmbeddedError(
                f"Port {port} on {host} is in use: stop what uses it, or choose another with"
                f" the variable PORT, as PORT={port + 1}."
            ) from None
        raise EmbeddedError(f"Andon can't listen on {host}:{port}: {error.strerror or error}.") from None
