"""Tags: what a path or an expression makes of an event, and what can be none."""

from __future__ import annotations

import pytest

from andon import Event
from andon.adapters.cel import value_of
from andon.engine.tags import tags_of

EVENT = Event(
    "a/b",
    {"userId": 42, "plan": "pro", "ok": True, "none": None, "deep": {"id": 1.0}, "list": ["x", "y"], "long": "x" * 101},
)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["data.userId"], ["userId:42"]),
        (["data.plan", "data.ok", "data.deep.id"], ["plan:pro", "ok:true", "id:1.0"]),
        (["data.list"], ["list:x", "list:y"]),
        (["'nightly'", "'nightly'"], ["nightly"]),
        (["'user:' + string(event.data.userId)"], ["user:42"]),
        (["event.data.list"], ["x", "y"]),
        (["data.none", "data.missing", "data.long", "data.deep"], []),
        (["' blank'", "'line\\nbreak'", "''"], []),
        (["['a','b','c','d','e','f','g','h','i','j','k']"], list("abcdefghij")),
    ],
)
def test_a_tag_is_a_word_made_of_the_event(tags: list[str], expected: list[str]) -> None:
    assert tags_of(tags, EVENT, value_of) == (expected, 0)


def test_an_expression_without_a_value_gives_no_tag_and_is_counted() -> None:
    assert tags_of(["event.data.missing", "data.userId", "1/0"], EVENT, value_of) == (["userId:42"], 2)
