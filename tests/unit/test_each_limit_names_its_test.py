"""`docs/limits.md` names for each limit a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = re.compile(r"`(tests/[^`]+\.py)`")


def rows() -> list[list[str]]:
    """The cells of each row of a table that has a column for tests."""
    found: list[list[str]] = []
    with_tests = False
    for line in (ROOT / "docs" / "limits.md").read_text().splitlines():
        if not line.startswith("|"):
            with_tests = False
        elif not line.startswith("|---"):
            cells = [each.strip() for each in line.removeprefix("|").removesuffix("|").split(" | ")]
            if with_tests:
                found.append(cells)
            with_tests = with_tests or cells[-1] == "test"
    return found


@pytest.mark.parametrize("cells", rows(), ids=lambda cells: cells[0][:40])
def test_a_limit_has_a_test(cells: list[str]) -> None:
    named = TESTS.findall(cells[-1])
    assert named or cells[-1] == "the same", cells
    for each in named:
        assert (ROOT / each).is_file(), each


def test_every_test_that_the_page_names_is_there() -> None:
    named = TESTS.findall((ROOT / "docs" / "limits.md").read_text())
    assert len(named) > 30
    assert [each for each in named if not (ROOT / each).is_file()] == []
