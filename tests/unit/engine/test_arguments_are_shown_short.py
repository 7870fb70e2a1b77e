"""A step's arguments as a text: what a person wrote, cut; and no code of theirs is run for it."""

from __future__ import annotations

import datetime as dt
import enum
from functools import partial
from pathlib import PurePath
from typing import Any

import pytest

from andon.engine.steps.arguments_shown import MOST, shown


class Colour(enum.Enum):
    RED = 1


class Bomb:
    def __repr__(self) -> str:
        raise AssertionError("nobody asks")


class Liar(int):
    def __repr__(self) -> str:
        raise AssertionError("nobody asks")


def text(*args: Any, **kwargs: Any) -> str:
    return shown(partial(print, *args, **kwargs))


def test_they_read_as_they_were_written() -> None:
    assert text("r1", 3, pages=[1, 2], deep={"a": None}) == "'r1', 3, pages=[1, 2], deep={'a': None}"
    assert (
        text(Colour.RED, PurePath("/tmp/x"), dt.date(2026, 1, 1)) == "Colour.RED, '/tmp/x', datetime.date(2026, 1, 1)"
    )
    assert text(len) == "<len>"
    assert text() == ""


def test_nothing_of_theirs_is_run() -> None:
    for make in (lambda: Bomb(), lambda: Liar(3), lambda: [Bomb()], lambda: {"a": Bomb()}):
        said = text(make())
        assert "Bomb" in said or "Liar" in said


@pytest.mark.parametrize("value", ["x" * 10**7, list(range(10**6)), {"a": ["y" * 10**6] * 50}, b"z" * 10**7])
def test_however_large_they_are_the_text_is_short(value: object) -> None:
    assert len(text(value)) <= MOST
    assert len(text(*[value] * 100)) <= MOST


def test_what_contains_itself_ends() -> None:
    loop: list[Any] = []
    loop.append(loop)
    assert "..." in text(loop)
