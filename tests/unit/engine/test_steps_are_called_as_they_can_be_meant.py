"""A step that is called with what can't be meant fails at once, by a sentence that names step and argument."""

from __future__ import annotations

from typing import Any

import pytest

from andon import NonRetriable
from andon.engine.declared.arguments import check_step


@pytest.mark.parametrize(
    ("said", "words"),
    [
        *(
            ({"retries": retries}, "expected a whole number from 0 to 100000")
            for retries in (-1, "3", True, 1.5, 10**9)
        ),
        *(
            ({"timeout": timeout}, "expected a number of seconds above zero")
            for timeout in (0, -1, "60", True, float("nan"), float("inf"), 10**12, [1])
        ),
        *(({"fn": fn}, "expected a function") for fn in (None, "work", 7)),
    ],
)
def test_it_is_refused_by_name(said: dict[str, Any], words: str) -> None:
    [argument] = said
    with pytest.raises(NonRetriable, match=rf"step 'load': {argument}=.*: {words}"):
        check_step("load", **said)


def test_what_can_be_meant_is_taken() -> None:
    check_step("load", fn=len, retries=0, timeout=0.5)
    check_step("load", fn=len, retries=None, timeout=None)
