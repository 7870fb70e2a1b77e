"""Whatever a child does, an interrupt ends it: at once, or when the grace is over."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from andon.engine.errors import Interrupted
from andon.engine.stops import Cause
from andon_worker.isolation import ProcessDied, ProcessIsolation
from tests.polling import wait_until
from tests.unit.isolation import work
from tests.unit.isolation.conftest import Caller

GRACE = 0.3
PROMPT = 1.0


@pytest.fixture
def started(tmp_path: Path) -> Path:
    """A file that the call makes when it has begun."""
    return tmp_path / "started"


@pytest.mark.parametrize(("fn", "args"), [(work.sleep_for, (600,)), (work.loop, ())])
def test_python_code_and_sleeps_end_at_once(
    call: Caller, started: Path, fn: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    ending, stop = call.later(fn, *args, str(started), grace=60.0)
    wait_until(started.exists)
    began = time.monotonic()
    stop.set(Cause.CANCELLED)
    with pytest.raises(Interrupted):
        ending.result(timeout=10)
    assert time.monotonic() - began < PROMPT


@pytest.mark.parametrize("fn", [work.block_in_c, work.swallow, work.ignore_termination])
def test_code_that_holds_on_is_killed_after_the_grace(call: Caller, started: Path, fn: Callable[..., Any]) -> None:
    ending, stop = call.later(fn, str(started), grace=GRACE)
    wait_until(started.exists)
    began = time.monotonic()
    stop.set(Cause.CANCELLED)
    with pytest.raises(ProcessDied, match="SIGKILL"):
        ending.result(timeout=10)
    assert GRACE <= time.monotonic() - began < GRACE + PROMPT


def test_without_a_grace_it_is_killed_at_once(call: Caller, started: Path) -> None:
    ending, stop = call.later(work.block_in_c, str(started), grace=0.0)
    wait_until(started.exists)
    began = time.monotonic()
    stop.set(Cause.CANCELLED)
    with pytest.raises(ProcessDied, match="SIGKILL"):
        ending.result(timeout=10)
    assert time.monotonic() - began < PROMPT


def test_a_step_tidies_up_within_the_grace(call: Caller, started: Path, tmp_path: Path) -> None:
    tidied = tmp_path / "tidied"
    ending, stop = call.later(work.tidy_up, str(started), str(tidied), 0.2, grace=20.0)
    wait_until(started.exists)
    stop.set(Cause.CANCELLED)
    with pytest.raises(Interrupted):
        ending.result(timeout=10)
    assert tidied.read_text() == "tidied"


def test_a_stop_that_came_first_ends_the_call_as_it_begins(call: Caller, started: Path) -> None:
    stop = call.stop_signal()
    stop.set(Cause.CANCELLED)
    with pytest.raises((Interrupted, ProcessDied)):
        call(work.sleep_for, 600, stop=stop)


def test_a_child_that_still_loads_its_modules_ends_too() -> None:
    isolation = ProcessIsolation([], spares=0)
    call = Caller(isolation)
    call.interrupter.start()
    try:
        ending, stop = call.later(work.length, bytes(50_000_000), grace=60.0)
        wait_until(lambda: stop.target is not None)
        stop.set(Cause.CANCELLED)
        with pytest.raises((Interrupted, ProcessDied)):
            ending.result(timeout=5)
    finally:
        call.interrupter.close()
        isolation.close()
        call.threads.shutdown()


def test_a_time_out_interrupts_and_is_marked(call: Caller) -> None:
    call(work.process_id)  # so that the time-out meets the step, not a process that still loads its modules
    stop = call.stop_signal()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        call(work.loop, timeout=0.2, stop=stop)
    assert 0.2 <= time.monotonic() - began < 0.2 + PROMPT
    assert stop.timed_out is not None


def test_an_interrupted_child_serves_no_other_call(call: Caller, started: Path) -> None:
    before = call(work.process_id)
    ending, stop = call.later(work.sleep_for, 600, str(started))
    wait_until(started.exists)
    stop.set(Cause.CANCELLED)
    with pytest.raises(Interrupted):
        ending.result(timeout=10)
    assert call(work.process_id) != before
    wait_until(lambda: not psutil.pid_exists(before))


def test_what_a_step_has_started_dies_with_it(call: Caller, started: Path) -> None:
    hour = [sys.executable, "-c", "import time; time.sleep(3600)"]
    ending, stop = call.later(work.start_another, str(started), hour, grace=0.1)
    wait_until(started.exists)
    grandchild = int(started.read_text())
    assert psutil.pid_exists(grandchild)
    began = time.monotonic()
    stop.set(Cause.CANCELLED)
    with pytest.raises(ProcessDied):
        ending.result(timeout=10)
    assert time.monotonic() - began < 0.1 + PROMPT
    wait_until(lambda: is_gone(grandchild))


def is_gone(pid: int) -> bool:
    """Whether a process runs no more; one that nobody has reaped yet counts as gone."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
