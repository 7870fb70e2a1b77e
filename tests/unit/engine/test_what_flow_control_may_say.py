"""Singletons, throttles, rate limits and time-outs: what a declaration may say, and how a rate counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import Concurrency, Cron, RateLimit, RegistrationError, Singleton, Throttle, Timeouts, function
from andon.adapters.cel import check_expression
from andon.engine.declared.declarations import from_json, to_json
from andon.engine.declared.functions import Registry
from andon.engine.declared.gates import gates_of
from andon.engine.declared.rates import Rate

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR, SECOND = dt.timedelta(hours=1), dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"singleton": Singleton("data.a", "replace")}, "expected 'skip', 'cancel' or 'latest'"),  # type: ignore[arg-type]
        ({"singleton": "data.a"}, "expected Singleton"),
        ({"singleton": Singleton("async.data")}, "async"),
        ({"singleton": Singleton(), "concurrency": Concurrency(1, hold="active")}, "held while its run waits"),
        ({"throttle": Throttle(0, HOUR)}, "limit=0"),
        ({"throttle": Throttle(1, HOUR, burst=-1)}, "burst=-1: expected a whole number from 0"),
        ({"throttle": Throttle(1, dt.timedelta(0))}, "from 1 second to 7 days"),
        ({"throttle": Throttle(1, 60)}, "period=60"),  # type: ignore[arg-type]
        ({"rate_limit": RateLimit(1, dt.timedelta(days=8))}, "from 1 second to 7 days"),
        ({"rate_limit": RateLimit(1, HOUR, key="data")}, "is not a path"),
        ({"rate_limit": Throttle(1, HOUR)}, "expected RateLimit"),
        ({"timeouts": Timeouts()}, "expected start=, finish= or both"),
        ({"timeouts": Timeouts(start=-HOUR)}, "start="),
        ({"timeouts": Timeouts(finish=60)}, "finish=60: expected a datetime.timedelta"),  # type: ignore[arg-type]
    ],
)
def test_what_can_not_be_meant_is_refused_when_it_is_registered(said: dict[str, Any], fault: str) -> None:
    with pytest.raises(RegistrationError) as refused:
        Registry([function(id="f", trigger="a/b", **said)(lambda e, s: None)], check_expression=check_expression)
    assert fault in str(refused.value)


def test_a_declaration_keeps_all_of_it_on_its_way_to_another_process() -> None:
    declared = function(
        id="f",
        trigger="a/b",
        singleton=Singleton("data.a", "latest"),
        throttle=Throttle(3, HOUR, burst=2, key="data.a"),
        rate_limit=RateLimit(1, SECOND),
        timeouts=Timeouts(start=HOUR),
    )(lambda event, step: None)
    again = from_json(to_json(declared))
    assert again.singleton == declared.singleton
    assert again.throttle == declared.throttle
    assert again.rate_limit == declared.rate_limit
    assert again.timeouts == declared.timeouts


def test_gates_are_tried_in_one_order_singleton_first_and_throttle_last() -> None:
    declared = function(
        id="f",
        trigger="a/b",
        throttle=Throttle(1, HOUR),
        concurrency=[Concurrency(9), Concurrency(1, key="data.a")],
        singleton=Singleton("data.b"),
    )(lambda event, step: None)
    assert [(gate.kind, gate.key) for gate in gates_of(declared)] == [
        ("singleton", "data.b"),
        ("concurrency", "data.a"),
        ("concurrency", None),
        ("throttle", None),
    ]


@pytest.mark.parametrize(("burst", "ahead", "free"), [(0, 0, 1), (0, 1, 0), (2, 0, 3), (2, 1, 2), (2, 2, 1), (2, 3, 0)])
def test_a_rate_lets_one_go_and_its_burst_ahead_of_its_time(burst: int, ahead: int, free: int) -> None:
    assert Rate(SECOND, burst).free(NOW + ahead * SECOND, NOW) == free


def test_what_was_not_used_long_ago_is_not_saved_up() -> None:
    assert Rate(SECOND, 2).free(NOW - HOUR, NOW) == 3


@given(st.lists(st.integers(0, 5_000), max_size=60), st.integers(0, 4))
def test_in_no_time_do_more_go_than_the_rate_and_its_burst(gaps: list[int], burst: int) -> None:
    rate, tat, now = Rate(SECOND, burst), None, NOW
    went: list[dt.datetime] = []
    for gap in gaps:
        now += gap * dt.timedelta(milliseconds=1)
        if rate.free(tat, now) > 0:
            tat = rate.spend(tat, now, 1)
            went.append(now)
        elif tat is not None:
            assert rate.opens_at(tat) > now
    for first in range(len(went)):
        for last in range(first, len(went)):
            assert last - first <= (went[last] - went[first]) // SECOND + burst


@pytest.mark.parametrize(
    ("said", "doubtful"),
    [
        ({"singleton": Singleton(mode="cancel")}, True),
        ({"triggers": [Cron("0 3 * * *", overlap="cancel")], "trigger": None}, True),
        ({"singleton": Singleton(mode="latest")}, False),
        ({}, False),
    ],
)
def test_who_is_replaced_and_never_settled_by_force_is_doubted(said: dict[str, Any], doubtful: bool) -> None:
    declared = {"id": "f", "trigger": "a/b", **said}
    assert function(**declared)(lambda event, step: None).doubt is None
    doubt = function(**declared, cancel_deadline=None)(lambda event, step: None).doubt
    assert bool(doubt) == doubtful
    assert doubt is None or ("cancel_deadline=None" in doubt and "waiting for ever" in doubt)
