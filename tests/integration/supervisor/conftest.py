"""A supervisor of the test's own, whose lanes the test plays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.supervised import Supervised


@pytest.fixture
def supervised(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Supervised]:
    """Ready to execute runs of `work` and `other`."""
    made = Supervised(database_url, redis_url, tmp_path)
    yield made
    made.close()
