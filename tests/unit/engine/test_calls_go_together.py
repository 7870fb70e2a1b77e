"""Flat combining: every caller gets its own answer, whoever made the call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from andon.adapters.postgres.together import Together


def test_who_comes_alone_calls_alone() -> None:
    calls: list[Sequence[int]] = []

    def double(asks: Sequence[int]) -> list[int]:
        calls.append(asks)
        return [ask * 2 for ask in asks]

    together = Together(double)
    assert [together(1), together(2)] == [2, 4]
    assert calls == [[1], [2]]


def test_who_comes_during_a_call_goes_in_the_next_one() -> None:
    calls: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def double(asks: Sequence[int]) -> list[int]:
        calls.append(sorted(asks))
        begun.set()
        go_on.wait(10)
        return [ask * 2 for ask in asks]

    together = Together(double)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(together, 0)
        assert begun.wait(10)
        others = [pool.submit(together, number) for number in range(1, 6)]
        while len(together._waiting) < 5:
            pass
        go_on.set()
        assert [each.result(10) for each in [first, *others]] == [0, 2, 4, 6, 8, 10]
    assert calls == [[0], [1, 2, 3, 4, 5]]


def test_a_call_that_fails_fails_for_all_in_it_and_for_nobody_after() -> None:
    def refuse_odd(asks: Sequence[int]) -> list[int]:
        if any(ask % 2 for ask in asks):
            raise ValueError("odd")
        return list(asks)

    together = Together(refuse_odd)
    with pytest.raises(ValueError, match="odd"):
        together(1)
    assert together(2) == 2


def test_ten_thousand_questions_of_eight_threads_are_answered_right() -> None:
    together: Together[int, int] = Together(lambda asks: [ask * 2 for ask in asks])

    def ask(thread: int) -> bool:
        return all(together(number) == number * 2 for number in range(thread, 10_000, 8))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))
