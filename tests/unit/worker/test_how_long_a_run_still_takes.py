"""The estimate of a run's end: none before it means something, then by the pace of the last minute."""

from __future__ import annotations

import pytest

from andon_worker.pace import Pace


def told(pace: Pace, *seen: tuple[float, float]) -> float | None:
    """What is left after each (seconds, fraction) was seen."""
    return [pace.remaining(fraction, seconds) for seconds, fraction in seen][-1]


def test_nothing_is_said_before_there_is_a_pace() -> None:
    assert told(Pace(), (0, 0.5)) is None
    assert told(Pace(), (0, 0.1), (4.9, 0.5)) is None  # too short a time
    assert told(Pace(), (0, 0.1), (50, 0.105)) is None  # too little
    assert Pace().remaining(None, 10) is None


def test_a_steady_pace_tells_what_is_left_whatever_was_done_before() -> None:
    assert told(Pace(), (100, 0.6), (110, 0.7)) == pytest.approx(30)


def test_only_the_last_minute_counts() -> None:
    quick = [(second, second / 20) for second in range(11)]  # half of it in ten seconds
    slow = [(10 + second, 0.5 + second / 1000) for second in range(1, 101)]
    assert told(Pace(), *quick, *slow) == pytest.approx(400, rel=0.05)


def test_progress_that_falls_begins_anew() -> None:
    pace = Pace()
    assert told(pace, (0, 0.1), (10, 0.5), (11, 0.2)) is None
    assert told(pace, (21, 0.3)) == pytest.approx(70)


def test_at_the_end_nothing_is_left() -> None:
    assert told(Pace(), (0, 0.5), (10, 1.0)) == 0
