"""`step.run(..., isolate=True)` with real processes: memos, failures, time-outs and cancels as for any step."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from andon import Event, Function, Isolate, Step, function
from andon.engine.states import Status
from andon.testing import Ended, ManualCancelCheck, run_function
from andon_worker.isolation import ProcessIsolation
from tests.polling import wait_until
from tests.unit.isolation import work


def one_step(fn: Callable[..., Any], *args: Any, retries: int = 0, **options: Any) -> Function:
    """A function of one isolated step `x`."""
    return function(id="f", trigger="t", retries=retries)(
        lambda event, step: step.run("x", fn, *args, **{"isolate": True, **options})
    )


def run(isolation: ProcessIsolation, declared: Function, check: ManualCancelCheck | None = None) -> Ended:
    return run_function(declared, Event("t"), isolation=isolation, cancel_check=check)


def test_the_result_is_remembered(isolation: ProcessIsolation) -> None:
    ended = run(isolation, one_step(work.add, 1, second=2))
    assert (ended.output, ended.steps["x"].output) == (3, 3)


def test_a_time_out_ends_the_process_and_is_tried_again(isolation: ProcessIsolation) -> None:
    ended = run(isolation, one_step(work.loop, timeout=0.2, retries=1))
    assert ended.error is not None
    assert ended.error["message"] == "Step 'x' took longer than 0.2 s"
    assert ended.steps["x"].attempt == 2


def test_a_time_out_of_code_that_holds_on_is_one_too(isolation: ProcessIsolation) -> None:
    ended = run(isolation, one_step(work.block_in_c, timeout=0.2, isolate=Isolate(grace=0.1)))
    assert ended.error is not None
    assert ended.error["message"] == "Step 'x' took longer than 0.2 s"


def test_a_process_that_dies_is_tried_again_and_says_how_in_the_end(isolation: ProcessIsolation) -> None:
    ended = run(isolation, one_step(work.die, "exit", retries=1))
    assert ended.error is not None
    assert "The process of step 'x' ended with exit code 3" in ended.error["message"]
    assert ended.steps["x"].attempt == 2


@pytest.mark.parametrize(
    ("fn", "args", "words"),
    [(print, (threading.Lock(),), "can't be sent there"), (work.not_json, (), "not JSON")],
)
def test_what_cannot_cross_fails_the_step_at_once(
    isolation: ProcessIsolation, fn: Callable[..., Any], args: tuple[Any, ...], words: str
) -> None:
    ended = run(isolation, one_step(fn, *args, retries=5))
    assert ended.error is not None
    assert words in ended.error["message"]
    assert ended.steps["x"].attempt == 1


def test_an_error_shows_the_childs_traceback(isolation: ProcessIsolation) -> None:
    ended = run(isolation, one_step(work.fail, "value"))
    assert ended.error is not None
    assert ended.error["type"] == "ValueError"
    assert "raise errors[kind]" in ended.error["traceback"]


@pytest.mark.parametrize("fn", [work.loop, work.block_in_c])
def test_a_cancel_ends_python_code_and_c_code_alike(
    isolation: ProcessIsolation, tmp_path: Path, fn: Callable[..., Any]
) -> None:
    started, check = tmp_path / "started", ManualCancelCheck()

    def handler(event: Event, step: Step) -> None:
        step.run("x", fn, str(started), isolate=Isolate(grace=0.1))

    cancelled_at: list[float] = []

    def cancel() -> None:
        wait_until(started.exists)
        cancelled_at.append(time.monotonic())
        check.cancel()

    threading.Thread(target=cancel, daemon=True).start()
    ended = run(isolation, function(id="f", trigger="t", retries=5)(handler), check)
    assert (ended.status, ended.steps) == (Status.CANCELLED, {})
    assert time.monotonic() - cancelled_at[0] < 1.0
