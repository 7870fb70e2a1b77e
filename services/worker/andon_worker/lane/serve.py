"""A lane's life: get ready, then serve one run after the other until it is thrown away.

`live` is called in a process that was just forked, or by `python -m andon_worker.lane` in one that was started anew.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import random
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from structlog.contextvars import bound_contextvars

from andon.adapters.tracing import start_tracing
from andon.engine.declared.functions import Function
from andon.logs import configure_capture
from andon.settings import Settings
from andon_worker.lane.capture import CaptureHandler, show_lines_at_once
from andon_worker.lane.conversation import Conversation
from andon_worker.lane.files import Artifacts
from andon_worker.lane.progress import SharedProgress
from andon_worker.lane.restoring import Birth
from andon_worker.lane.runs import Runs
from andon_worker.lane.scratch import Scratch
from andon_worker.lane.stopping import Orders, forget_in_children
from andon_worker.lane.terminal import take_terminal
from andon_worker.lane.transactions import Transactions
from andon_worker.linux import end_with_parent, expect_orphans, volunteer_for_oom

if TYPE_CHECKING:
    from andon.adapters.tracing.spans import Tracing

NICE = 5
_OWN = {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT}
_TAKEN_BACK = [each for each in signal.valid_signals() - _OWN if each < getattr(signal, "SIGRTMIN", 64)]
"""Signals whose handlers are no module's to keep."""


@dataclass(frozen=True)
class Ends:
    """A lane's descriptors: its conversation, its orders, the page its progress is written to."""

    talk: int
    orders: int
    progress: int


def live(ends: Ends, functions: Mapping[str, Function], parent: int) -> None:
    """Serve runs; returns when the supervisor lets the lane go in peace."""
    settle_in(parent)
    settings = Settings.from_env(os.environ)
    at_terminal = settings.lanes == 0 and take_terminal(os.environ)
    if at_terminal:
        sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    show_lines_at_once(marked=not at_terminal)
    faulthandler.enable(2, all_threads=False)  # code that dies in C says which line has called it
    library_level = logging.getLevelNamesMapping().get(settings.library_log_level.upper(), logging.WARNING)
    handler = logging.StreamHandler() if at_terminal else CaptureHandler(library_level)
    tracing = start_tracing("worker", os.environ)
    talk, orders = Conversation(socket.socket(fileno=ends.talk)), Orders(socket.socket(fileno=ends.orders))
    forget_in_children(talk.close, orders.inbox.close)
    progress = SharedProgress(ends.progress)
    transactions = Transactions(settings.database_url)
    artifacts = Artifacts(settings.storage_url, settings.artifact_limit_bytes)
    runs = Runs(functions, talk, orders, progress, transactions, artifacts, _observer(tracing))
    scratch, birth = Scratch(), None
    while True:
        header, _ = talk.hear()
        if header["say"] == "retire":
            break
        scratch.enter(header["scratch"])
        birth = birth or Birth()  # with the `TMPDIR` that it mostly keeps: an environment is costly to put back
        configure_capture(settings.log_level, handler)  # the run before may have had loggers its own way
        with tracing.joined(header["traceparent"]) if tracing and header["traceparent"] else nullcontext():
            end, body, left = runs.execute(header)
        if tracing is not None:
            tracing.flush()
        end["litter"] = scratch.leave()
        end["left"] = left or birth.restore()
        talk.tell(end, body)
    if tracing is not None:
        tracing.close()


def settle_in(parent: int) -> None:
    """A process group of its own, the fate of its parent, and no rank before the processes that keep the promises.

    No session of its own: where the kernel shares processors between sessions (autogroups), all lanes would have many
    shares, beside one of whatever keeps the promises, and their niceness would say nothing.
    """
    os.setpgid(0, 0)
    end_with_parent(parent)
    expect_orphans()
    volunteer_for_oom()
    os.nice(NICE)
    for number in _TAKEN_BACK:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    random.seed()


def _observer(tracing: Tracing | None) -> Callable[[str], AbstractContextManager[object]]:
    """What is entered around each attempt at a step: a span, where traces are on."""
    if tracing is None:
        return lambda name: bound_contextvars(step=name)
    traced = tracing
    return lambda name: traced.span(f"step {name}", attributes={"andon.step.id": name})
