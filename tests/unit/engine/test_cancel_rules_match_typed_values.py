"""Cancel rules: which events meet, and what is refused at registration."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import CancelOn, RegistrationError
from andon.engine.declared.rules import cancel_key, typed_text

RULE = CancelOn("report/generation.cancelled", match="data.reportId")
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def meet(rule: CancelOn, trigger: dict[str, Any], cancel: dict[str, Any]) -> bool:
    """Whether a run started by `trigger` and a cancel event with `cancel` have one key."""
    key = cancel_key("default", "f", rule, trigger)
    return key is not None and key == cancel_key("default", "f", rule, cancel)


DIFFERENT: list[Any] = [1, "1", True, "true", None, "null", 0, False, "", [], {}, [1], 1.5, "1.5", -1, "ä", "a\u0308"]


@pytest.mark.parametrize("one", DIFFERENT, ids=repr)
@pytest.mark.parametrize("other", DIFFERENT, ids=repr)
def test_only_the_same_value_of_the_same_type_meets(one: Any, other: Any) -> None:
    same = one is other and one is not None
    assert meet(RULE, {"reportId": one}, {"reportId": other}) is same


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (0, -0.0), (10**20, 1e20)])
def test_a_number_is_one_number_however_it_is_written(one: float, other: float) -> None:
    assert meet(RULE, {"reportId": one}, {"reportId": other})


@pytest.mark.parametrize(
    ("one", "other"), [([1, 2.0], [1.0, 2]), ({"id": 1}, {"id": 1.0}), ({"a": [{"b": 3.0}]}, {"a": [{"b": 3}]})]
)
def test_a_number_is_one_number_inside_of_lists_and_objects_too(one: Any, other: Any) -> None:
    assert meet(RULE, {"reportId": one}, {"reportId": other})


@pytest.mark.parametrize("spelled", [str.upper, "{{{}}}".format, lambda id: id.replace("-", "")])
def test_a_uuid_is_one_uuid_however_it_is_spelled(spelled: Callable[[str], str]) -> None:
    id = "01a219f5-d473-70e7-be8f-01902df0251f"
    assert meet(RULE, {"reportId": id}, {"reportId": spelled(id)})
    assert not meet(RULE, {"reportId": id}, {"reportId": spelled(id)[:-2]})


@pytest.mark.parametrize("value", [None, [None], {"id": None}, {"a": [1, {"b": None}]}], ids=repr)
def test_null_never_matches_nor_does_what_has_one(value: Any) -> None:
    assert not meet(RULE, {"reportId": value}, {"reportId": value})


@given(VALUES)
def test_every_value_meets_itself(value: Any) -> None:
    assert meet(RULE, {"reportId": value}, {"reportId": value})


@given(VALUES, VALUES)
def test_values_meet_when_their_typed_texts_are_equal_and_only_then(one: Any, other: Any) -> None:
    assert meet(RULE, {"reportId": one}, {"reportId": other}) == (typed_text(one) == typed_text(other))


def test_the_order_of_an_objects_keys_does_not_count() -> None:
    assert meet(RULE, {"reportId": {"a": 1, "b": 2}}, {"reportId": {"b": 2, "a": 1}})


@pytest.mark.parametrize("data", [{}, {"reportID": "r1"}, {"report": {"reportId": "r1"}}, {"reportId.x": "r1"}])
def test_a_cancel_event_without_the_path_cancels_nothing(data: dict[str, Any]) -> None:
    assert not meet(RULE, {"reportId": "r1"}, data)
    assert not meet(RULE, data, data)


def test_paths_lead_into_objects_and_nowhere_else() -> None:
    rule = CancelOn("x", match="data.report.owner.id")
    data = {"report": {"owner": {"id": 7}}}
    assert meet(rule, data, {"report": {"owner": {"id": 7}}, "more": True})
    for broken in ({"report": {"owner": 7}}, {"report": [{"owner": {"id": 7}}]}, {"report": None}, {"report": "owner"}):
        assert cancel_key("default", "f", rule, broken) is None


def test_tenants_functions_and_rules_do_not_meet() -> None:
    data = {"reportId": "r1", "other": "r1"}
    other = CancelOn("report/generation.cancelled", match="data.other")
    keys = {
        cancel_key("default", "f", RULE, data),
        cancel_key("acme", "f", RULE, data),
        cancel_key("default", "g", RULE, data),
        cancel_key("default", "f", other, data),
    }
    assert len(keys) == 4


@given(st.text(min_size=1), st.text(min_size=1))
def test_tenant_and_function_do_not_run_into_each_other(tenant: str, id: str) -> None:
    data = {"reportId": "r1"}
    assert cancel_key(tenant, id, RULE, data) != cancel_key(tenant + id, "", RULE, data)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (CancelOn(""), "needs the name of its event"),
        (CancelOn("x"), "would cancel every run"),
        (CancelOn("x", match="reportId"), "'reportId' is not a path"),
        (CancelOn("x", match="data."), "is not a path"),
        (CancelOn("x", match="data.a..b"), "is not a path"),
        (CancelOn("x", match="data.a b"), "is not a path"),
        (CancelOn("x", match="data.a\n"), "is not a path"),
        (CancelOn("x", match="async.data.a"), "is not a path"),
        (CancelOn("x", match="data.a", remember=dt.timedelta(0)), "above zero"),
        (CancelOn("x", match="data.a", every=True), "takes neither match nor if_"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(rule: CancelOn, words: str) -> None:
    with pytest.raises(RegistrationError, match=words):
        rule.check()


@pytest.mark.parametrize(
    "rule",
    [
        CancelOn("x", match="data.a"),
        CancelOn("x", match="data.a.b_c.$d.e-f"),
        CancelOn("x", if_="event.data.a == async.data.b"),
        CancelOn("x", match="data.a", remember=dt.timedelta(minutes=5)),
        CancelOn.every_run("x"),
    ],
)
def test_a_rule_that_can_be_meant_is_taken(rule: CancelOn) -> None:
    assert rule.check() is rule
    assert rule.wide is (rule.match is None)
