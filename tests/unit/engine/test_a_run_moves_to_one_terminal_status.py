"""The state machine as a graph."""

from __future__ import annotations

import pytest

from andon.engine.states import HELD, MOVES, TERMINAL, Status


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


def test_a_run_that_is_held_is_cancelled_only_after_its_code_has_stopped() -> None:
    assert Status.CANCELLED not in MOVES[Status.RUNNING]
    assert {status for status in Status if Status.CANCELLING in MOVES[status]} == {Status.RUNNING}
    assert frozenset({Status.RUNNING, Status.CANCELLING}) == HELD


def test_only_a_running_run_completes() -> None:
    assert {status for status in Status if Status.COMPLETED in MOVES[status]} == {Status.RUNNING}
