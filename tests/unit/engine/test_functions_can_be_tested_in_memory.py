"""`andon.testing`, as a user's own tests use it."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from andon import AsyncStep, CancelOn, Event, RetryAfter, Row, Step, StepError, StepTimeout, Subject, function
from andon.engine.ports import Attempt, CancelCheck, Journal
from andon.engine.states import Status
from andon.testing import CLEANUP_ID, RUN_ID, START, ManualCancelCheck, MemoryJournal, run_function

BAD = function(id="bad", trigger="a/b", retries=0)(lambda event, step: step.run("parse", int, "x"))
REQUEST = Event("report/generation.requested", {"reportId": "r1"})


@function(id="nightly", trigger="report/generation.requested", retries=2)
def nightly(event: Event, step: Step) -> dict[str, Any]:
    def flaky() -> str:
        tried.append("flaky")
        if len(tried) == 1:
            raise RetryAfter(30)
        return "fine"

    step.sleep("night", 3600)
    return {"flaky": step.run("flaky", flaky), "apart": step.run("apart", len, "four")}


tried: list[str] = []


@function(
    id="endless",
    trigger="report/generation.requested",
    cancel_on=[CancelOn("report/generation.cancelled", match="data.reportId")],
)
def endless(event: Event, step: Step) -> None:
    step.run("first", lambda: 1)
    step.run("second", time.sleep, 0.001)
    while True:
        step.run("loop", time.sleep, 0.001)


def test_a_run_is_followed_through_sleeps_and_retries_without_waiting() -> None:
    tried.clear()
    began = time.monotonic()
    ended = run_function(nightly, REQUEST)
    assert (ended.status, ended.output) == (Status.COMPLETED, {"flaky": "fine", "apart": 4})
    assert ended.waited == 3630
    assert {name: memo.status for name, memo in ended.steps.items()} == {
        "night": "completed",
        "flaky": "completed",
        "apart": "completed",
    }
    assert time.monotonic() - began < 600


def test_a_failure_is_shown_with_its_error() -> None:
    failing = function(id="f", trigger="t", retries=1)(lambda event, step: step.run("x", int, "seven"))
    ended = run_function(failing, REQUEST)
    assert ended.status == Status.FAILED
    assert ended.error is not None
    assert "'seven'" in ended.error["message"]
    assert 0.5 <= ended.waited <= 1.0


def test_a_run_can_be_cancelled_before_a_step() -> None:
    ended = run_function(endless, REQUEST, cancel_check=ManualCancelCheck(at_check=3))
    assert ended.status == Status.CANCELLED
    assert list(ended.steps) == ["first", "second"]


def test_a_run_can_be_cancelled_inside_a_step() -> None:
    check = ManualCancelCheck()

    def work() -> None:
        check.cancel()
        while True:
            pass

    stuck = function(id="f", trigger="t")(lambda event, step: step.run("x", work))
    assert run_function(stuck, REQUEST, cancel_check=check).status == Status.CANCELLED


def test_a_run_cancelled_beforehand_runs_no_step() -> None:
    check = ManualCancelCheck()
    check.cancel()
    ended = run_function(endless, REQUEST, cancel_check=check)
    assert (ended.status, ended.steps) == (Status.CANCELLED, {})


def test_a_run_that_never_ends_is_given_up() -> None:
    def sleeper(event: Event, step: Step) -> None:
        for _ in range(100):
            step.sleep("s", 1)

    forever = function(id="f", trigger="t")(sleeper)
    with pytest.raises(RuntimeError, match="'f' suspended more than 10 times"):
        run_function(forever, REQUEST, max_replays=10)


def test_a_transaction_commits_with_its_memo_or_not_at_all() -> None:
    committed: list[str] = []

    @contextmanager
    def session() -> Iterator[list[str]]:
        pending: list[str] = []
        yield pending
        committed.extend(pending)

    def save(rows: list[str], row: str) -> int:
        rows.append(row)
        return len(rows)

    saving = function(id="f", trigger="t")(lambda event, step: step.transaction("save", save, "row"))
    assert run_function(saving, REQUEST, journal=MemoryJournal(session=session)).output == 1
    assert committed == ["row"]
    cancelled = run_function(saving, REQUEST, journal=MemoryJournal(session=session, cancelled=True))
    assert cancelled.status == Status.CANCELLED
    assert (committed, cancelled.steps) == (["row"], {})


def test_the_fakes_have_the_ports_shapes() -> None:
    journal: Journal = MemoryJournal()
    check: CancelCheck = ManualCancelCheck()
    assert journal.complete(Attempt("a", 0), 0.0, "1") is False
    assert check.is_cancelled() is False


def test_a_handler_and_bodies_may_be_async() -> None:
    async def double(number: int) -> int:
        await asyncio.sleep(0)
        return number * 2

    async def handler(event: Event, step: Any) -> list[int]:
        await step.sleep("night", 3600)
        return [await step.run("a", double, 1), await step.run("b", lambda: 3)]

    assert run_function(function(id="f", trigger="t")(handler), REQUEST).output == [2, 3]
    plain = function(id="g", trigger="t")(lambda event, step: step.run("a", double, 4))
    assert run_function(plain, REQUEST).output == 8


@pytest.mark.parametrize("in_handler", [True, False])
def test_async_code_is_cancelled_as_asyncio_cancels(in_handler: bool) -> None:
    check = ManualCancelCheck()
    seen: list[str] = []

    async def work() -> None:
        threading.Timer(0.05, check.cancel).start()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            await asyncio.sleep(0)  # cleaning up may wait
            seen.append("tidied")
            raise

    async def awaits(event: Event, step: Any) -> None:
        await (work() if in_handler else step.run("x", work))

    assert run_function(function(id="f", trigger="t")(awaits), REQUEST, cancel_check=check).status == Status.CANCELLED
    assert seen == ["cancelled", "tidied"]


def test_steps_of_an_async_handler_do_not_overlap() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.01)

    async def handler(event: Event, step: Any) -> None:
        await asyncio.gather(step.run("a", slow), step.run("b", slow))

    ended = run_function(function(id="f", trigger="t", retries=0)(handler), REQUEST)
    assert ended.error is not None
    assert "'b' is called while step 'a' runs" in ended.error["message"]


def endless_body() -> None:
    while True:
        pass


def test_a_time_out_interrupts_the_step_and_is_tried_again() -> None:
    tidied: list[int] = []

    def work() -> None:
        try:
            endless_body()
        finally:
            tidied.append(1)

    timed = function(id="f", trigger="t", retries=1)(lambda event, step: step.run("x", work, timeout=0.05))
    ended = run_function(timed, REQUEST)
    assert ended.status == Status.FAILED
    assert ended.error is not None
    assert ended.error["message"] == "Step 'x' took longer than 0.05 s"
    assert ended.steps["x"].error is not None
    assert ended.steps["x"].error["code"] == "TIMEOUT"
    assert len(tidied) == 2


def test_a_time_out_reaches_a_handler_that_catches_it() -> None:
    def handler(event: Event, step: Step) -> int:
        with pytest.raises(StepTimeout):
            step.run("x", endless_body, timeout=0.05)
        return step.run("y", lambda: 1, timeout=30)

    assert run_function(function(id="f", trigger="t", retries=0)(handler), REQUEST).output == 1


def test_a_step_within_its_time_is_not_disturbed_by_it() -> None:
    quick = function(id="f", trigger="t")(lambda event, step: step.run("x", time.sleep, 0.02, timeout=30))
    assert run_function(quick, REQUEST).status == Status.COMPLETED


VIDEO = Subject(
    "video",
    id="data.videoId",
    row=Row(
        "public.videos",
        active="processing",
        completed="done",
        failed="broken",
        cancelled="stopped",
        error="error",
        at={"active": "started_at", "completed": "finished_at", "cancelled": "finished_at"},
    ),
)


def rendering(handler: Any, **hooks: Any) -> Any:
    return function(id="render", trigger="video/render.requested", subject=VIDEO, retries=0, **hooks)(handler)


RENDER = Event("video/render.requested", {"videoId": 7})
HOUR = dt.timedelta(hours=1)


def test_it_says_what_the_subject_and_the_row_became() -> None:
    ended = run_function(rendering(lambda event, step: step.sleep("night", 3600)), RENDER)
    assert ended.subject == "7"
    assert ended.row == {"status": "done", "error": None, "started_at": START, "finished_at": START + HOUR}
    failed = run_function(rendering(lambda event, step: step.run("x", int, "seven")), RENDER)
    assert failed.row is not None
    assert (failed.row["status"], failed.row["finished_at"]) == ("broken", None)
    assert "'seven'" in failed.row["error"]


def test_an_event_that_names_no_subject_would_start_nothing_and_is_refused() -> None:
    with pytest.raises(ValueError, match=r"names no video: data\.videoId is missing"):
        run_function(rendering(lambda event, step: None), Event("video/render.requested", {"videoId": None}))


def test_on_cancel_runs_afterwards_with_memos_of_its_own() -> None:
    def tidy(event: Event, step: Step) -> Any:
        step.run("first", seen.append, (step.run_id, step.parent_run_id))
        step.sleep("night", 60)
        return event.data["videoId"]

    seen: list[Any] = []
    check = ManualCancelCheck()
    made = rendering(lambda event, step: step.run("first", check.cancel), on_cancel=tidy, on_failure=lambda e, s: 1 / 0)
    ended = run_function(made, RENDER, cancel_check=check)
    assert ended.row is not None
    assert (ended.status, ended.row["status"]) == (Status.CANCELLED, "stopped")
    assert ended.cleanup is not None
    assert (ended.cleanup.status, ended.cleanup.output, ended.cleanup.waited) == (Status.COMPLETED, 7, 60)
    assert seen == [(CLEANUP_ID, RUN_ID)]


def test_on_failure_runs_afterwards_and_its_own_failure_is_shown() -> None:
    async def tidy(event: Event, step: AsyncStep) -> None:
        await step.run("undo", int, "nine")

    ended = run_function(rendering(lambda event, step: 1 / 0, on_cancel=lambda e, s: None, on_failure=tidy), RENDER)
    assert ended.cleanup is not None
    assert (ended.status, ended.cleanup.status) == (Status.FAILED, Status.FAILED)
    assert ended.cleanup.error is not None
    assert "'nine'" in ended.cleanup.error["message"]
    assert run_function(rendering(lambda event, step: 1), RENDER).cleanup is None


@pytest.mark.parametrize("where", ["the function", "its cleanup"])
def test_without_a_session_a_transaction_is_an_error_of_the_test(where: str) -> None:
    def saves(event: Event, step: Step) -> None:
        with suppress(StepError):  # a function that swallows it must not pass either
            step.transaction("save", lambda session: 1)

    made = rendering(saves) if where == "the function" else rendering(lambda event, step: 1 / 0, on_failure=saves)
    with pytest.raises(RuntimeError, match=r"step 'save' of 'render' wants a transaction, and there is no session"):
        run_function(made, RENDER)


def test_how_a_run_ended_is_told_in_a_line() -> None:
    ended = run_function(BAD, Event("a/b", {}))
    error = "ValueError: invalid literal for int() with base 10: 'x'"
    assert repr(ended) == f"Ended(failed, error={error}, steps={{'parse': 'failed'}})"
    assert "output={'sent': 1}" in repr(
        run_function(function(id="good", trigger="a/b")(lambda *_: {"sent": 1}), REQUEST)
    )
