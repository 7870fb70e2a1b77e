"""No expression, on whatever data, takes more than a moment: what would is ended by its budget."""

from __future__ import annotations

import time
from typing import Any

import pytest

from andon.adapters.cel import MOST_WORK, OWN_WORK, SHARED_WORK, Evaluations, check_expression
from andon.engine.cel import ExpressionError
from andon.engine.events import Event

NUMBERS = {"a": list(range(38_000))}
TEXT = {"a": "ab" * 120_000}
WORDS = {"a": [str(n) for n in range(30_000)], "s": "x" * 100_000}
SECONDS = 2.0  # a hundred times what they take, for a machine that is busy

COSTLY: list[tuple[str, dict[str, Any]]] = [
    ("event.data.a.all(x, x in event.data.a)", NUMBERS),
    ("event.data.a.all(x, -x - 1 in event.data.a || true)", NUMBERS),
    ("event.data.a.exists(x, event.data.a.exists(y, event.data.a.exists(z, false)))", NUMBERS),
    ("event.data.a.exists(x, event.data.a.exists(//\ny, event.data.a.exists(//\nz, false)))", NUMBERS),
    ("event.data.a.map(x, event.data.a.map(y, event.data.a)).size() > 0", NUMBERS),
    ("event.data.a.filter(x, event.data.a == event.data.a).size() > 0", NUMBERS),
    ("event.data.a.exists(x, event.data.a + event.data.a == [])", NUMBERS),
    ("[[event.data.a]] in event.data.a.map(x, [[event.data.a]])", NUMBERS),
    ("event.data.a.exists(x, string(x).matches('([0-9]{1,9}){1,9}x'))", NUMBERS),
    ("event.data.a.exists(x, timestamp('2026-01-01T00:00:00Z').getHours('Area/' + string(x)) == 1)", NUMBERS),
    ("event.data.a.exists(x, duration('1h1m1s1ms1us') < duration('0s'))", NUMBERS),
    ("event.data.a.matches('a[ab]{500}c')", TEXT),
    ("event.data.a.matches('(?:a?){150}a{150}')", {"a": "a" * 100_000}),
    (f"size({'+'.join(['event.data.a'] * 70)}) > 1", TEXT),
    ("event.data.s in event.data.a.map(x, event.data.s + 'y')", WORDS),
    ("event.data.a.exists(x, event.data.s + 'x' == event.data.s + 'y')", WORDS),
    ("event.data.a.exists(x, event.data.s.contains('xy' + x))", WORDS),
    ("event.data.a.exists(x, {'a': 1}[event.data.s] == 1)", WORDS),
    ("event.data.a.exists(x, duration(event.data.s) == duration('0') || timestamp(event.data.s) == x)", WORDS),
    ("event.data.a.exists(x, int(event.data.s) == 1 || string(bytes(event.data.s)) == x)", WORDS),
    ("event.data.a.exists(x, event.data.s.contains('" + "x" * 60 + "y'))", {"a": WORDS["a"], "s": "x" * 29_000}),
    ("event.data.a.exists(x, event.data.s < event.data.s)", WORDS),
    ("event.data.a.all(x, {'k': event.data.a} == {'k': event.data.a})", WORDS),
]


@pytest.mark.parametrize(("text", "data"), COSTLY)
def test_what_is_costly_ends_soon_and_says_so(text: str, data: dict[str, Any]) -> None:
    event, evaluations = Event("a/b", data), Evaluations()
    began = time.process_time()
    assert not evaluations.hold(text, event, event)
    assert time.process_time() - began < SECONDS
    assert evaluations.failure == "it takes more work than an evaluation may"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "true" + ")" * 400,
        "!" * 900 + "true",
        "-" * 900 + "1 == 1",
        "[" * 400 + "]" * 400 + " == []",
        "true ? 1 : " * 80 + "1",
        "event" + ".a" * 400 + " == 1",
        "event" + "[0]" * 300 + " == 1",
        "{1:" * 200 + "1" + "}" * 200 + " == {}",
        "size(" * 150 + "''" + ")" * 150 + " == 1",
        "event.data.a" + ".filter(x, true)" * 60 + " == []",
        "true" + " " * 1_000,
    ],
)
def test_a_text_that_is_too_deep_or_too_long_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError, match=r"deeper than|at most 1000 characters"):
        check_expression(text)


def test_a_long_chain_of_operators_is_not_deep() -> None:
    for text in (" || ".join(["false"] * 80 + ["true"]), "+".join(["1"] * 400) + " == 400", "&&".join(["1==1"] * 140)):
        check_expression(text)
        assert Evaluations().hold(text, Event("a"), Event("b"))


def test_data_of_any_depth_is_compared_without_an_end_of_the_stack() -> None:
    deep: dict[str, Any] = {}
    for _ in range(20_000):
        deep = {"a": deep}
    event = Event("a", deep)
    assert Evaluations().hold("event.data == async.data", event, event)


def test_a_regular_expression_does_not_backtrack() -> None:
    event, evaluations = Event("a", {"a": "x" * 100_000}), Evaluations()
    began = time.process_time()
    assert not evaluations.hold("event.data.a.matches('(x+x+)+y')", event, event)
    assert time.process_time() - began < SECONDS
    assert evaluations.failed == 0


def test_one_pass_over_the_largest_list_is_no_costly_thing() -> None:
    event = Event("a", NUMBERS)
    for text in ("37999 in event.data.a", "'x' in event.data.a || true", "size(event.data.a) == 38000"):
        evaluations = Evaluations()
        assert evaluations.hold(text, event, event), evaluations.failure


def test_all_evaluations_for_one_cancel_share_what_is_beyond_their_own() -> None:
    event, evaluations = Event("a", NUMBERS), Evaluations()
    costly, cheap = COSTLY[0][0], "event.data.a[0] == 0"
    began = time.process_time()
    for _ in range(200):
        evaluations.hold(costly, event, event)
    assert time.process_time() - began < SECONDS
    assert evaluations.shared == 0
    assert SHARED_WORK >= 10 * MOST_WORK
    assert evaluations.hold(cheap, event, event), f"an evaluation keeps {OWN_WORK} of its own"
    assert evaluations.failed == 200


def test_what_a_run_has_left_bounds_each_of_its_evaluations() -> None:
    evaluations = Evaluations()
    text, event = "event.data.a.exists(x, x < 0)", Event("a/b", {"a": list(range(1_000))})
    assert not evaluations.hold(text, event, event, most=OWN_WORK)
    assert (evaluations.failed, evaluations.shared) == (1, SHARED_WORK)
    assert not evaluations.hold(text, event, event, most=OWN_WORK + 10_000)
    assert evaluations.failed == 1


def test_the_same_expression_on_the_same_data_ends_at_the_same_place() -> None:
    event = Event("a", NUMBERS)
    left = set()
    for _ in range(3):
        evaluations = Evaluations()
        evaluations.hold("event.data.a.filter(x, x % 2 == 0).size() > 3", event, event)
        left.add(evaluations.shared)
    assert len(left) == 1
