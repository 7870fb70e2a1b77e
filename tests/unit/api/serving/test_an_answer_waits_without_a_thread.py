"""Bells and timers: what wakes an answer that has nothing to say for now."""

from __future__ import annotations

from andon_api.serving.bell import Bell
from andon_api.serving.timers import Timers


def test_a_ring_is_heard_once_by_the_one_who_waits() -> None:
    bell, heard = Bell(), list[int]()
    bell.call(lambda: heard.append(1))
    assert heard == []
    bell.ring()
    bell.ring()
    assert heard == [1]


def test_a_ring_before_anybody_waits_is_not_lost() -> None:
    bell, heard = Bell(), list[int]()
    bell.ring()
    bell.call(lambda: heard.append(1))
    assert heard == [1]
    assert bell.hear()
    assert not bell.hear()


def test_who_waits_anew_takes_the_place_of_the_former() -> None:
    bell, heard = Bell(), list[int]()
    bell.call(lambda: heard.append(1))
    bell.call(lambda: heard.append(2))
    bell.ring()
    assert heard == [2]


def test_timers_go_off_in_their_order_and_not_before_their_time() -> None:
    now, heard = [100.0], list[int]()
    timers = Timers(lambda: now[0])
    assert timers.left(0.5) == 0.5
    timers.after(2, lambda: heard.append(2))
    timers.after(0.2, lambda: heard.append(1))
    assert abs(timers.left(0.5) - 0.2) < 1e-9
    timers.run()
    assert heard == []
    now[0] = 103
    timers.run()
    assert heard == [1, 2]
