"""Stores of a test's own, which it may break."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.embedded import RedisServer


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that this test may stop and kill."""
    with RedisServer(tmp_path / "redis") as server:
        yield server
