"""The waterfall: every bar lies on the scale, the attempt under way grows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from andon_api.console.parts import show
from andon_api.console.parts.timeline import WIDTH, lanes

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def attempt(number: int, start: float, end: float | None, status: str = "failed") -> dict[str, Any]:
    return {"attempt": number, "status": status, "started_at": at(start), "ended_at": None if end is None else at(end)}


def lane(*attempts: dict[str, Any], status: str = "completed", id: str | None = "a") -> dict[str, Any]:
    return {"id": id, "status": status, "attempt": len(attempts), "attempts": list(attempts)}


def run(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    base = {"status": "running", "queued_at": START, "started_at": START, "ended_at": None}
    return {**base, "steps": list(steps), **changes}


def test_bars_start_and_end_where_their_attempts_did() -> None:
    first, second = lanes(
        run(lane(attempt(1, 0, 5, "completed")), lane(attempt(1, 5, 10, "completed"), id="b"), ended_at=at(10)), at(99)
    )
    assert [(bar.left, bar.width) for each in (first, second) for bar in each.bars] == [(0, 500), (500, 500)]


def test_each_attempt_has_a_bar_and_each_wait_between_a_gap() -> None:
    tried = lane(attempt(1, 0, 1), attempt(2, 3, 4), attempt(3, 8, 10, "completed"))
    [only] = lanes(run(tried, ended_at=at(10)), at(99))
    assert [(bar.status, bar.seconds) for bar in only.bars] == [
        ("failed", 1),
        ("gap", 2),
        ("failed", 1),
        ("gap", 4),
        ("completed", 2),
    ]
    assert only.seconds == 10


def test_a_back_off_that_goes_on_is_a_gap_up_to_now() -> None:
    [only] = lanes(run(lane(attempt(1, 0, 1), status="retrying")), at(4))
    assert [(bar.status, bar.seconds) for bar in only.bars] == [("failed", 1), ("gap", 3)]


def test_the_attempt_under_way_grows_up_to_now() -> None:
    [only] = lanes(run(lane(attempt(1, 5, None, "running"), status="running")), at(20))
    assert [(bar.status, bar.seconds) for bar in only.bars] == [("running", 15)]


def test_attempts_outside_the_steps_are_the_functions_own() -> None:
    [own, _] = lanes(run(lane(attempt(1, 2, 3, "completed")), attempts=[attempt(1, 0, 1)]), at(3))
    assert (own.step["id"], [bar.status for bar in own.bars]) == (None, ["failed"])


def test_the_attempt_with_which_the_function_has_failed_is_its_last() -> None:
    error = {"type": "KeyError", "message": "'a'"}
    failed = {"status": "failed", "attempt": 2, "error": error, "ended_at": at(5)}
    [own] = lanes(run(attempts=[attempt(1, 0, 1)], **failed), at(9))
    assert [(bar.status, bar.seconds) for bar in own.bars] == [("failed", 1), ("gap", 4), ("failed", 0)]
    in_a_step = {**failed, "error": {**error, "step": "a"}}
    assert [each.step["id"] for each in lanes(run(lane(attempt(1, 0, 1)), **in_a_step), at(9))] == ["a"]


def test_an_instant_is_still_seen_within_the_scale() -> None:
    [only] = lanes(run(lane(attempt(1, 10, 10, "completed")), ended_at=at(10)), at(10))
    assert only.bars[0].width > 0
    assert only.bars[0].left + only.bars[0].width <= WIDTH


def test_times_and_sizes_read_as_people_say_them() -> None:
    assert [show.duration(each) for each in (0.065, 3.52, 75, 3_725)] == ["65 ms", "3.5 s", "1 min 15 s", "1 h 02 min"]
    assert [show.ago(START, at(each)) for each in (1, 59, 60, 7_300)] == [
        "just now",
        "59 seconds ago",
        "1 minute ago",
        "2 hours ago",
    ]
    assert [show.size(each) for each in (5, 1_500, 223_602, 2_000_000_000)] == ["5 bytes", "1.5 KB", "224 KB", "2.0 GB"]
