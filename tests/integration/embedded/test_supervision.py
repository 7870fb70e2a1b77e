import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from andon.embedded.children import leftovers
from andon.embedded.children.child import Child
from andon.embedded.children.stopping import StopRequested, StopSignals
from andon.embedded.console import Console
from andon.embedded.dev import MARK, nothing_left, say_what_lasts
from andon.embedded.stores.redis import RedisServer
from andon.embedded.supervisor import Supervisor
from tests.support.polling import wait_until

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf'); time.sleep(600)"
START_A_STRAY = """
import subprocess, sys, time
stray = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("stray", stray.pid)
time.sleep(600)
"""


def child(name: str, code: str, out: io.StringIO, **env: str) -> Child:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
    return Child(name, [sys.executable, "-c", code], environment, Console(out))


def supervise(worker: Child, out: io.StringIO, signals: StopSignals, patience: float = 30) -> Supervisor:
    return Supervisor([worker], [], Console(out), signals, patience)


def said(out: io.StringIO, text: str) -> Callable[[], bool]:
    return lambda: text in out.getvalue()


def test_every_line_stands_under_the_name_of_its_process() -> None:
    out = io.StringIO()
    with supervise(child("worker", "print('one'); print('two'); input()", out), out, StopSignals()):
        wait_until(said(out, "two"))
    assert out.getvalue().startswith("worker     | one\nworker     | two\n")


def test_a_process_that_fails_at_once_is_started_again_later_and_later() -> None:
    out = io.StringIO()
    with supervise(child("worker", "raise SystemExit(3)", out), out, StopSignals()) as supervisor:
        deadline = time.monotonic() + 20
        supervisor.tend_until(lambda: "again in 2 s" in out.getvalue() or time.monotonic() > deadline)
    reports = [line for line in out.getvalue().splitlines() if "ended with exit code 3" in line]
    assert [report.partition("again in ")[2] for report in reports] == ["0.5 s", "1 s", "2 s"]


def test_a_process_that_does_not_stop_in_time_is_killed_and_named() -> None:
    out = io.StringIO()
    with supervise(child("worker", DEAF, out), out, StopSignals(), patience=0.3):
        wait_until(said(out, "deaf"))
    assert "worker did not stop in time and is killed" in out.getvalue()


def test_a_second_signal_ends_the_wait_for_a_process_that_does_not_stop() -> None:
    out = io.StringIO()
    again = threading.Timer(0.5, os.kill, [os.getpid(), signal.SIGINT])
    started_at = time.monotonic()

    def stop_twice(signals: StopSignals) -> None:
        with supervise(child("worker", DEAF, out), out, signals, patience=60):
            wait_until(said(out, "deaf"))
            again.start()
            signal.raise_signal(signal.SIGINT)

    with StopSignals() as signals, pytest.raises(StopRequested):
        stop_twice(signals)
    again.join()
    assert signals.hurry
    assert 0.5 < time.monotonic() - started_at < 55  # the process would be killed after a minute


def test_what_a_process_started_outside_its_group_ends_with_the_system(tmp_path: Path) -> None:
    out = io.StringIO()
    worker = child("worker", START_A_STRAY, out, **{MARK: str(tmp_path)})
    signals = StopSignals()
    with nothing_left(tmp_path, signals), supervise(worker, out, signals):
        wait_until(said(out, "stray"))
        assert len(leftovers.processes_marked(f"{MARK}={tmp_path}")) == 2
    assert leftovers.processes_marked(f"{MARK}={tmp_path}") == []


def test_a_store_that_takes_its_time_to_end_is_named(tmp_path: Path) -> None:
    out = io.StringIO()
    with RedisServer(tmp_path) as redis:
        say_what_lasts([redis], Console(out))
    assert "waiting for redis-server to write" in out.getvalue()
    out.truncate(0)
    say_what_lasts([redis], Console(out))
    assert out.getvalue() == ""
