"""A lane is kept for the next run, and thrown away once a body in it was interrupted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from andon.engine.bodies import Body
from andon.engine.errors import Interrupted
from andon_worker.lanes import Lanes
from tests.polling import wait_until


def thread_of(lanes: Lanes, call: Callable[[], object] = lambda: None) -> threading.Thread:
    found: list[threading.Thread] = []

    def remember() -> None:
        found.append(threading.current_thread())
        call()

    lanes.run(remember)
    return found[0]


def interrupted_body() -> None:
    running = threading.Event()

    def endless() -> None:
        running.set()
        while True:
            time.sleep(0.001)

    body = Body(endless)

    def interrupt() -> None:
        running.wait(5)
        while not body.ended:
            body.interrupt()

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted):
        body.call()


def test_the_next_run_is_in_the_same_thread_which_is_not_the_callers() -> None:
    lanes = Lanes()
    kept = thread_of(lanes)
    assert kept is not threading.current_thread()
    assert thread_of(lanes) is kept


def test_two_callers_have_two_lanes() -> None:
    lanes = Lanes()
    with ThreadPoolExecutor(1) as other:
        assert other.submit(thread_of, lanes).result() is not thread_of(lanes)


def test_what_the_call_raises_reaches_the_caller_and_the_lane_lives_on() -> None:
    lanes = Lanes()
    kept = thread_of(lanes)
    with pytest.raises(ZeroDivisionError):
        lanes.run(lambda: 1 / 0)
    assert thread_of(lanes) is kept


def test_an_interrupted_body_costs_its_lane_which_has_ended_when_the_call_returns() -> None:
    lanes = Lanes()
    spent = thread_of(lanes, interrupted_body)
    assert not spent.is_alive()
    assert thread_of(lanes) is not spent


def test_a_lane_ends_with_the_thread_that_it_works_for() -> None:
    lanes = Lanes()
    with ThreadPoolExecutor(1) as owner:
        lane = owner.submit(thread_of, lanes).result()
    wait_until(lambda: not lane.is_alive(), what="the lane's thread to end")
