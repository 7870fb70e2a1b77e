"""Any text is refused or used; any data is told of or not; and where two evaluators know a thing, they agree."""

from __future__ import annotations

import datetime as dt
from typing import Any

import cel
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.adapters.cel import NAMES, Evaluations, check_expression, regex
from andon.engine.cel import Budget, EvaluationError, Expression, ExpressionError, OverBudget
from andon.engine.events import Event

KEYS = ("a", "b", "c")
_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "a", "b", "ab", "é", "2026-01-01T00:00:00Z"])
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
)
_data = st.fixed_dictionaries(dict.fromkeys(KEYS, _json))

_atoms = st.sampled_from(
    [
        *(f"{name}.data.{key}" for name in NAMES for key in (*KEYS, "missing", "a.b")),
        *("event.data.a[0]", "event.data['b']", "event.user", "event.name", "x"),
        *("true", "false", "null", "0", "1", "-2", "1.5", "'a'", "'ab'", "b'a'", "[1, 'a']", "{'a': 1}", "[]", "{}"),
        *("9223372036854775807", "timestamp('2026-01-01T00:00:00Z')", "duration('90s')"),
    ]
)
_binary = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in", "&&", "||"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.tuples(inner, _binary, inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})")
        | st.tuples(inner, st.sampled_from(["all", "exists", "exists_one", "filter", "map"]), inner).map(
            lambda t: f"{t[0]}.{t[1]}(x, {t[2]})"
        )
        | st.tuples(st.sampled_from(["size", "string", "int", "double", "type"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        )
        | st.tuples(inner, st.sampled_from(["startsWith", "endsWith", "contains"]), inner).map(
            lambda t: f"{t[0]}.{t[1]}({t[2]})"
        )
        | inner.map(lambda text: f"!({text} == true)")
        | st.sampled_from(KEYS).map(lambda key: f"has(event.data.{key})")
    )


_expressions = st.recursive(_atoms, _grown, max_leaves=8)
_pieces = st.sampled_from(
    [
        *"()[]{}.,:?!+-*/%<>=&|'\"\\`\n\t\0é\ud800",
        "event",
        "async",
        ".data",
        "exists(",
        "x,",
        "//",
        "1",
        "u",
        "e9",
        "in",
    ]
)


@settings(max_examples=400)
@given(st.lists(_pieces, max_size=40).map("".join) | st.text(max_size=60) | _expressions, _data)
def test_any_text_is_refused_with_a_sentence_or_evaluated(text: str, data: dict[str, Any]) -> None:
    try:
        check_expression(text)
    except ExpressionError:
        return
    event, evaluations = Event("a/b", data), Evaluations()
    held = evaluations.hold(text, event, event)
    assert held in (True, False)
    assert (evaluations.failure is None) == (evaluations.failed == 0)


@settings(max_examples=600)
@given(_expressions, _data, _data)
def test_where_another_evaluator_knows_the_value_it_is_the_same(
    text: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    values = {
        "event": {"name": "a", "data": first, "user": None},
        "async": {"name": "b", "data": second, "user": {"a": 1}},
    }
    try:
        theirs: Any = cel.compile(text).execute(values)
    except Exception:
        return
    try:
        ours = Expression(text, names=NAMES, regex=regex).evaluate(values, Budget(100_000))
    except ExpressionError as error:
        if "it names 'x'" in str(error):
            return  # the other sees it only when it comes to it
        raise AssertionError(f"{text} is {theirs!r} to the other, and refused by ours: {error}") from None
    except (EvaluationError, OverBudget) as error:
        if "+ doesn't go with list and map" in str(error):
            return  # the other takes an empty map for a list
        raise AssertionError(f"{text} is {theirs!r} to the other, and to ours {error}") from None
    assert _plain(ours) == _plain(theirs) or _differs_on_purpose(text), text


def _differs_on_purpose(text: str) -> bool:
    """The other counts bytes where CEL counts characters, and writes durations and large doubles in its own way."""
    return "size(" in text or "string(" in text or "type(" in text


def _plain(value: Any) -> Any:
    if isinstance(value, (dt.datetime, dt.timedelta)):
        return str(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return (type(value) is bool, value)
