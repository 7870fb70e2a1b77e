"""A thread has attributes of `threading.Thread`, private ones too: one of ours in their place breaks `join`."""

from __future__ import annotations

import ast
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
THEIRS = {*vars(threading.Thread), *vars(threading.Thread())} - {"name", "daemon"}


def test_no_thread_of_ours_replaces_an_attribute_of_threading() -> None:
    taken = []
    for path in (*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")):
        for made in ast.walk(ast.parse(path.read_text())):
            if isinstance(made, ast.ClassDef) and any("Thread" in ast.unparse(base) for base in made.bases):
                taken += [f"{path.name}: {each}" for each in attributes(made) if each in THEIRS]
    assert taken == []


def attributes(made: ast.ClassDef) -> set[str]:
    """What its methods set on `self`."""
    targets = [each for each in ast.walk(made) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)]
    return {each.attr for each in targets if isinstance(each.value, ast.Name) and each.value.id == "self"}
