"""The waterfall: every bar lies on the scale, the step under way grows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from andon_api.console import show
from andon_api.console.timeline import WIDTH, bars

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def step(id: str, start: float, end: float | None, status: str = "completed") -> dict[str, Any]:
    return {
        "id": id,
        "status": status,
        "attempt": 1,
        "started_at": at(start),
        "ended_at": None if end is None else at(end),
        "error": None,
    }


def run(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {"status": "running"} | {
        "queued_at": START,
        "started_at": START,
        "ended_at": None,
        "current_step": None,
        "step_started_at": None,
    }
    return {**base, "steps": list(steps), **changes}


def test_bars_start_and_end_where_their_steps_did() -> None:
    first, second = bars(run(step("a", 0, 5), step("b", 5, 10), ended_at=at(10)), at(99))
    assert (first.left, first.width, second.left, second.width) == (0, WIDTH / 2, WIDTH / 2, WIDTH / 2)


def test_the_step_under_way_is_shown_up_to_now() -> None:
    found = bars(run(step("a", 0, 5), current_step="b", step_started_at=at(5)), at(20))
    assert [(each.step["id"], each.step["status"], each.seconds) for each in found] == [
        ("a", "completed", 5),
        ("b", "running", 15),
    ]


def test_a_step_that_is_tried_again_is_one_bar_with_its_next_attempt() -> None:
    [only] = bars(run(step("a", 0, 1, "retrying"), current_step="a", step_started_at=at(2)), at(3))
    assert (only.step["status"], only.step["attempt"]) == ("running", 2)


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_run_that_has_stopped_shows_the_step_that_it_stopped_in(status: str) -> None:
    ended = {"status": status, "ended_at": at(7), "current_step": "b", "step_started_at": at(5)}
    found = bars(run(step("a", 0, 5), **ended), at(99))
    assert [(each.step["id"], each.step["status"], each.seconds) for each in found] == [
        ("a", "completed", 5),
        ("b", status, 2),
    ]
    [recorded] = bars(run(step("b", 5, 6, "failed"), **ended), at(99))
    assert (recorded.step["status"], recorded.step["attempt"], recorded.seconds) == ("failed", 1, 1)


def test_an_instant_is_still_seen_within_the_scale() -> None:
    *_, last = bars(run(step("a", 0, 10), step("b", 10, 10), ended_at=at(10)), at(10))
    assert last.width > 0
    assert last.left + last.width <= WIDTH


def test_times_and_sizes_read_as_people_say_them() -> None:
    assert [show.duration(each) for each in (0.065, 3.52, 75, 3_725)] == ["65 ms", "3.5 s", "1 min 15 s", "1 h 02 min"]
    assert [show.ago(START, at(each)) for each in (1, 59, 60, 7_300)] == [
        "just now",
        "59 seconds ago",
        "1 minute ago",
        "2 hours ago",
    ]
    assert [show.size(each) for each in (5, 1_500, 223_602, 2_000_000_000)] == ["5 bytes", "1.5 KB", "224 KB", "2.0 GB"]
