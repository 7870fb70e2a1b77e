"""A cancel may come at any bytecode: the body ends, and what comes after it finds nothing broken."""

from __future__ import annotations

import ctypes
import gc
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from andon.reports import NoControl, ReportOptions
from andon_worker.hybrid_report import SECTIONS, make_document, render_html, render_pdf, synthetic
from tests.support.polling import PATIENCE

pytestmark = [
    # An exception between the opening of a file and its `with` leaves the closing to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    # This host has no handshake as the engine has: an exception may still be on its way when the body has ended.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


@pytest.fixture(autouse=True)
def nothing_is_said_of_what_cannot_be_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in a destructor is reported by Python code in the body's thread, which the next one interrupts."""
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)


class Stop(BaseException):
    """What the engine raises in a body: no Exception."""


class Interruptible(NoControl):
    """Collects the callbacks that are in force, as the engine's step does."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[], object]] = []

    def interrupt_with(self, callback: Callable[[], object]) -> AbstractContextManager[object]:
        @contextmanager
        def registered() -> Iterator[None]:
            self.callbacks.append(callback)
            try:
                yield
            finally:
                self.callbacks.remove(callback)

        return registered()


def cancelled_after(seconds: float, body: Callable[[Interruptible], object]) -> bool:
    """Whether a body that is interrupted again and again from so early on was cut off, and how soon it ended."""
    control, outcome, begun = Interruptible(), [], threading.Event()

    def host() -> None:
        try:
            begun.set()
            body(control)
            outcome.append(False)
        except BaseException:
            outcome.append(True)

    thread = threading.Thread(target=host)
    thread.start()
    begun.wait()
    time.sleep(seconds)
    deadline = time.monotonic() + PATIENCE
    while thread.is_alive() and time.monotonic() < deadline:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(Stop))
        for callback in list(control.callbacks):
            callback()
        thread.join(0.02)
    assert not thread.is_alive()
    gc.collect()
    return outcome != [False]


TIMES = 5
MOST_TRIES = 30


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "orders.parquet"
    synthetic(200_000, path)
    return path


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_that_is_cut_off_can_be_computed_again(orders: Path, name: str) -> None:
    deep, shallow = ReportOptions(resamples=100_000), ReportOptions(resamples=10)
    expected = SECTIONS[name].compute(orders, shallow, NoControl())
    moments = random.Random(name)
    cut = 0
    for number in range(MOST_TRIES):  # where this thread is woken late, a quick section may have ended
        latest = 0.03 * 0.7 ** max(0, number - TIMES)
        cut += cancelled_after(
            moments.uniform(0, latest), lambda control: SECTIONS[name].compute(orders, deep, control)
        )
        if cut == TIMES:
            break
    assert cut
    assert SECTIONS[name].compute(orders, shallow, NoControl()) == expected
    # A cancel that hits the cleaning up leaves that to whoever removes the scratch folder, but no data in it.
    left = [path for path in orders.parent.rglob("*") if path.is_file() and path.suffix != ".survey"]
    assert left == [orders]


def test_rendering_that_is_cut_off_can_be_done_again(orders: Path, tmp_path: Path) -> None:
    options = ReportOptions(resamples=10)
    results: dict[str, Any] = {
        name: section.compute(orders, options, NoControl()) for name, section in SECTIONS.items()
    }
    document = make_document("Orders", {"name": "orders"}, options, results, "2024-01-01T00:00:00+00:00")
    assert cancelled_after(0.03, lambda control: render_pdf(document, tmp_path / "report.pdf", control))
    render_pdf(document, tmp_path / "report.pdf")
    render_html(document, tmp_path / "report.html")
    assert (tmp_path / "report.pdf").read_bytes().rstrip().endswith(b"%%EOF")
