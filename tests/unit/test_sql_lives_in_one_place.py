"""SQL about our tables is written below `adapters/postgres` and nowhere else, as the syntax tree tells."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("shared/andon", "services/api/andon_api", "services/worker/andon_worker")
HOME = ROOT / "shared/andon/adapters/postgres"
VERB = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|LOCK|TRUNCATE)\b")
TABLE = re.compile(r"\bandon\.[a-z_]+\b")
BARE = re.compile(r"^\s*(SET\s+LOCAL|LOCK\s+TABLE|LISTEN|NOTIFY)\b")
MIGRATIONS = ROOT / "shared/andon/migrations"  # the schema's history is SQL of its own


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text of a module, with its line; of one with values in it, what stands between them."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # what says what it does
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def statements(path: Path) -> list[int]:
    """The lines of a module at which SQL begins."""
    found = texts(ast.parse(path.read_text()))
    return [line for line, text in found if (VERB.search(text) and TABLE.search(text)) or BARE.match(text)]


@pytest.mark.parametrize("place", PLACES)
def test_no_sql_is_written_elsewhere(place: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / place).rglob("*.py")
        if not {HOME, MIGRATIONS} & set(path.parents)
        for line in statements(path)
    }
    assert not found


def test_it_is_known_when_it_is_seen() -> None:
    assert sum(len(statements(path)) for path in HOME.rglob("*.py")) > 100
