"""A thread is kept for the next body, and thrown away once a body in it was interrupted."""

from __future__ import annotations

import threading
import time

import pytest

from andon.engine.bodies import Body
from andon.engine.errors import Interrupted
from tests.polling import wait_until


def thread() -> threading.Thread:
    return threading.current_thread()


def test_the_next_body_runs_in_the_same_thread() -> None:
    assert Body(thread).call() is Body(thread).call()


def test_a_body_that_fails_keeps_its_thread() -> None:
    kept = Body(thread).call()
    with pytest.raises(ZeroDivisionError):
        Body(lambda: 1 / 0).call()
    assert Body(thread).call() is kept


def test_an_interrupted_body_costs_its_thread() -> None:
    kept = Body(thread).call()
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
    assert Body(thread).call() is not kept
    wait_until(lambda: not kept.is_alive(), what="the interrupted thread to end")


def test_the_thread_ends_with_the_one_that_it_works_for() -> None:
    found: list[threading.Thread] = []
    owner = threading.Thread(target=lambda: found.append(Body(thread).call()))
    owner.start()
    owner.join()
    wait_until(lambda: not found[0].is_alive(), what="the body's thread to end")
