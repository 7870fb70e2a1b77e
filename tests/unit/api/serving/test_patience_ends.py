"""Patience: some at first, more with each byte, and an end."""

from __future__ import annotations

from andon_api.serving.pace import SAVED_SECONDS, SLOWEST, Pace


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_sends_nothing_is_late_after_the_grace() -> None:
    clock = Clock()
    pace = Pace(5, clock=clock)
    assert not pace.late
    clock.now += 5
    assert pace.late


def test_who_keeps_above_the_slowest_rate_is_never_late_until_the_end() -> None:
    clock = Clock()
    pace = Pace(5, longest=1000, clock=clock)
    for _ in range(999):
        clock.now += 1
        pace.moved(SLOWEST)
        assert not pace.late
    clock.now += 1
    pace.moved(SLOWEST)
    assert pace.late


def test_who_stays_below_it_is_late_once_the_grace_is_used_up() -> None:
    clock = Clock()
    pace = Pace(5, clock=clock)
    for _ in range(20):
        clock.now += 1
        pace.moved(150)
    assert pace.late


def test_a_burst_earns_no_more_than_a_minute() -> None:
    clock = Clock()
    pace = Pace(5, clock=clock)
    pace.moved(100_000_000)
    clock.now += SAVED_SECONDS
    assert pace.late
