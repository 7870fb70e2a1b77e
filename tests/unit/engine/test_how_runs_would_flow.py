"""`andon.testing.flow`: how a function's runs flow, told without stores and without waiting."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from andon import (
    CancelOn,
    Concurrency,
    Cron,
    Debounce,
    Event,
    On,
    Priority,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
    function,
)
from andon.testing import START, Passed, flow, tick_of

MINUTE = dt.timedelta(minutes=1)


def asked(*users: Any, every: float = 0.0) -> list[tuple[float, Event]]:
    return [(n * every, Event("work/asked", {"user": user})) for n, user in enumerate(users)]


def passing(events: list[tuple[float, Event]], *, seconds: float = 60.0, **said: Any) -> list[Passed]:
    rule = CancelOn("work/stopped", match="data.user")
    return flow(
        function(id="work", trigger="work/asked", cancel_on=[rule], **said)(lambda event, step: None),
        events,
        seconds=seconds,
    )


def starts(passed: list[Passed]) -> list[float | None]:
    return [each.started for each in passed]


def test_without_a_limit_all_start_when_they_come() -> None:
    assert starts(passing(asked(1, 2, every=5))) == [0, 5]


def test_a_limit_lets_the_next_in_when_one_has_ended() -> None:
    assert starts(passing(asked(1, 1, 1, 2), concurrency=Concurrency(1, key="data.user"))) == [0, 60, 120, 0]


@pytest.mark.parametrize(
    ("mode", "became", "started"),
    [
        ("skip", ["completed", "singleton", "singleton"], [0, None, None]),
        ("cancel", ["cancelled", "cancelled", "completed"], [0, 10, 20]),
        ("latest", ["completed", "cancelled", "completed"], [0, None, 60]),
    ],
)
def test_singletons(mode: Any, became: list[str], started: list[float | None]) -> None:
    passed = passing(asked(1, 1, 1, every=10), singleton=Singleton("data.user", mode))
    assert ([each.became for each in passed], starts(passed)) == (became, started)


@pytest.mark.parametrize(
    ("overlap", "became", "started"),
    [
        ("skip", ["completed", "overlap", "completed"], [0, None, 120]),
        ("queue", ["completed"] * 3, [0, 100, 200]),
        ("cancel", ["cancelled", "cancelled", "completed"], [0, 60, 120]),
        ("allow", ["completed"] * 3, [0, 60, 120]),
    ],
)
def test_of_a_schedules_ticks_each_overlap_makes_what_it_says(overlap: Any, became: Any, started: Any) -> None:
    cron = Cron("* * * * *", overlap=overlap)
    work = function(id="work", triggers=[cron])(lambda event, step: None)
    ticks = [(n * 60.0, tick_of(work, START + n * MINUTE)) for n in range(3)]
    passed = flow(work, ticks, seconds=100)
    assert ([each.became for each in passed], starts(passed)) == (became, started)


def test_what_isnt_a_tick_doesnt_wait_for_one() -> None:
    cron = Cron("* * * * *", overlap="queue")
    work = function(id="work", triggers=[cron, On("work/asked")])(lambda event, step: None)
    assert starts(flow(work, [tick_of(work, START), *asked(1)])) == [0, 0]


def test_a_throttle_spreads_starts_and_a_rate_limit_drops_them() -> None:
    assert starts(passing(asked(1, 2, 3), throttle=Throttle(2, MINUTE))) == [0, 30, 60]
    passed = passing(asked(1, 2, 3), rate_limit=RateLimit(2, MINUTE))
    assert [each.became for each in passed] == ["completed", "completed", "rate_limited"]


def test_time_outs_cancel_what_waits_or_takes_too_long() -> None:
    passed = passing(asked(1, 2), concurrency=Concurrency(1), timeouts=Timeouts(start=MINUTE / 2))
    assert [(each.became, each.ended) for each in passed] == [("completed", 60), ("cancelled", 30)]
    [one] = passing(asked(1), seconds=600, timeouts=Timeouts(finish=MINUTE))
    assert (one.became, one.ended) == ("cancelled", 60)


def test_who_has_priority_goes_first() -> None:
    passed = passing(asked(0, 1, 100), priority=Priority("event.data.user"), concurrency=Concurrency(1))
    assert starts(passed) == [120, 60, 0]


def test_a_cancel_at_any_time_stops_those_that_match_and_makes_room() -> None:
    events = [*asked("a", "b"), (10.0, Event("work/stopped", {"user": "a"}))]
    passed = passing(events, concurrency=Concurrency(1))
    assert [(each.became, each.started) for each in passed] == [("cancelled", 0), ("completed", 10)]


def test_a_key_without_a_value_fails_the_run() -> None:
    assert passing(asked(1), concurrency=Concurrency(1, key="event.data.user + '!'"))[0].became == "failed"


def test_a_cancel_whose_condition_does_not_hold_stops_nothing() -> None:
    rule = CancelOn("work/stopped", match="data.user", if_="async.data.hard == true")
    work = function(id="work", trigger="work/asked", cancel_on=[rule])(lambda event, step: None)
    stops = [(at, Event("work/stopped", {"user": 1, "hard": hard})) for at, hard in ((10.0, False), (20.0, True))]
    [passed] = flow(work, [*asked(1), *stops])
    assert (passed.became, passed.ended) == ("cancelled", 20)


def test_of_events_close_to_each_other_the_newest_starts_a_run_when_it_is_quiet_or_at_the_latest() -> None:
    debounce = Debounce(MINUTE, "data.user", at_most=2 * MINUTE)
    passed = passing(asked(1, 1, 1, 1, 2, every=40), debounce=debounce)
    assert [each.became for each in passed] == ["debounced", "debounced", "completed", "completed", "completed"]
    assert starts(passed) == [None, None, 120, 180, 220]


def test_what_is_pending_can_be_cancelled_and_its_time_to_start_counts_from_when_it_is_quiet() -> None:
    said: dict[str, Any] = {"debounce": Debounce(MINUTE, "data.user"), "timeouts": Timeouts(start=MINUTE / 2)}
    assert starts(passing(asked(1), **said)) == [60]
    [stopped] = passing([*asked(1), (30.0, Event("work/stopped", {"user": 1}))], **said)
    assert (stopped.became, stopped.started, stopped.ended) == ("cancelled", None, 30)


@pytest.mark.parametrize(
    ("mode", "became"),
    [
        ("skip", ["completed", "singleton", "debounced", "completed"]),
        ("cancel", ["cancelled", "completed", "debounced", "completed"]),
    ],
)
def test_what_is_pending_counts_as_the_open_run_of_a_singleton(mode: Any, became: list[str]) -> None:
    """The first runs when the second event comes, and the third is pending when the fourth does."""
    events = [(at, asked(1)[0][1]) for at in (0.0, 70.0, 200.0, 210.0)]
    passed = passing(events, singleton=Singleton("data.user", mode), debounce=Debounce(MINUTE, "data.user"))
    assert [each.became for each in passed] == became


@pytest.mark.parametrize("keep", [False, True])
def test_of_events_with_one_key_one_starts_a_run_until_that_was_cancelled(keep: bool) -> None:
    events = [*asked(1, 1, every=10), (20.0, Event("work/stopped", {"user": 1})), (30.0, asked(1)[0][1])]
    passed = passing(events, idempotency="data.user", idempotency_keep=keep)
    assert [each.became for each in passed] == ["cancelled", "idempotent", "idempotent" if keep else "completed"]


def test_each_value_of_a_fair_key_has_its_turn() -> None:
    passed = passing(asked(1, 1, 1, 2), fair="data.user", concurrency=Concurrency(1))
    assert starts(passed) == [0, 120, 180, 60]
