"""`time.sleep` in a body ends with an interrupt; anywhere else it is what it was."""

from __future__ import annotations

import pickle
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from andon.engine.bodies import Body, let_sleepers_be_woken
from andon.engine.errors import Interrupted

LONG = 600.0
ORIGINAL = pickle.dumps(time.sleep)


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", time.sleep)  # puts it back afterwards
    let_sleepers_be_woken()


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def interrupt(body: Body, begun: threading.Event, after: float = 0.0) -> None:
    assert begun.wait(5)
    threading.Event().wait(after)
    body.interrupt()


@pytest.mark.parametrize("seconds", [LONG, 10**6, 0.5 * LONG])
def test_one_interrupt_ends_a_long_sleep(other: ThreadPoolExecutor, seconds: float) -> None:
    begun = threading.Event()

    def sleep() -> None:
        begun.set()
        time.sleep(seconds)

    body = Body(sleep)
    other.submit(interrupt, body, begun, 0.02)
    with pytest.raises(Interrupted):
        body.call()


def test_an_interrupt_at_any_moment_ends_a_sleep_that_is_about_to_begin(other: ThreadPoolExecutor) -> None:
    for _ in range(2_000):
        begun = threading.Event()

        def sleep(begun: threading.Event = begun) -> None:
            begun.set()
            time.sleep(LONG)

        body = Body(sleep)
        sent = other.submit(interrupt, body, begun, random.random() * 0.0001)
        with pytest.raises(Interrupted):
            body.call()
        sent.result()


def test_a_sleep_in_a_body_takes_as_long_as_it_says() -> None:
    began = time.monotonic()
    Body(lambda: time.sleep(0.05)).call()
    assert time.monotonic() - began >= 0.05


def test_a_sleep_after_a_swallowed_interrupt_takes_as_long_as_it_says(other: ThreadPoolExecutor) -> None:
    begun = threading.Event()
    slept: list[float] = []

    def stubborn() -> None:
        with suppress(BaseException):
            begun.set()
            time.sleep(LONG)
        began = time.monotonic()
        time.sleep(0.05)
        slept.append(time.monotonic() - began)

    body = Body(stubborn)
    other.submit(interrupt, body, begun, 0.02)
    body.call()
    assert slept[0] >= 0.05


def test_a_sleep_outside_a_body_is_not_touched_by_a_body_elsewhere(other: ThreadPoolExecutor) -> None:
    begun = threading.Event()

    def sleep() -> None:
        begun.set()
        time.sleep(LONG)

    body = Body(sleep)
    ended = other.submit(body.call)
    assert begun.wait(5)
    began = time.monotonic()
    threading.Timer(0.01, body.interrupt).start()
    time.sleep(0.05)
    assert time.monotonic() - began >= 0.05
    with pytest.raises(Interrupted):
        ended.result(5)


@pytest.mark.parametrize("wrong", [-1, "1", None])
def test_what_cannot_be_slept_is_refused_as_ever(wrong: object) -> None:
    sleep: Callable[[object], None] = time.sleep  # type: ignore[assignment]
    with pytest.raises((ValueError, TypeError)):
        Body(lambda: sleep(wrong)).call()


def test_it_goes_to_another_process_as_what_it_is_there() -> None:
    assert pickle.dumps(time.sleep) == ORIGINAL
