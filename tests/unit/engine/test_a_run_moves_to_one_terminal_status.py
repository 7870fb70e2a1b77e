"""The state machine as a graph."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from andon.adapters.postgres.cancels import marks
from andon.adapters.postgres.duties import ending, hinted
from andon.adapters.postgres.runs import awaiting_children, leases, settle
from andon.engine.states import HELD, MOVES, OPEN, TERMINAL, Status

PAGE = Path(__file__).resolve().parents[3] / "docs" / "state-machine.md"
ROWS = [[cell.strip() for cell in line.strip("| ").split("|")] for line in PAGE.read_text().splitlines() if "→" in line]
VERBS = {
    "awaiting_children": awaiting_children,
    "leases": leases,
    "settle": settle,
    "marks": marks,
    "hinted": hinted,
    "ending": ending,
}


def reachable(start: Status) -> set[Status]:
    """Every status that a run in `start` can come to."""
    seen: set[Status] = set()
    ahead = [start]
    while ahead:
        for status in MOVES[ahead.pop()] - seen:
            seen.add(status)
            ahead.append(status)
    return seen


def test_every_status_has_its_moves() -> None:
    assert set(MOVES) == set(Status)


@pytest.mark.parametrize("status", sorted(TERMINAL))
def test_a_terminal_status_never_changes(status: Status) -> None:
    assert MOVES[status] == frozenset()


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_every_other_status_can_end(status: Status) -> None:
    assert reachable(status) & TERMINAL


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_a_run_that_has_not_ended_can_be_cancelled(status: Status) -> None:
    assert Status.CANCELLED in reachable(status)


def test_an_accepted_cancel_wins() -> None:
    assert MOVES[Status.CANCELLING] == {Status.CANCELLED}


def test_a_run_is_cancelling_whose_code_is_to_stop_or_that_ends_after_its_children() -> None:
    assert {status for status in Status if Status.CANCELLING in MOVES[status]} == OPEN - {Status.CANCELLING}
    assert frozenset({Status.RUNNING, Status.CANCELLING}) == HELD


def test_only_a_running_run_completes_or_fails_but_for_one_that_can_never_start() -> None:
    assert {status for status in Status if Status.COMPLETED in MOVES[status]} == {Status.RUNNING}
    assert {status for status in Status if Status.FAILED in MOVES[status]} == {Status.RUNNING, Status.QUEUED}


def test_the_page_has_every_move_and_no_other() -> None:
    listed = {
        (old.strip(), new.strip())
        for row in ROWS
        for part in row[0].split(";")
        for left, right in [part.split("→")]
        for old, new in product(left.split(","), right.split(","))
    }
    assert listed == {(old.value, new.value) for old in MOVES for new in MOVES[old]}


def test_each_move_on_the_page_names_a_statement_that_is_there() -> None:
    for _, verb, _ in ROWS:
        module, _, name = verb.strip("`").partition(".")
        assert callable(getattr(VERBS[module], name)), verb
