"""Whoever asks for much waits for itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait

import pytest

from andon_api.serving.callers import Caller, Callers
from andon_api.serving.threads import FairThreads

A, B, STRANGER = Caller("a", known=True), Caller("b", known=True), Caller("10.0.0.1", known=False)


class Held:
    """Tasks that go on until they are let go, in the order in which they have begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = threading.Event()
        self._changed = threading.Condition()

    def task(self, name: str) -> Callable[[], str]:
        def act() -> str:
            with self._changed:
                self.begun.append(name)
                self._changed.notify_all()
            assert self.go.wait(30)
            return name

        return act

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.begun) >= count, 30)
            return list(self.begun)


@pytest.fixture
def held() -> Iterator[Held]:
    found = Held()
    yield found
    found.go.set()


def test_one_tenant_leaves_a_thread_to_others_however_much_it_asks_for(held: Held) -> None:
    threads = FairThreads[str](4, "test")
    many = [threads.submit(A, held.task("a")) for _ in range(50)]
    assert held.wait_for(2) == ["a"] * 2
    one = threads.submit(B, held.task("b"))
    assert held.wait_for(3) == ["a", "a", "b"]
    held.go.set()
    assert one.result(30) == "b"
    assert [each.result(30) for each in many] == ["a"] * 50
    threads.shutdown()


def test_who_comes_later_has_the_next_turn(held: Held) -> None:
    threads = FairThreads[str](2, "test")
    first: list[Future[str]] = [threads.submit(STRANGER, held.task("first")) for _ in range(2)]
    held.wait_for(2)
    order: list[str] = []
    later = [threads.submit(STRANGER, lambda: _note(order, "stranger")) for _ in range(20)]
    later += [threads.submit(B, lambda: _note(order, "b"))]
    held.go.set()
    wait([*first, *later], 30)
    assert "b" in order[:3]


def test_where_nobody_is_known_all_threads_are_one_callers(held: Held) -> None:
    threads = FairThreads[str](4, "test")
    for _ in range(4):
        threads.submit(STRANGER, held.task("x"))
    assert held.wait_for(4) == ["x"] * 4


def test_what_a_task_raises_is_its_futures_and_the_thread_goes_on() -> None:
    threads = FairThreads[str](1, "test")

    def fail() -> str:
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        threads.submit(A, fail).result(30)
    assert threads.submit(A, lambda: "again").result(30) == "again"
    threads.shutdown()


def test_a_caller_is_known_by_its_key_or_its_session_and_by_nothing_else_that_it_sends() -> None:
    callers = Callers()
    head = b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n"
    assert callers.of(head % b"Authorization: Bearer k", ("10.0.0.1", 5)) == STRANGER
    callers.learn(head % b"Authorization: Bearer k")("a")
    callers.learn(head % b"Cookie: andon_session=s")("b")
    for same in (b"authorization:k", b"X: y\r\nAuthorization: Bearer  k \r\nCookie: a=b", b"Authorization: bearer k"):
        assert callers.of(head % same, ("10.0.0.9", 5)) == A
    assert callers.of(head % b"Cookie: x=y; andon_session=s; z=1", "unix") == B
    for other in (b"Authorization: Bearer l", b"Cookie: andon_session=t", b"X: k"):
        assert callers.of(head % other, ("10.0.0.1", 5)) == STRANGER


def _note(order: list[str], name: str) -> str:
    order.append(name)
    return name
