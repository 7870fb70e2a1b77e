"""Expressions as users write them mean what CEL says they mean."""

from __future__ import annotations

from typing import Any

import pytest

from andon.adapters.cel import Evaluations, check_expression
from andon.engine.cel import ExpressionError
from andon.engine.events import Event

TRIGGER = Event(
    "order/placed",
    {
        "total": 40,
        "rate": 1.5,
        "plan": "pro",
        "tags": ["a", "b"],
        "none": None,
        "vip": True,
        "at": "2026-03-01T12:00:00+02:00",
        "lines": [{"sku": "x", "n": 1}, {"sku": "y", "n": 3}],
        "by": {"id": 7, "name": "Ada"},
    },
    user={"id": "u1"},
)
CANCEL = Event("order/cancelled", {"limit": 50, "ids": ["u1", "u2"], "total": 40.0}, user={"role": "admin"})

TRUE = [
    "event.data.total < async.data.limit",
    "event.data.total == async.data.total && event.data.plan != 'free'",
    "event.user.id in async.data.ids",
    "async.user.role == 'admin' || event.data.total > 1000",
    "has(event.data.plan) && !has(event.data.missing)",
    "!has(event.data.missing) || event.data.missing == 1",
    "event.data.plan.startsWith('pr') && event.data.plan.endsWith('o') && event.data.plan.contains('r')",
    "event.data.plan.matches('^p[a-z]+$')",
    "matches(event.data.plan, 'r')",
    "size(event.data.tags) == 2 && event.data.tags.size() == 2 && size('é') == 1",
    "'a' in event.data.tags && 'name' in event.data.by && !(3 in [1, 2])",
    "event.data.tags[1] == 'b' && event.data['plan'] == 'pro' && event.data.by['id'] == 7",
    "event.data.lines.exists(each, each.sku == 'y' && each.n > 2)",
    "event.data.lines.all(each, each.n > 0) && event.data.lines.exists_one(each, each.n == 1)",
    "event.data.lines.filter(each, each.n > 1).map(each, each.sku) == ['y']",
    "event.data.lines.map(each, each.n > 1, each.n * 2) == [6]",
    "event.data.lines.exists(a, event.data.tags.exists(b, a.sku != b))",
    "event.data.by.exists(key, key == 'name')",
    "event.data.vip ? event.data.total == 40 : false",
    "event.data.total == 1 ? false : event.data.total == 2 ? false : true",
    "timestamp(event.data.at) < timestamp('2026-03-01T10:30:00Z')",
    "timestamp(event.data.at) + duration('1h30m') == timestamp('2026-03-01T11:30:00Z')",
    "timestamp('2026-03-02T00:00:00Z') - timestamp('2026-03-01T00:00:00Z') == duration('24h')",
    "timestamp(event.data.at).getFullYear() == 2026 && timestamp(event.data.at).getMonth() == 2",
    "timestamp(event.data.at).getHours() == 10 && timestamp(event.data.at).getHours('+05:30') == 15",
    "timestamp(event.data.at).getHours('Europe/Berlin') == 11 && timestamp(event.data.at).getDayOfWeek() == 0",
    "duration('90m').getHours() == 1 && duration('-1.5s') < duration('0s')",
    "int('12') + 1 == 13 && double('1.5') == event.data.rate && string(event.data.total) == '40'",
    "string(1.0) == '1' && int(1.9) == 1 && uint(3) == 3u && bool('true') && string(true) == 'true'",
    "event.data.none == null && event.data.total != null && 1 != true && '1' != 1",
    "-7 / 2 == -3 && -7 % 3 == -1 && 7 % 3 == 1 && 2 + 3 * 4 == 14 && (2 + 3) * 4 == 20 && 10 - 3 - 2 == 5",
    "0x10 == 16 && 1e3 == 1000 && .5 == 0.5",
    "-9223372036854775808 < 9223372036854775807 && 18446744073709551615u > 1u",
    "'a' + \"b\" == 'ab' && [1] + [2] == [1, 2] && b'a' + b'b' == bytes('ab')",
    r"""'\x41\u0042\U00000043\103\n\'' == 'ABCC\n' + "'" && r'\d' == '\\d' && '''a'b''' == 'a\'b'""",
    "{'a': 1, 2: [3]}[2] == [3] && {'a': 1}.a == 1 && {true: 1}[true] == 1 && !(1 in {true: 1})",
    "{'a': [1, {'b': 2.0}]} == {'a': [1.0, {'b': 2}]}",
    "type(1) == int && type('a') == string && type(event.data) == map && type(type(1)) == type",
    "event.data.missing == 1 || true",
    "!(event.data.missing == 1 && false)",
    "event.name == 'order/placed' && async.name == 'order/cancelled'",
    "event.data.total == 40 // what is left\n && true",
]


