"""An error as it is kept: which calls are the author's own, the line that failed, and everything said once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from andon import Event, Step, StepError, function
from andon.engine.errors import Interrupted
from andon.engine.execution import _where
from andon.engine.memos import describe
from andon.engine.stops import Cause
from andon.engine.tracebacks import frames_of_crash, threads_at
from andon.testing import run_function
from tests.support.polling import wait_until


def broken(text: str) -> Any:
    return json.loads(text)


@function(id="reads", trigger="a/b", retries=0)
def reads(event: Event, step: Step) -> None:
    step.run("parse", broken, "{")


@function(id="reads-on", trigger="a/b", retries=0)
def reads_on(event: Event, step: Step) -> None:
    try:
        step.run("parse", broken, "{")
    except StepError as error:
        raise RuntimeError("no use") from error


def failing(body: Callable[[], None]) -> Any:
    return function(id="fails", trigger="a/b", retries=0)(lambda event, step: step.run("fail", body))


def test_own_calls_are_told_from_the_engines_and_the_librarys() -> None:
    result = run_function(reads, Event("a/b"))
    error = result.error
    assert error is not None
    own = [(each["function"], each["source"]) for each in error["frames"] if each["own"]]
    assert own == [("broken", "return json.loads(text)")]
    assert {each["own"] for each in error["frames"] if each["function"] == "raw_decode"} == {False}
    assert error["frames"][0]["file"].endswith(".py")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("andon_worker.supervisor.endings", "supervisor/endings.py"),
        ("andon_worker.nursery.forking", "nursery/forking.py"),
        ("__main__", "nursery/__main__.py"),
        ("__main__", "__main__.py"),
    ],
)
def test_processes_of_andon_that_are_imported_from_a_checkout_are_no_own_code(name: str, file: str) -> None:
    calls: dict[str, Any] = {"__name__": name}
    exec(compile("def fail(): raise ValueError", f"/src/andon_worker/{file}", "exec"), calls)
    with pytest.raises(ValueError) as raised:
        calls["fail"]()
    assert {each["function"]: each["own"] for each in describe(raised.value)["frames"]}["fail"] is False


def test_what_is_no_json_names_the_step_or_the_function() -> None:
    @function(id="returns-a-set", trigger="a/b", retries=0)
    def returns_a_set(event: Event, step: Step) -> Any:
        return {1}

    error = run_function(returns_a_set, Event("a/b")).error
    assert error is not None
    assert error["message"].startswith("The function returned set, which is not JSON")
    assert error.get("step") is None


def test_the_type_is_said_once() -> None:
    error = run_function(reads, Event("a/b")).error
    assert error is not None
    assert (error["type"], error["step"]) == ("JSONDecodeError", "parse")
    assert not error["message"].startswith("JSONDecodeError")


def test_what_the_handler_raises_instead_is_the_error() -> None:
    error = run_function(reads_on, Event("a/b")).error
    assert error is not None
    assert (error["type"], error["message"]) == ("RuntimeError", "no use")


def test_what_an_error_came_of_is_told_where_it_says_more() -> None:
    rates: dict[str, int] = {}

    def fails() -> None:
        try:
            rates["rate"]
        except KeyError as error:
            raise RuntimeError("no rate") from error

    def fails_twice() -> None:
        raise ExceptionGroup("both", [ValueError("a"), OSError("b")])

    def says_it_again() -> None:
        try:
            raise ValueError("refused")
        except ValueError as error:
            raise RuntimeError(f"(driver) {error}") from error

    told = [run_function(failing(each), Event("a/b")).error or {} for each in (fails, fails_twice, says_it_again)]
    causes = [[(each["type"], each["message"]) for each in error.get("causes", [])] for error in told]
    assert causes == [[("KeyError", "'rate'")], [("ValueError", "a"), ("OSError", "b")], []]
    assert told[0]["causes"][0]["at"].endswith('in fails: rates["rate"]')


def test_a_time_out_tells_where_it_struck() -> None:
    def slow() -> None:
        raise Interrupted

    error = RuntimeError("outer")
    try:
        slow()
    except BaseException as struck:
        error.__context__ = struck
    where = _where(error, Cause.TIMEOUT)
    assert [each["function"] for each in where["frames"] if each["own"]][-1] == "slow"
    assert _where(error, Cause.CANCELLED) == {}


def test_a_time_out_tells_where_the_codes_other_threads_were() -> None:
    mine, others, holds = threading.Lock(), threading.Lock(), threading.Event()

    def takes_both() -> None:
        with others:
            holds.set()
            with mine:
                pass

    with mine:
        thread = threading.Thread(target=takes_both, name="loader")
        thread.start()
        holds.wait()
        wait_until(lambda: threads_at()[0]["at"].endswith("in takes_both: with mine:"))
        where = _where(Interrupted(), Cause.TIMEOUT)
    thread.join()
    [told] = where["threads"]
    assert (told["name"], Path(__file__).name in told["at"]) == ("loader", True)
    assert "threads" not in _where(Interrupted(), Cause.TIMEOUT)


def test_a_deep_recursion_keeps_so_many_calls_and_no_more() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as raised:
        deeper()
    assert len(describe(raised.value)["frames"]) == 40


@function(id="hands-on", trigger="a/b", retries=0)
def hands_on(event: Event, step: Step) -> None:
    step.run("parse", json.loads, "{")


def test_where_the_step_is_a_librarys_function_its_call_is_shown() -> None:
    error = run_function(hands_on, Event("a/b")).error
    assert error is not None
    [own] = [each for each in error["frames"] if each["own"]]
    assert (own["function"], own["source"]) == ("hands_on", 'step.run("parse", json.loads, "{")')


def test_a_crash_in_c_is_at_the_own_line_that_called_it(tmp_path: Path) -> None:
    body = "import ctypes, faulthandler\nfaulthandler.enable(2)\ndef crash():\n    ctypes.string_at(8)\ncrash()\n"
    (file := tmp_path / "orders.py").write_text(body)
    died = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGSEGV
    own = [each for each in frames_of_crash("before\n" + died.stderr) if each["own"]]
    assert [(each["line"], each["function"]) for each in own] == [(5, "<module>"), (4, "crash")]
    assert own[-1]["source"] == "ctypes.string_at(8)"
    assert frames_of_crash('  File "orders.py", line 4 in crash') == []
