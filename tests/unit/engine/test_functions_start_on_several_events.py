"""Triggers: the first that holds makes the run, a wildcard covers what is below it, and never Andon's own events."""

from __future__ import annotations

import pytest

from andon import Event, Function, On, Step, function
from andon.adapters.cel import any_holds, check_expression
from andon.engine.declared.functions import Registry, Start


def starting_on(id: str, *triggers: On) -> Function:
    def handler(event: Event, step: Step) -> None: ...

    return function(id=id, triggers=triggers)(handler)


def registry(*functions: Function) -> Registry:
    return Registry(functions, check_expression=check_expression)


def told(found: Registry, name: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.function.id, each.conditions) for each in found.starts(name)]


def test_a_wildcard_covers_every_name_below_it_and_no_other() -> None:
    found = registry(starting_on("f", On("a/b/*")))
    assert [name for name in ("a/b/c", "a/b/c/d", "a/b", "a/bc", "a", "b/a/b/c") if found.starts(name)] == [
        "a/b/c",
        "a/b/c/d",
    ]
    assert found.concerns("a/b/c")
    assert not found.concerns("a/b")


def test_functions_stand_in_the_order_of_registration_however_they_cover_the_event() -> None:
    wide, exact, both = (
        starting_on("wide", On("a/*")),
        starting_on("exact", On("a/b/c")),
        starting_on("both", On("a/b/*"), On("a/b/c")),
    )
    assert told(registry(wide, exact, both), "a/b/c") == [("wide", ()), ("exact", ()), ("both", ())]
    assert told(registry(both, exact, wide), "a/b/c") == [("both", ()), ("exact", ()), ("wide", ())]


def test_a_function_asks_for_nothing_where_one_of_its_triggers_does_not() -> None:
    found = registry(starting_on("f", On("a/b", if_="event.data.n > 1"), On("a/*"), On("c/d", if_="true")))
    assert told(found, "a/b") == [("f", ())]
    assert told(found, "c/d") == [("f", ("true",))]


def test_conditions_of_triggers_that_cover_one_event_stand_in_their_order() -> None:
    found = registry(starting_on("f", On("a/b", if_="event.data.n > 1"), On("a/*", if_="event.user == 'ada'")))
    assert told(found, "a/b") == [("f", ("event.data.n > 1", "event.user == 'ada'"))]
    assert told(found, "a/c") == [("f", ("event.user == 'ada'",))]


def test_without_wildcards_a_look_up_is_all_that_an_event_costs() -> None:
    found = registry(starting_on("f", On("a/b")))
    assert found.starts("a/b") is found.starts("a/b")
    assert isinstance(found.starts("a/b")[0], Start)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], (True, None)),
        (["event.data.pages > 10"], (True, None)),
        (["event.data.pages > 20"], (False, None)),
        (["event.data.page > 1"], (False, "event.data.page > 1: there is no 'page'")),
        (["event.data.page > 1", "event.name == 'a/b'"], (True, None)),
        (["event.data.pages"], (False, "event.data.pages: it is no bool, but int")),
        (["event.data.all.all(x, event.data.all.all(y, x == y))"], (False, "it takes more work")),
    ],
)
def test_a_condition_that_has_no_value_does_not_hold_and_says_why(
    conditions: list[str], expected: tuple[bool, str | None]
) -> None:
    holds, why = any_holds(conditions, Event("a/b", {"pages": 12, "all": [1] * 1000}))
    assert holds is expected[0]
    assert (why is None) is (expected[1] is None)
    assert why is None or expected[1] is None or expected[1] in why
