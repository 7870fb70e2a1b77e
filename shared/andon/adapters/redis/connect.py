"""Redis clients: one for commands, one for reads that block."""

import socket
from typing import Any

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from andon.adapters.redis.bounded import BoundedParser

# A half-open connection is noticed within ten seconds, also by a subscriber, which only listens.
_KEPT = {"TCP_KEEPIDLE": 3, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 9000}
KEEPALIVE = {getattr(socket, name): value for name, value in _KEPT.items() if hasattr(socket, name)}

# A connection for each thread that asks; redis-py's own limit of 100 would leave a large worker's threads without.
NO_LIMIT = 2**31


def connect(url: str, *, name: str, timeout: float = 2.0) -> Redis:
    """A client for commands: short timeouts, two quick retries; what matters is made idempotent by ids."""
    patience = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "health_check_interval": 5}
    return _client(url, name, 2, max_connections=NO_LIMIT, **patience)


def connect_blocking(url: str, *, name: str, bounded: bool = False) -> Redis:
    """A client of its own for blocking reads (`BLOCK` of at most 2 s), so that a cut is noticed within 5 s.

    With `bounded`, replies that are too large raise `ReplyTooLarge`.
    """
    parser = {"parser_class": BoundedParser, "protocol": 2} if bounded else {}
    return _client(url, f"{name}-blocking", 0, socket_timeout=5.0, socket_connect_timeout=2.0, **parser)


def _client(url: str, name: str, retries: int, **options: Any) -> Redis:
    retry = Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), retries)
    kept = {"socket_keepalive": True, "socket_keepalive_options": KEEPALIVE}
    return Redis.from_url(url, client_name=f"andon-{name}", retry=retry, **kept, **options)
