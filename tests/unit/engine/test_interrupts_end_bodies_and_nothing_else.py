"""Asynchronous exceptions at random moments: they end step bodies, and are never seen anywhere else."""

from __future__ import annotations

import itertools
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest

from andon.engine.bodies import Body
from andon.engine.errors import Interrupted
from tests.polling import wait_until

INTERRUPTS = 10_000
THREADS = 4
DONE = "done"


class Tidy:
    """Counts what was opened and closed again: `finally` blocks must run whatever happens."""

    def __init__(self) -> None:
        self.opened = 0
        self.closed = 0


def empty(tidy: Tidy) -> str:
    return DONE


def short_loop(tidy: Tidy) -> str:
    for number in range(300):
        _ = number * number
    return DONE


def endless_loop(tidy: Tidy) -> str:
    for _ in itertools.count():
        pass
    return DONE


def with_finally(tidy: Tidy) -> str:
    tidy.opened += 1
    try:
        return short_loop(tidy)
    finally:
        tidy.closed += 1


def calls_into_c(tidy: Tidy) -> str:
    sorted(range(500), key=lambda number: -number)
    time.sleep(0.0001)
    "x".join(map(str, range(200)))
    return DONE


def nested(tidy: Tidy, depth: int = 30) -> str:
    return nested(tidy, depth - 1) if depth else DONE


def generators(tidy: Tidy) -> str:
    def count() -> Iterator[int]:
        yield from range(200)

    sum(number for number in count())
    return DONE


def context_managers(tidy: Tidy) -> str:
    @contextmanager
    def opened() -> Iterator[None]:
        yield

    for _ in range(10):
        with opened(), threading.Lock(), suppress(ValueError):
            int("x")
    return DONE


def swallows_the_first(tidy: Tidy) -> str:
    with suppress(BaseException):
        short_loop(tidy)
    return short_loop(tidy)


def broad_handlers(tidy: Tidy) -> str:
    for _ in range(50):
        with suppress(Exception):
            raise ValueError
    return DONE


def raises(tidy: Tidy) -> str:
    short_loop(tidy)
    raise ValueError("its own")


KINDS: list[Callable[[Tidy], str]] = [
    empty,
    short_loop,
    endless_loop,
    with_finally,
    calls_into_c,
    nested,
    generators,
    context_managers,
    swallows_the_first,
    broad_handlers,
    raises,
]


class Sender(threading.Thread):
    """Interrupts the current body again and again, at random moments, until it has ended."""

    def __init__(self, seed: int) -> None:
        super().__init__(daemon=True)
        self.body: Body | None = None
        self.sent = 0
        self.closed = False
        self._random = random.Random(seed)

    def run(self) -> None:
        while not self.closed:
            body = self.body
            if body is None:
                time.sleep(0)
                continue
            time.sleep(self._random.choice((0.0, self._random.random() * 0.0002)))
            self.sent += not body.ended
            body.interrupt()


@pytest.fixture
def leaks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every exception that came where nobody could take it."""
    seen: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    monkeypatch.setattr(threading, "excepthook", seen.append)
    return seen


@pytest.fixture
def busy_switching() -> Iterator[None]:
    """Threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def bombard(seed: int) -> tuple[int, int]:
    """Interrupt bodies of all kinds; returns how many interrupts were sent, and how many bodies they ended."""
    sender = Sender(seed)
    sender.start()
    ended = 0
    kinds = itertools.cycle(KINDS)
    tidy = Tidy()
    try:
        while sender.sent < INTERRUPTS / THREADS:
            kind = next(kinds)
            body = Body(lambda kind=kind: kind(tidy))  # type: ignore[misc]
            sender.body = body
            try:
                assert body.call() == DONE
            except Interrupted:
                ended += 1
            except ValueError:
                assert kind is raises
            assert body.ended
            if ended % 2:
                sender.body = None
            # A thread's id is soon another thread's: an interrupt that came late would hit this body, or us.
            assert Body(lambda: short_loop(tidy)).call() == DONE
            assert tidy.opened == tidy.closed
        return sender.sent, ended
    finally:
        sender.closed = True
        sender.join()


def test_ten_thousand_interrupts_at_random_moments_land_in_bodies_or_nowhere(
    leaks: list[object], busy_switching: None
) -> None:
    counted: list[tuple[int, int]] = []
    # Daemons: what an astray interrupt hits may never end.
    threads = [
        threading.Thread(target=lambda seed=seed: counted.append(bombard(seed)), daemon=True) for seed in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert leaks == []
    assert len(counted) == THREADS, "a calling thread has died, or waits for ever"
    assert sum(sent for sent, _ in counted) >= INTERRUPTS
    assert sum(ended for _, ended in counted) > INTERRUPTS / 20


def test_an_interrupt_after_the_end_goes_nowhere(leaks: list[object]) -> None:
    body = Body(lambda: DONE)
    assert body.call() == DONE
    body.interrupt()
    assert body.ended
    assert Body(lambda: sum(range(1000))).call() == 499_500
    assert leaks == []


def test_an_interrupt_before_the_start_goes_nowhere() -> None:
    body = Body(lambda: DONE)
    body.interrupt()
    assert body.call() == DONE


def test_a_body_hands_on_its_error_with_where_it_was_raised() -> None:
    with pytest.raises(ValueError, match="its own") as caught:
        Body(lambda: raises(Tidy())).call()
    assert caught.traceback[-1].name == "raises"


def test_callbacks_are_called_while_their_block_runs_and_not_after() -> None:
    calls: list[str] = []
    stage = threading.Event()
    body: Body

    def code() -> None:
        with body.interrupt_with(lambda: calls.append("interrupt")):
            stage.set()
            wait_until(lambda: len(calls) >= 3)
        calls.append("block left")
        endless_loop(Tidy())

    body = Body(code)
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(body.call)
        assert stage.wait(5)
        swallowed = 0
        while not ending.done() and swallowed < 1_000:
            body.interrupt()
            swallowed += 1
            time.sleep(0.001)
        with pytest.raises(Interrupted):
            ending.result(timeout=5)
    count = len(calls)
    body.interrupt()
    assert len(calls) == count


def test_a_callback_that_fails_keeps_nothing_from_the_interrupt() -> None:
    stage = threading.Event()
    body: Body

    def broken() -> None:
        raise OSError("connection closed")

    def code() -> None:
        with body.interrupt_with(broken):
            stage.set()
            endless_loop(Tidy())

    body = Body(code)
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(body.call)
        assert stage.wait(5)
        body.interrupt()
        with pytest.raises(Interrupted):
            ending.result(timeout=5)
