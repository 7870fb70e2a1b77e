"""A collector of spans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.signals.collector import Collector, collecting


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector of the test's own."""
    with collecting() as made:
        yield made
