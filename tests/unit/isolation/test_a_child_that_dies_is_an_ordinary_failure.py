"""A child's own death fails the call, clearly, and harms nobody else."""

from __future__ import annotations

import pickle
import time

import pytest

from andon.engine.retries import delay
from andon_worker.isolation import ProcessDied, ProcessIsolation
from tests.polling import wait_until
from tests.unit.isolation import work
from tests.unit.isolation.conftest import Caller
from tests.unit.isolation.test_a_child_always_stops import is_gone


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("segfault", "died by signal SIGSEGV"),
        ("killed", r"died by signal SIGKILL \(out of memory\?\)"),
        ("terminated", "was ended by SIGTERM from outside"),
        ("hung up", "closed its connection to the worker"),
        ("exit", "ended with exit code 3"),
    ],
)
def test_the_error_says_how_it_died_and_is_tried_again(call: Caller, how: str, words: str) -> None:
    began = time.monotonic()
    with pytest.raises(ProcessDied, match=f"The process of step 'x' {words}") as caught:
        call(work.die, how)
    assert delay(caught.value, 1, retries=3) is not None
    assert time.monotonic() - began < 5.0
    assert call(work.add, 1, 2) == 3


def test_its_error_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(ProcessDied("x", "ended with exit code 3")))
    assert (type(error), str(error)) == (ProcessDied, "The process of step 'x' ended with exit code 3")


def test_a_spare_that_died_in_waiting_is_not_handed_out(call: Caller) -> None:
    with pytest.raises(ProcessDied):
        call(work.die, "killed")
    assert [call(work.add, number, 1) for number in range(3)] == [1, 2, 3]


def test_closing_ends_children_that_wait_and_children_that_work() -> None:
    isolation = ProcessIsolation(["tests.unit.isolation.work"], spares=2)
    call = Caller(isolation)
    waiting = call(work.process_id)
    left_running = call(work.leave_another_running)
    ending, stop = call.later(work.sleep_for, 600)
    wait_until(lambda: stop.target is not None)
    isolation.close()
    with pytest.raises(ProcessDied):
        ending.result(timeout=5)
    assert is_gone(waiting)
    wait_until(lambda: is_gone(left_running))
    call.threads.shutdown()


def test_surplus_children_go_when_nobody_needs_them() -> None:
    isolation = ProcessIsolation(["tests.unit.isolation.work"], spares=1, linger=0.2)
    call = Caller(isolation)
    try:
        calls = [call.later(work.sleep_for, 1.0)[0] for _ in range(3)]
        pids = {each.result(timeout=20) for each in calls}
        assert len(pids) == 3
        survivor = call(work.process_id)
        wait_until(lambda: all(is_gone(pid) for pid in pids - {survivor}))
        assert call(work.add, 1, 2) == 3
    finally:
        isolation.close()
        call.threads.shutdown()
