"""Tags: what a path or an expression makes of an event, and what can be none."""

from __future__ import annotations

from typing import Any

import pytest

from andon import AsyncStep, Event, NonRetriable, Step, function
from andon.adapters.cel import value_of
from andon.engine.declared.tags import tag_of, tags_of
from andon.engine.states import Status
from andon.testing import ManualCancelCheck, MemoryJournal, run_function

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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("nightly",), "nightly"),
        (("user", 42), "user:42"),
        (("user", "ada"), "user:ada"),
        (("final", True), "final:true"),
        (("share", 0.5), "share:0.5"),
    ],
)
def test_what_a_run_is_tagged_with_is_a_word_or_a_word_and_a_value(said: tuple[Any, ...], expected: str) -> None:
    assert tag_of(*said) == expected


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ((7,), "key=7: expected a text"),
        (("",), "expected 1 to 100 printable characters"),
        (("k", ["v"]), "value=['v']: expected a text, a number"),
        (("k", {}), "value={}: expected a text, a number"),
        (("k", "v" * 99), "expected 1 to 100 printable characters"),
        (("k", "two\nlines"), "expected 1 to 100 printable characters"),
        (("k", "\ud800"), "expected 1 to 100 printable characters"),
    ],
)
def test_what_can_be_no_tag_says_what_was_expected(said: tuple[Any, ...], fault: str) -> None:
    with pytest.raises(NonRetriable) as refused:
        tag_of(*said)
    assert fault in str(refused.value)


def test_a_run_tags_itself_once_however_often_it_is_replayed() -> None:
    passes: list[int] = []

    def handler(event: Event, step: Step) -> str:
        passes.append(1)
        step.tag("pages", 3)
        step.sleep("night", 60)
        step.tag("pages", 3)
        step.tag("user:ada")
        return step.run("work", lambda: "done")

    ended = run_function(function(id="f", trigger="a/b", tags=["data.plan"])(handler), EVENT)
    assert (ended.output, ended.tags) == ("done", ["plan:pro", "pages:3", "user:ada"])
    assert (len(passes), list(ended.steps)) == (2, ["night", "work"]), "it is no step"


def test_an_async_handler_tags_by_the_same_plain_call() -> None:
    async def handler(event: Event, step: AsyncStep) -> None:
        step.tag("pages", await step.run("count", lambda: 3))

    assert run_function(function(id="f", trigger="a/b")(handler), EVENT).tags == ["pages:3"]


def test_an_eleventh_tag_fails_the_run_without_another_try() -> None:
    def handler(event: Event, step: Step) -> None:
        for number in range(10):
            step.tag("page", number)

    ended = run_function(function(id="f", trigger="a/b", tags=["data.plan"], retries=3)(handler), EVENT)
    assert ended.status is Status.FAILED
    assert ended.error is not None
    assert "the run has 10 tags, and may have no more" in ended.error["message"]
    assert (len(ended.tags), ended.waited) == (10, 0)


def test_a_tag_is_given_by_the_handler_and_not_by_a_steps_function() -> None:
    def handler(event: Event, step: Step) -> None:
        step.run("work", lambda: step.tag("late"), retries=0)

    ended = run_function(function(id="f", trigger="a/b")(handler), EVENT)
    assert ended.error is not None
    assert "step.tag belongs in the handler" in ended.error["message"]
    assert ended.tags == []


def test_a_cancelled_run_is_tagged_with_nothing_and_stops() -> None:
    def handler(event: Event, step: Step) -> None:
        check.cancel()
        step.tag("late")
        raise AssertionError("it went on")

    check, journal = ManualCancelCheck(), MemoryJournal()
    check.on_cancel(lambda: setattr(journal, "cancelled", True))
    ended = run_function(function(id="f", trigger="a/b")(handler), EVENT, cancel_check=check, journal=journal)
    assert (ended.status, ended.tags) == (Status.CANCELLED, [])
