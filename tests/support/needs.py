"""What a test needs from the machine: missing, it skips the test, but never in CI, which has to bring everything."""

from __future__ import annotations

import os
import shutil
from typing import TypeVar

import pytest

Found = TypeVar("Found")


def needed(found: Found | None, missing: str) -> Found:
    """What was found. Without it the test is skipped, and in CI it fails; `missing` says what, and how to get it."""
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def program(*names: str, get: str, path: str | None = None) -> str:
    """The path of the first of these programs that is installed; `get` says how to get it."""
    found = next(filter(None, (shutil.which(name, path=path) for name in names)), None)
    return needed(found, f"no {names[0]}: {get}")
