"""The work itself, the same code for each contender. Standard library only: it runs in every environment."""

from __future__ import annotations

import time
from functools import cache

from benchmarks.marks import Marks

LOOP_SECONDS = 30.0
BLOCKING_SECONDS = 20.0


@cache
def marks() -> Marks:
    """This process's view of the slots."""
    return Marks()


def step(slot: int, number: int, seconds: float) -> int:
    """One step: blocks for `seconds` in one call, or does nothing."""
    marks().did(slot, number)
    if seconds:
        time.sleep(seconds)
        marks().did(slot, number)
    return number


def talk(slot: int, number: int, lines: int) -> int:
    """One step that says something and does nothing."""
    marks().did(slot, number)
    for line in range(lines):
        print(f"line {line} of step {number}: some words such as people print")
    return number


def loop(slot: int) -> int:
    """A long Python loop."""
    ends = time.monotonic() + LOOP_SECONDS
    while time.monotonic() < ends:
        marks().did(slot)
        time.sleep(0.01)
    return slot


def blocking(slot: int) -> int:
    """One blocking call."""
    marks().did(slot)
    time.sleep(BLOCKING_SECONDS)
    marks().done(slot)
    return slot
