"""Stores of a test's own, which it may break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.embedded import PostgresServer, RedisServer, embedded_postgres, embedded_redis


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL that this test may stop and kill."""
    with embedded_postgres(tmp_path / "postgres") as server:
        yield server


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that this test may stop and kill."""
    with embedded_redis(tmp_path / "redis") as server:
        yield server
