"""docs/reference says what the docstrings say."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
MAKE: dict[str, Any] = runpy.run_path(str(FOLDER / "make.py"))


@pytest.mark.parametrize("file", MAKE["PAGES"])
def test_a_page_is_what_its_module_says(file: str) -> None:
    assert (FOLDER / file).read_text() == MAKE["page"](MAKE["PAGES"][file]), "run: python docs/reference/make.py"


def test_there_is_no_other_page() -> None:
    assert {path.name for path in FOLDER.glob("*.md")} == set(MAKE["PAGES"])


def test_signatures_docstrings_and_the_clients_calls_are_there() -> None:
    functions, client = MAKE["page"]("andon"), MAKE["page"]("andon.client")
    assert "### `sleep(id: str, seconds: float)`" in functions
    assert "## `Andon.reports`" in client
    assert "### `watch(id: str, *, timeout: float | None = None) -> Iterator[Report]`" in client
