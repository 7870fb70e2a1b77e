"""The estimate of a run's end: none before it means something, then by its pace, as long as that is steady."""

from __future__ import annotations

import pytest

from andon_worker.supervisor.hosting.estimate import Pace


def steady(since: float, until: float, first: float, last: float) -> list[tuple[float, float]]:
    """(seconds, fraction) twice a second, from `first` to `last`."""
    steps = int((until - since) * 2)
    return [(since + n / 2, first + (last - first) * n / steps) for n in range(steps + 1)]


def told(pace: Pace, *seen: tuple[float, float]) -> float | None:
    """What is left after each of these was seen."""
    return [pace.remaining(fraction, seconds) for seconds, fraction in seen][-1]


def test_nothing_is_said_before_there_is_a_pace() -> None:
    assert told(Pace(), *steady(0, 4.5, 0.1, 0.5)) is None  # too short a time
    assert told(Pace(), *steady(0, 50, 0.1, 0.105)) is None  # too little
    assert Pace().remaining(None, 10) is None


def test_a_steady_pace_tells_what_is_left_whatever_was_done_before() -> None:
    assert told(Pace(), *steady(100, 110, 0.6, 0.7)) == pytest.approx(30, rel=0.1)


def test_a_long_section_after_quick_ones_is_not_said_to_be_quick() -> None:
    pace = Pace()
    quick, slow = steady(0, 10, 0, 0.7), steady(10.5, 310, 0.7, 0.8)
    assert told(pace, *quick) == pytest.approx(4.3, rel=0.1)
    assert {pace.remaining(fraction, seconds) for seconds, fraction in slow[20:100]} == {None}
    assert told(pace, *slow[100:]) == pytest.approx(600, rel=0.1)


def test_progress_that_falls_begins_anew() -> None:
    pace = Pace()
    assert told(pace, *steady(0, 10, 0.1, 0.5), (11, 0.2)) is None
    assert told(pace, *steady(11.5, 21, 0.2, 0.3)) == pytest.approx(70, rel=0.1)


def test_at_the_end_nothing_is_left() -> None:
    assert told(Pace(), *steady(0, 10, 0.5, 1.0)) == 0
