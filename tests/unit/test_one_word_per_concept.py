"""The words of docs, console, command line and schema are those of the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.adapters.postgres.models import Base

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs" / "glossary.md"
WORDS = re.findall(r"^\| \*\*(.+?)\*\* \|", GLOSSARY.read_text(), re.MULTILINE)
NOT_OURS = [line.split("|")[1].strip() for line in GLOSSARY.read_text().partition("| not | but |")[2].splitlines()[2:]]
ABOUT_OTHERS = {"glossary.md", "coming-from.md", "comparison.md", "performance.md"}
OTHERS = re.compile(r"Temporal|Celery|Airflow|Inngest")
PACKAGES = ("shared/andon", "services/api/andon_api", "services/worker/andon_worker")


def prose(path: Path) -> str:
    """A page without its code, whose words may be those of others."""
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not OTHERS.search(line))


def seen_by_people() -> Iterator[tuple[str, str]]:
    """Pages, templates and the command line's texts, each with its place."""
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "tools").glob("*.md")]:
        if path.name not in ABOUT_OTHERS:
            yield path.name, prose(path)
    for path in (ROOT / PACKAGES[1] / "console" / "templates").rglob("*.html"):
        yield path.name, re.sub(r"<[^>]*>|{[{%].*?[%}]}", " ", path.read_text())
    for path in (ROOT / PACKAGES[0] / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                yield path.name, node.value


def singular(word: str) -> str:
    """The word that a table's name is the plural of."""
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def test_each_word_has_one_row_in_the_order_of_the_alphabet() -> None:
    assert sorted(set(WORDS), key=str.lower) == WORDS


@pytest.mark.parametrize("word", NOT_OURS)
def test_what_has_a_word_here_is_not_called_as_others_call_it(word: str) -> None:
    pattern = re.compile(rf"\b{word}(s|ed|es)?\b", re.IGNORECASE)
    assert not [place for place, text in seen_by_people() if pattern.search(text)]


def test_a_table_is_called_by_words_of_the_glossary() -> None:
    known = {part for word in WORDS for part in word.lower().split()}
    parts = {part for table in Base.metadata.tables.values() for part in table.name.split("_")}
    assert not {part for part in parts if part not in known and singular(part) not in known}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_says_in_a_sentence_what_it_holds(package: str) -> None:
    rooms = [path for path in (ROOT / package).rglob("__init__.py") if any(path.parent.glob("[!_]*.py"))]
    assert not [path.parent.name for path in rooms if not ast.get_docstring(ast.parse(path.read_text()))]
