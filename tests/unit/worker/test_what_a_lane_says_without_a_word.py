"""The memory that a lane and its supervisor share: progress, and which attempt has begun."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from andon_worker.lane.progress import SIZE, SharedProgress, make_page

Pair = tuple[SharedProgress, SharedProgress]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The lane's side, and the supervisor's."""
    descriptor = make_page()
    supervisor = SharedProgress(os.dup(descriptor))
    lane = SharedProgress(descriptor)
    supervisor.clear()
    yield lane, supervisor
    lane.close()
    supervisor.close()


def test_what_has_begun_is_seen_once(pair: Pair) -> None:
    lane, supervisor = pair
    assert supervisor.begun(0) is None
    assert lane.begin(1, b"first")
    assert supervisor.begun(0) == (1, b"first")
    assert supervisor.begun(1) is None, "its end was heard of"
    assert lane.begin(2, b"2nd")
    assert supervisor.begun(1) == (2, b"2nd")


def test_what_is_too_long_is_to_be_told_of(pair: Pair) -> None:
    lane, supervisor = pair
    assert lane.begin(1, b"short")
    assert not lane.begin(2, b"x" * SIZE)
    assert supervisor.begun(0) == (1, b"short"), "and harms nothing"


def test_progress_and_beginnings_don_t_touch_each_other(pair: Pair) -> None:
    lane, supervisor = pair
    lane.begin(1, b"y" * 10_000)
    lane.show(0.5, "n" * 20_000)
    assert supervisor.begun(0) == (1, b"y" * 10_000)
    count, fraction, note = supervisor.read()
    assert (count > 0, fraction, set(note or "")) == (True, 0.5, {"n"})
    supervisor.clear()
    assert supervisor.begun(0) is None
    assert supervisor.read()[1:] == (None, None)


def test_a_page_that_is_gone_says_nothing(pair: Pair) -> None:
    lane, supervisor = pair
    lane.begin(1, b"first")
    supervisor.close()
    assert supervisor.begun(0) is None
