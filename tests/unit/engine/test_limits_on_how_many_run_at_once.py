"""Concurrency: which runs are counted together, and what a limit may be."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from andon import Concurrency, Event, Function, RegistrationError, function
from andon.adapters.cel import check_expression, value_of
from andon.engine.declared.declarations import from_json, to_json
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import Gates, gates_of


def declared(*limits: Any, id: str = "f") -> Function:
    return function(id=id, trigger="a/b", concurrency=limits)(lambda event, step: None)


def keys(rule: Concurrency, *events: Event, id: str = "f") -> list[uuid.UUID]:
    [gate] = gates_of(declared(rule, id=id))
    return [gate.key_of(each, value_of) for each in events]


def of(user: Any, tenant: str = "default") -> Event:
    return Event("a/b", {"user": user}, tenant=tenant)


def test_runs_with_the_same_value_are_counted_together_and_the_type_counts() -> None:
    one, same, text, other = keys(Concurrency(1, key="data.user"), of(1), of(1.0), of("1"), of(2))
    assert one == same
    assert len({one, text, other}) == 3


def test_a_field_that_is_not_there_counts_as_null_and_all_of_these_together() -> None:
    missing, null = keys(Concurrency(1, key="data.user"), Event("a/b", {}), of(None))
    assert missing == null


def test_a_path_may_be_spelled_as_inngest_does() -> None:
    assert keys(Concurrency(1, key="event.data.user"), of(1)) == keys(Concurrency(1, key="data.user"), of(1))


def test_a_key_may_be_an_expression() -> None:
    rule = Concurrency(1, key="event.data.user + '-' + event.name")
    first, same, other = keys(rule, of("a"), of("a"), of("b"))
    assert first == same != other


def test_an_expression_without_a_value_is_an_error_and_not_no_limit() -> None:
    with pytest.raises(ValueError, match="user"):
        keys(Concurrency(1, key="event.data.user + 'a'"), Event("a/b", {}))


@pytest.mark.parametrize(
    ("scope", "together"),
    [("fn", (False, False)), ("env", (True, False)), ("account", (True, True))],
)
def test_a_scope_says_whose_runs_are_counted_together(scope: Any, together: tuple[bool, bool]) -> None:
    rule = Concurrency(1, key="data.user", scope=scope)
    [mine] = keys(rule, of(1))
    assert (keys(rule, of(1), id="g") == [mine], keys(rule, of(1, "another"), id="g") == [mine]) == together


def test_those_that_let_few_pass_are_tried_first() -> None:
    gates = gates_of(declared(Concurrency(20), Concurrency(1, key="data.user")))
    assert [gate.limit for gate in gates] == [1, 20]


def test_a_key_tells_its_limit_so_a_deploy_changes_it_for_those_that_wait() -> None:
    [key] = keys(Concurrency(2, key="data.user"), of(1))
    assert Gates([declared(Concurrency(5, key="data.user"))]).limit(key) == 5
    assert Gates([declared()]).limit(key) > 1_000_000_000


@pytest.mark.parametrize(
    ("limits", "fault"),
    [
        ([Concurrency(0)], "limit=0: expected a whole number from 1"),
        ([Concurrency(True)], "limit=True"),
        ([Concurrency(1, key="data.")], "is not a path"),
        ([Concurrency(1, key="")], "expected a path"),
        ([Concurrency(1, key="async.data.user")], "async"),
        ([Concurrency(1, key="event.(")], "key="),
        ([Concurrency(1, scope="env")], "scope='env' needs a key"),
        ([Concurrency(1, key="data.a", scope="tenant")], "expected 'fn', 'env' or 'account'"),  # type: ignore[arg-type]
        ([Concurrency(1, hold="step")], "expected 'run' or 'active'"),  # type: ignore[arg-type]
        ([Concurrency(1), Concurrency(2)], "two of them count the same runs"),
        ([Concurrency(1), Concurrency(2, key="data.a", hold="active")], "held in the same way"),
        ([Concurrency(n, key=f"data.{'abcd'[n - 1]}") for n in (1, 2, 3, 4)], "at most 3"),
        ([3], "expected Concurrency"),
    ],
)
def test_what_can_not_be_meant_is_refused_when_it_is_registered(limits: list[Any], fault: str) -> None:
    with pytest.raises(RegistrationError) as refused:
        Registry([declared(*limits)], check_expression=check_expression)
    assert fault in str(refused.value)
    assert "'f'" in str(refused.value)


def test_functions_that_share_a_key_have_to_agree_on_its_limit() -> None:
    shared = [declared(Concurrency(n, key="'openai'", scope="account"), id=id) for n, id in ((2, "a"), (3, "b"))]
    with pytest.raises(RegistrationError, match="'a' counts under it, too, with limit=2"):
        Registry(shared, check_expression=check_expression)


def test_a_declaration_keeps_its_limits_on_its_way_to_another_process() -> None:
    said = declared(Concurrency(1, key="data.user", hold="active"))
    assert from_json(to_json(said)).concurrency == said.concurrency
