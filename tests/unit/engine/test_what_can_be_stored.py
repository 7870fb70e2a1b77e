"""Events that Python and JSON allow and a store doesn't are refused at the door, naming the field."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import Event, EventError
from andon.engine.events import check_event
from andon.engine.storable import json_fault


def nested(depth: int, *, lists: bool = True) -> Any:
    """A value nested so deep."""
    value: Any = 1
    for _ in range(depth):
        value = [value] if lists else {"a": value}
    return value


NO_OBJECTS: list[Any] = [None, [], "a", 1, True]
KIRIBATI = dt.timezone(dt.timedelta(hours=14))
WRONG: list[tuple[str, dict[str, Any], str]] = [
    *(("name", {"name": name}, "expected") for name in ("", "a b", "a\0", "ä", "x" * 201, "a//b", None, 7)),
    ("name", {"name": "andon/anything"}, "Andon's own"),
    *(("id", {"id": id}, "expected") for id in ("x" * 201, "a\0", "\ud800", 7, None)),
    *(("tenant", {"tenant": tenant}, "expected") for tenant in ("", "x" * 201, "a\0", "\udfff", None)),
    *(
        ("ts", {"ts": ts}, "1970 to 2200")
        for ts in (
            dt.datetime(1, 1, 1, tzinfo=KIRIBATI),
            dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=14))),
            dt.datetime(1969, 12, 31, tzinfo=dt.UTC),
            dt.datetime(2201, 1, 1, tzinfo=dt.UTC),
            dt.datetime(2026, 1, 1),
        )
    ),
    *(("data", {"data": data}, "expected a JSON object") for data in NO_OBJECTS),
    *(
        ("data", {"data": {"a": value}}, words)
        for value, words in (
            ("a\0b", "u0000"),
            ("\ud800", "surrogate"),
            ({"\0": 1}, "u0000"),
            ({"\udfff": 1}, "surrogate"),
            ({1: 1}, "keys of an object"),
            (float("nan"), "NaN"),
            ([float("-inf")], "Infinity"),
            (10**5_000, "1e308"),
            (-(10**309), "1e308"),
            (nested(100), "nested at most 100"),
            (nested(980), "nested at most 100"),
            (nested(50_000, lists=False), "nested at most 100"),
            ("x" * 300_000, "256 KiB"),
            ({1, 2}, "got a set"),
            (b"a", "got a bytes"),
        )
    ),
    *(
        ("user", {"user": user}, words)
        for user, words in (("a\0", "u0000"), ("x" * 5_000, "4 KiB"), (nested(200), "nested"), (10**5_000, "1e308"))
    ),
]


@pytest.mark.parametrize(("field", "said", "words"), WRONG)
def test_what_a_store_would_refuse_is_refused_naming_the_field(field: str, said: dict[str, Any], words: str) -> None:
    with pytest.raises(EventError) as refused:
        check_event(Event(**{"name": "a/b", **said}))
    assert refused.value.field == field
    assert words in str(refused.value)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize(
    "said",
    [
        {"id": "x" * 200, "tenant": "\U0001f600" * 200},
        {"ts": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)},
        {"ts": dt.datetime(2200, 12, 31, tzinfo=dt.UTC)},
        {"data": {"a": nested(98), "": "\u2028\x7f", "n": [10**300, 1e308, -0.0, None, True]}},
        {"user": {"id": 7}},
    ],
)
def test_what_a_store_takes_is_taken(said: dict[str, Any]) -> None:
    event = Event(**{"name": "a/b", **said})
    assert check_event(event) == event


@pytest.mark.parametrize("context", ["", "nonsense", "a\0", "00-" + "0" * 32 + "-1234567890123456-01", "x" * 10_000])
def test_a_trace_context_that_is_none_is_left_out(context: str) -> None:
    assert check_event(Event("a/b", traceparent=context)).traceparent is None


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\0", "\ud800"])
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=3),
    max_leaves=12,
)


@given(_anything, _anything, st.text(), st.text(), st.datetimes(timezones=st.none() | st.timezones()))
def test_any_event_is_taken_or_refused_naming_a_field(
    data: Any, user: Any, id: str, tenant: str, ts: dt.datetime
) -> None:
    try:
        check_event(Event("a/b", data, id, ts, user, tenant))
    except EventError as refused:
        assert refused.field in {"data", "user", "id", "tenant", "ts"}  # noqa: PT017 - some are taken


def test_a_value_is_told_of_however_deep_it_is() -> None:
    assert json_fault(nested(99)) is None
    assert json_fault(nested(200_000, lists=False)) is not None
