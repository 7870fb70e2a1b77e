"""The loop of a worker's supervisor: what is posted, timed and watched is called in its thread, each for itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from andon_worker.supervisor.hosting.loop import Loop
from tests.support.polling import PATIENCE, wait_until


@pytest.fixture
def loop() -> Iterator[Loop]:
    """One that turns."""
    made = Loop()
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.close()
    thread.join()


def within(loop: Loop, call: Callable[[], object]) -> None:
    """Do it in the loop's thread, and wait until it is done."""
    done = threading.Event()
    loop.post(call)
    loop.post(done.set)
    assert done.wait(PATIENCE)


def test_what_is_posted_is_called_in_the_loops_thread_in_its_order(loop: Loop) -> None:
    called: list[tuple[int, int]] = []
    for number in range(100):
        loop.post(lambda number=number: called.append((number, threading.get_ident())))  # type: ignore[misc]
    within(loop, lambda: None)
    assert [number for number, _ in called] == list(range(100))
    assert {thread for _, thread in called} != {threading.get_ident()}
    assert len({thread for _, thread in called}) == 1


def test_timers_are_called_in_the_order_of_their_times_and_one_that_was_cancelled_never(loop: Loop) -> None:
    called: list[str] = []

    def set_them() -> None:
        loop.after(0.02, lambda: called.append("later"))
        loop.after(0.01, lambda: called.append("cancelled")).cancel()
        loop.after(0.0, lambda: called.append("now"))

    loop.post(set_them)
    wait_until(lambda: "later" in called)
    assert called == ["now", "later"]


def test_a_call_that_raises_hurts_nothing_else(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    called: list[str] = []
    loop.post(lambda: 1 / 0)
    within(loop, lambda: loop.after(0.0, lambda: [][0]))
    within(loop, lambda: called.append("after"))
    assert called == ["after"]
    assert "a turn of the worker's loop failed" in caplog.text


def test_what_is_watched_is_read_until_it_is_forgotten(loop: Loop) -> None:
    read, write = os.pipe()
    found: list[bytes] = []
    within(loop, lambda: loop.watch(read, lambda: found.append(os.read(read, 100))))
    os.write(write, b"a")
    wait_until(lambda: found == [b"a"])
    within(loop, lambda: loop.forget(read))
    os.write(write, b"b")
    within(loop, lambda: None)
    assert found == [b"a"]
    os.close(read)
    os.close(write)


def test_what_is_read_may_forget_what_comes_after_it(loop: Loop) -> None:
    pipes = [os.pipe() for _ in range(2)]
    heard: list[int] = []

    def hear(place: int) -> None:
        heard.append(place)
        for read, _ in pipes:
            loop.forget(read)

    def watch() -> None:
        for place, (read, _) in enumerate(pipes):
            loop.watch(read, lambda place=place: hear(place))  # type: ignore[misc]

    for _, write in pipes:
        os.write(write, b"x")
    within(loop, watch)
    wait_until(lambda: heard)
    within(loop, lambda: None)
    assert len(heard) == 1
    for each in pipes:
        os.close(each[0])
        os.close(each[1])
