"""Andon's functions of five kinds of work that take minutes, each written as anybody would."""

from __future__ import annotations

import os
import time

from andon import CancelOn, Event, Step, function
from benchmarks.work import marks

CANCEL = [CancelOn("bench/cancelled", match="data.slot")]


@function(id="bench-sleep", trigger="bench/sleep", cancel_on=CANCEL, retries=0)
def sleep(event: Event, step: Step) -> None:
    """One blocking call."""
    step.run("sleep", _sleep, event.data["slot"])


@function(id="bench-sleep-here", trigger="bench/sleep-here", cancel_on=CANCEL, retries=0)
def sleep_here(event: Event, step: Step) -> None:
    """The same in the worker's own process, which wakes it."""
    step.run("sleep", _sleep, event.data["slot"])


@function(id="bench-query", trigger="bench/query", cancel_on=CANCEL, retries=0)
def query(event: Event, step: Step) -> None:
    """One database query that its connection can interrupt."""
    step.run("query", _query, event.data["slot"], step)


@function(id="bench-product", trigger="bench/product", cancel_on=CANCEL, retries=0)
def product(event: Event, step: Step) -> None:
    """One call into C that nothing can interrupt."""
    step.run("product", _product, event.data["slot"], grace=0.1)


@function(id="bench-busy", trigger="bench/busy", cancel_on=CANCEL, retries=0)
def busy(event: Event, step: Step) -> None:
    """A Python loop that never waits."""
    step.run("busy", _busy, event.data["slot"])


def _sleep(slot: int) -> None:
    marks().did(slot, os.getpid())
    time.sleep(600)


def _query(slot: int, step: Step) -> None:
    import duckdb

    pairs = "SELECT count(*) FROM range(100_000_000) a (x), range(1_000) b (y) WHERE (x + y) % 7 = 0"
    with duckdb.connect(config={"threads": 1}) as connection, step.interrupt_with(connection.interrupt):
        marks().did(slot)
        connection.execute(pairs).fetchone()


def _product(slot: int) -> None:
    import numpy

    matrix = numpy.ones((5_000, 5_000), dtype="int64")  # of integers: one thread, no BLAS, minutes
    marks().did(slot, os.getpid())
    matrix @ matrix


def _busy(slot: int) -> None:
    while True:
        marks().did(slot)
