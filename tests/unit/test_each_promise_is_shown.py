"""docs/guarantees.md names tests that exist, and `make test` shows every promise by at least one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import WHOLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text()
PROPERTY = "tests/property/test_the_protocol_keeps_its_promises.py"


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table below a heading, but for its head."""
    below = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in below.splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def written_in(path: str) -> dict[str, bool]:
    """The tests of a file, and whether `make test` runs each."""
    left = path.startswith(tuple(f"tests/{place}" for place in WHOLE))
    found = {}
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marked = any(ast.unparse(each) == "pytest.mark.promise" for each in node.decorator_list)
            found[node.name] = marked or not left
    return found


def named(text: str) -> Iterator[tuple[str, str]]:
    """Each file that a cell names, with the test's name or its beginning; a fault test without its folder."""
    for path, name in re.findall(r"`([\w/]+\.py)(?:::(\w+)\*?)?`", text):
        yield (path if "/" in path else f"tests/faults/{path}"), name


FAULTS = {cells[0]: "".join(cells[3:]) for cells in rows("Fault by fault")}


def test_each_test_that_the_page_names_is_there() -> None:
    for path, name in named(PAGE):
        if path.split("/")[-1].startswith("test_"):
            assert any(each.startswith(name) for each in written_in(path)), (path, name)


def test_each_promise_has_a_test_in_make_test() -> None:
    for promise, shown_by in rows("Promises"):
        listed = [f"{'|'.join(re.findall(r'[0-9]+', each))}" for each in re.findall(r"rows? ([0-9, ]+)", shown_by)]
        text = shown_by + " ".join(FAULTS.get(row, "") for each in listed for row in each.split("|"))
        places = list(named(text)) + ([(PROPERTY, "")] if "state machine" in shown_by else [])
        shown = [
            runs
            for path, name in places
            if path.split("/")[-1].startswith("test_")
            for each, runs in written_in(path).items()
            if each.startswith(name)
        ]
        assert any(shown), promise
