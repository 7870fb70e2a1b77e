"""Redis clients: one for commands, one for reads that block."""

from __future__ import annotations

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry


def connect(url: str, *, name: str, timeout: float = 2.0) -> Redis:
    """A client for commands: short timeouts, two quick retries; what matters is made idempotent by ids."""
    return Redis.from_url(
        url,
        client_name=f"andon-{name}",
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), 2),
    )


def connect_blocking(url: str, *, name: str) -> Redis:
    """A client of its own for blocking reads (`BLOCK` of at most 2 s), so that a cut is noticed within 5 s."""
    return Redis.from_url(
        url,
        client_name=f"andon-{name}-blocking",
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        retry=Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.2), 0),
    )