@pytest.mark.parametrize("text", TRUE)
def test_it_is_true(text: str) -> None:
    check_expression(text)
    evaluations = Evaluations()
    assert evaluations.hold(text, TRIGGER, CANCEL), evaluations.failure
    assert evaluations.failed == 0
    assert not evaluations.hold(f"!({text}\n)", TRIGGER, CANCEL)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("event.data.missing == 1", "there is no 'missing'"),
        ("has(event.data.missing.deeper)", "there is no 'missing'"),
        ("event.data.plan.deeper == 1", "string has no field"),
        ("event.data.total == 1 / 0", "divided by zero"),
        ("event.data.total % 0 == 1", "divided by zero"),
        ("event.data.total * 9223372036854775807 > 0", "64 bits"),
        ("1u - 2u == 0u", "64 bits"),
        ("-(-9223372036854775808) > 0", "64 bits"),
        ("event.data.total + 1.5 > 0.0", "doesn't go with int and double"),
        ("event.data.plan < 1", "no order"),
        ("event.data.plan && true", "takes a bool"),
        ("event.data.tags[2] == 'c'", "out of range"),
        ("event.data.tags[-1] == 'b'", "out of range"),
        ("timestamp('yesterday') < timestamp('2026-01-01T00:00:00Z')", "RFC 3339"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1h') > timestamp('2026-01-01T00:00:00Z')", "out of range"),
        ("timestamp(event.data.at).getHours('Nowhere/Land') == 1", "no time zone"),
        ("int('1_0') == 10", "no whole number"),
        ("event.data.tags.exists_one(each, each.deeper)", "no field"),
        ("1 in event.data.total", "looks in a list or a map"),
        ("event.data.total", "no bool"),
        ("{'a': 1, 'a': 2}.a == 1", "twice"),
    ],
)
def test_where_it_has_no_value_that_is_no_match_and_counted(text: str, why: str) -> None:
    evaluations = Evaluations()
    assert not evaluations.hold(text, TRIGGER, CANCEL)
    assert evaluations.failed == 1
    assert why in str(evaluations.failure)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected a value, got the end"),
        ("event.data.", "expected a name"),
        ("event.data.a ==", "expected a value"),
        ("(event.data.a", "expected ')'"),
        ("event.data.a = 1", "unexpected '='"),
        ("event.data.a == 1 event", "expected an operator or the end at character 19"),
        ("os.path", "it names 'os'; expected only 'event' and 'async'"),
        ("now() > timestamp('2026-01-01T00:00:00Z')", "no function now()"),
        ("event.data.a.delete()", "no method delete()"),
        ("size(1, 2) == 1", "another number of arguments"),
        ("has(event)", "has() takes one field"),
        ("event.data.a.exists(x.y, true)", "name of a variable"),
        ("event.data.a.exists(x, true) && x", "it names 'x'"),
        ("'unfinished", "has no end"),
        ("'\\q' == ''", "unknown escape"),
        ("9223372036854775808 > 1", "64 bits"),
        ("package == 1", "reserved word"),
        ("event.data.a.matches('(')", "no regular expression"),
        ("event.data.a.matches(event.data.pattern)", "stands in the expression"),
        ("event.data.a.matches('(a{1000}){1000}')", "regular expression"),
        ("!-1", "one kind of sign"),
        ("Event{name: 'a'}", "expected an operator or the end"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_sentence(text: str, why: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        check_expression(text)
    assert why in str(refused.value)


def test_a_key_may_have_any_value_of_json() -> None:
    values: list[Any] = [None, True, 1, 1.5, "a", [], {}, 10**40]
    for value in values:
        event = Event("a", {"value": value})
        assert Evaluations().hold("event.data.value == async.data.value", event, event)
