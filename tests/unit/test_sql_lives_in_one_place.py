"""SQL is written below `adapters/postgres`, and by tests; told by the syntax tree, not by how a line looks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("shared/andon", "services/api/andon_api", "services/worker/andon_worker")
HOME = ROOT / "shared/andon/adapters/postgres"
STATEMENT = re.compile(
    r"^\s*(\(?\s*SELECT\s.*\sFROM\s|WITH\s+\w+\s+AS\b|INSERT\s+INTO\s|UPDATE\s+[\w.]+\s(\w+\s)?SET\s|DELETE\s+FROM\s"
    r"|LOCK\s+TABLE\s|SET\s+LOCAL\s|TRUNCATE\s|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|ROLE|DATABASE|SCHEMA|TYPE)\s)",
    re.DOTALL,
)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text of a module, with its line; of one with values in it, what stands between them."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [str(each.value) if isinstance(each, ast.Constant) else "x" for each in node.values]
            yield node.lineno, "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def statements(path: Path) -> list[int]:
    """The lines of a module at which SQL begins."""
    return [line for line, text in texts(ast.parse(path.read_text())) if STATEMENT.match(text)]


@pytest.mark.parametrize("place", PLACES)
def test_no_sql_is_written_elsewhere(place: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in (ROOT / place).rglob("*.py")
        if HOME not in path.parents
        for line in statements(path)
    }
    assert not found


def test_it_is_known_when_it_is_seen() -> None:
    assert sum(len(statements(path)) for path in HOME.rglob("*.py")) > 100
