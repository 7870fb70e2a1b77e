"""Cancelling: between steps, in a step, and whatever the code does about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from andon import Cancelled, Event, Step, StepError
from andon.engine.errors import Interrupted
from andon.engine.execution import Completed, Stopped
from andon.engine.stops import Cause
from tests.support.polling import PATIENCE, wait_until
from tests.unit.engine.conftest import Run

CANCELLED, HANDED_OVER, LOST = Stopped(Cause.CANCELLED), Stopped(Cause.HAND_OVER), Stopped(Cause.LEASE_LOST)


@pytest.fixture
def soon(run: Run) -> Callable[..., threading.Event]:
    """Arranges for the run to be stopped from another thread as soon as the returned event is set."""

    def arrange(cause: Cause = Cause.CANCELLED, *, hurry: bool = True) -> threading.Event:
        started = threading.Event()

        def stop() -> None:
            assert started.wait(PATIENCE)
            (run.order if hurry else run.stop.order)(cause)

        threading.Thread(target=stop, daemon=True).start()
        return started

    return arrange


def spin(started: threading.Event) -> None:
    """Python code without end."""
    started.set()
    while True:
        pass


def spin_for(seconds: float, started: threading.Event | None = None) -> str:
    if started is not None:
        started.set()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return "done"


# --- between steps ----------------------------------------------------------------------------------------------


def test_a_run_cancelled_between_steps_runs_no_further_step(run: Run) -> None:
    calls: list[str] = []

    def handler(event: Event, step: Step) -> None:
        step.run("first", calls.append, "first")
        run.flag.cancel()
        step.run("second", calls.append, "second")

    assert run.go(handler) == CANCELLED
    assert calls == ["first"]
    assert run.statuses() == {"first": "completed"}


def test_a_run_cancelled_before_it_starts_runs_nothing(run: Run) -> None:
    calls: list[str] = []
    run.order(Cause.CANCELLED)
    assert run.go(lambda event, step: calls.append("ran")) == CANCELLED
    assert calls == []


def test_a_cancel_that_the_journal_reports_stops_the_run_and_nothing_is_kept(run: Run) -> None:
    run.journal.cancelled = True

    def handler(event: Event, step: Step) -> None:
        step.run("first", lambda: 1)
        step.run("second", lambda: 2)

    assert run.go(handler) == CANCELLED
    assert run.statuses() == {}


def test_check_raises_in_a_loop_of_the_handler(run: Run) -> None:
    rounds: list[int] = []

    def handler(event: Event, step: Step) -> None:
        for number in range(1_000):
            rounds.append(number)
            if number == 3:
                run.flag.cancel()
            step.check()

    assert run.go(handler) == CANCELLED
    assert rounds == [0, 1, 2, 3]


def test_a_cancelled_sleep_is_not_slept(run: Run) -> None:
    run.flag.cancel()
    assert run.go(lambda event, step: step.sleep("night", 3600)) == CANCELLED
    assert run.statuses() == {}


# --- in a step --------------------------------------------------------------------------------------------------


def test_python_code_in_a_step_is_interrupted_at_once(run: Run, soon: Callable[..., threading.Event]) -> None:
    assert run.go(lambda event, step: step.run("x", spin, soon())) == CANCELLED
    assert run.statuses() == {}


def test_check_raises_cancelled_in_a_loop_of_a_step(run: Run) -> None:
    seen: list[StepError] = []

    def body(step: Step) -> None:
        run.stop.order(Cause.CANCELLED)
        while True:
            try:
                step.check()
            except StepError as error:
                seen.append(error)
                raise

    assert run.go(lambda event, step: step.run("x", body, step)) == CANCELLED
    assert (seen[0].code, seen[0].step) == ("CANCELLED", "x")


def test_a_broad_handler_in_a_step_does_not_eat_the_interrupt(run: Run, soon: Callable[..., threading.Event]) -> None:
    started = soon()
    eaten: list[Exception] = []

    def body() -> None:
        while True:
            try:
                spin(started)
            except Exception as error:
                eaten.append(error)

    assert run.go(lambda event, step: step.run("x", body)) == CANCELLED
    assert eaten == []


def test_a_step_is_interrupted_once_and_never_in_its_finally(run: Run, soon: Callable[..., threading.Event]) -> None:
    started = soon()
    tidied: list[str] = []

    def body() -> None:
        try:
            spin(started)
        finally:
            for _ in range(3):
                run.stop.nudge()
                spin_for(0.01)
            tidied.append("all of it")

    assert run.go(lambda event, step: step.run("x", body)) == CANCELLED
    assert tidied == ["all of it"]


def test_the_result_of_a_step_that_swallows_every_interrupt_is_not_kept(
    run: Run, soon: Callable[..., threading.Event]
) -> None:
    started = soon()

    def body() -> str:
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            with suppress(BaseException):
                spin_for(0.2, started)
        return "result"

    assert run.go(lambda event, step: step.run("x", body)) == CANCELLED
    assert run.statuses() == {}


def test_any_error_of_a_step_after_a_cancel_means_the_cancel(run: Run, soon: Callable[..., threading.Event]) -> None:
    started = soon()
    run.retries = 5

    def body() -> None:
        try:
            spin(started)
        except BaseException:
            raise ConnectionError("another command is already in progress") from None

    assert run.go(lambda event, step: step.run("x", body)) == CANCELLED
    assert run.statuses() == {}


def test_a_callback_ends_a_blocking_call_and_is_repeated_until_the_step_ends(
    run: Run, soon: Callable[..., threading.Event]
) -> None:
    started = soon()
    released = threading.Event()
    calls: list[int] = []

    def interrupt() -> None:
        calls.append(threading.get_ident())
        if len(calls) == 3:  # as with DuckDB: one that comes before the query begins is forgotten
            released.set()

    def body(step: Step) -> None:
        with step.interrupt_with(interrupt):
            started.set()
            while not released.is_set():
                with suppress(Interrupted):
                    released.wait(20)

    began = time.monotonic()
    assert run.go(lambda event, step: step.run("x", body, step)) == CANCELLED
    assert time.monotonic() - began < 10
    assert len(calls) >= 3
    assert threading.get_ident() not in calls


def test_a_query_does_not_begin_when_the_run_is_cancelled_already(run: Run) -> None:
    begun: list[str] = []
    stopped = threading.Event()

    def body(step: Step) -> None:
        with suppress(BaseException):
            run.order(Cause.CANCELLED)
            stopped.wait(0.2)
        with step.interrupt_with(lambda: None):
            begun.append("query")

    assert run.go(lambda event, step: step.run("x", body, step)) == CANCELLED
    assert begun == []


# --- what a handler does about it -------------------------------------------------------------------------------


def test_a_handler_that_catches_cancelled_and_returns_is_cancelled_all_the_same(run: Run) -> None:
    def handler(event: Event, step: Step) -> str:
        run.flag.cancel()
        with pytest.raises(Cancelled) as caught:
            step.run("x", lambda: 1)
        return caught.value.code

    assert run.go(handler) == CANCELLED


def test_every_later_call_raises_again(run: Run, soon: Callable[..., threading.Event]) -> None:
    started = soon()
    raised: list[str] = []

    def handler(event: Event, step: Step) -> None:
        later: list[Callable[[], Any]] = [
            lambda: step.run("a", spin, started),
            lambda: step.run("b", lambda: 1),
            lambda: step.sleep("c", 1),
            lambda: step.transaction("d", lambda session: 1),
            step.check,
        ]
        for call in later:
            try:
                call()
            except Exception as error:
                raised.append(type(error).__name__)

    assert run.go(handler) == CANCELLED
    assert raised == ["Cancelled"] * 5
    assert run.statuses() == {}


def test_an_error_that_the_handler_makes_of_it_is_not_a_failure(run: Run) -> None:
    def handler(event: Event, step: Step) -> None:
        run.flag.cancel()
        try:
            step.run("x", lambda: 1)
        except StepError as error:
            raise ValueError("report failed") from error

    assert run.go(handler) == CANCELLED


def test_a_cancelled_step_is_recalled_as_nothing_in_a_later_turn(
    run: Run, soon: Callable[..., threading.Event]
) -> None:
    assert run.go(lambda event, step: step.run("x", spin, soon())) == CANCELLED
    run.new_stop()
    assert run.go(lambda event, step: step.run("x", lambda: "fresh")) == Completed('"fresh"')


# --- hand-over and lost leases ----------------------------------------------------------------------------------


def test_a_hand_over_lets_the_step_reach_its_boundary_and_keeps_its_result(
    run: Run, soon: Callable[..., threading.Event]
) -> None:
    started = soon(Cause.HAND_OVER, hurry=False)
    calls: list[str] = []

    def handler(event: Event, step: Step) -> None:
        step.run("first", spin_for, 0.2, started)
        step.run("second", calls.append, "second")

    assert run.go(handler) == HANDED_OVER
    assert run.statuses() == {"first": "completed"}
    assert calls == []


def test_a_hand_over_in_a_hurry_interrupts_the_step_and_counts_no_attempt(
    run: Run, soon: Callable[..., threading.Event]
) -> None:
    assert run.go(lambda event, step: step.run("x", spin, soon(Cause.HAND_OVER))) == HANDED_OVER
    assert run.statuses() == {}


def test_a_handler_that_catches_everything_is_handed_over_all_the_same(run: Run) -> None:
    def handler(event: Event, step: Step) -> None:
        run.stop.order(Cause.HAND_OVER)
        with suppress(Exception):
            step.run("x", lambda: 1)

    assert run.go(handler) == HANDED_OVER


def test_a_cancel_wins_over_a_hand_over(run: Run, soon: Callable[..., threading.Event]) -> None:
    run.stop.order(Cause.HAND_OVER)
    run.order(Cause.CANCELLED)
    run.order(Cause.HAND_OVER)
    assert run.go(lambda event, step: step.run("x", lambda: 1)) == CANCELLED


def test_a_lost_lease_wins_over_everything(run: Run, soon: Callable[..., threading.Event]) -> None:
    run.order(Cause.CANCELLED)
    started = soon(Cause.LEASE_LOST)
    started.set()
    wait_until(lambda: run.stop.cause == Cause.LEASE_LOST)
    run.order(Cause.CANCELLED)
    assert run.go(lambda event, step: 1) == LOST


def test_a_step_whose_lease_is_lost_is_interrupted(run: Run, soon: Callable[..., threading.Event]) -> None:
    assert run.go(lambda event, step: step.run("x", spin, soon(Cause.LEASE_LOST))) == LOST
    assert run.statuses() == {}


def test_a_journal_that_finds_the_lease_lost_ends_the_turn(run: Run) -> None:
    run.journal.lost = True
    calls: list[str] = []

    def handler(event: Event, step: Step) -> None:
        with suppress(Exception):
            step.run("x", lambda: 1)
        calls.append("went on")

    assert run.go(handler) == LOST
    assert calls == []
