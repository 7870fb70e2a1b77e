"""Wait for something to become true, with a deadline, instead of sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
PATIENCE = 90.0
"""Seconds to wait for what should come soon, on a machine that others load too. It is nobody's measure."""


def wait_until(look: Callable[[], Found | None], timeout: float = PATIENCE, *, what: str = "") -> Found:
    """Call `look` until what it returns is true, and return that; `AssertionError` after `timeout` seconds.

    The error names `what` was waited for, and what `look` returned last.
    """
    deadline = time.monotonic() + timeout
    pause = 0.005
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            waited_for = what or getattr(look, "__name__", "the condition")
            raise AssertionError(f"{waited_for} did not hold within {timeout:g} s; seen last: {found!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
