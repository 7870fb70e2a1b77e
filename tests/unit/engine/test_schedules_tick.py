"""When a schedule ticks, in every time zone and in the nights when clocks are moved; and which ticks get a run."""

from __future__ import annotations

import datetime as dt
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import Cron
from andon.adapters.cron import check_schedule, next_tick, ticks
from andon.engine.dispatch.ticks import GRACE, delay, plan, tick_event

BERLIN = "Europe/Berlin"
MINUTE = dt.timedelta(minutes=1)


def told(expr: str, tz: str, after: str, count: int) -> list[str]:
    """The next ticks after a local time with its offset, as local times."""
    found = islice(ticks(expr, tz, dt.datetime.fromisoformat(after)), count)
    return [f"{tick.astimezone(ZoneInfo(tz)):%m-%d %H:%M%z}" for tick in found]


@pytest.mark.parametrize(
    ("expr", "tz", "after", "expected"),
    [
        # A local time that doesn't exist is the first instant after the gap, and the job is never left out.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", ["03-29 03:00+0200", "03-30 02:30+0200"]),
        ("0,30 2 * * *", BERLIN, "2026-03-28T12:00+01:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("*/15 2 * * *", BERLIN, "2026-03-28T12:00+01:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("0 2,3 * * *", BERLIN, "2026-03-28T12:00+01:00", ["03-29 03:00+0200", "03-30 02:00+0200"]),
        ("30 2 29 3 *", BERLIN, "2026-03-28T12:00+01:00", ["03-29 03:00+0200", "03-29 02:30+0200"]),
        # One that comes twice is the first of them, and the job runs once.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00+02:00", ["10-25 02:30+0200", "10-26 02:30+0100"]),
        (
            "*/30 2 * * *",
            BERLIN,
            "2026-10-25T01:00+02:00",
            ["10-25 02:00+0200", "10-25 02:30+0200", "10-26 02:00+0100"],
        ),
        ("30 2 * * *", BERLIN, "2026-10-25T02:10+01:00", ["10-26 02:30+0100"]),
        # An interval goes on as on any other day.
        ("0 * * * *", BERLIN, "2026-03-29T00:30+01:00", ["03-29 01:00+0100", "03-29 03:00+0200", "03-29 04:00+0200"]),
        (
            "*/30 * * * *",
            BERLIN,
            "2026-10-25T02:15+02:00",
            ["10-25 02:30+0200", "10-25 02:00+0100", "10-25 02:30+0100", "10-25 03:00+0100"],
        ),
        # Half an hour, a day that was left out, and the other half of the world.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00+10:30", ["10-04 02:30+1100", "10-05 02:15+1100"]),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T13:00-10:00", ["12-31 00:00+1400", "12-31 12:00+1400"]),
        ("30 2 * * *", "America/New_York", "2026-03-07T12:00-05:00", ["03-08 03:00-0400", "03-09 02:30-0400"]),
        ("0 0 * * *", "America/Havana", "2026-03-07T12:00-05:00", ["03-08 01:00-0400", "03-09 00:00-0400"]),
        ("0 3 L * *", "UTC", "2026-02-01T00:00+00:00", ["02-28 03:00+0000", "03-31 03:00+0000"]),
    ],
)
def test_daylight_saving_makes_no_job_run_twice_or_never(expr: str, tz: str, after: str, expected: list[str]) -> None:
    assert told(expr, tz, after, len(expected)) == expected


@given(
    st.sampled_from(["30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "*/7 * * * *", "59 23 * * 0", "0 0 1 * *"]),
    st.sampled_from([BERLIN, "America/St_Johns", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC"]),
    st.datetimes(dt.datetime(2024, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),
)
def test_ticks_go_forward_and_do_not_depend_on_where_one_begins_to_look(expr: str, tz: str, after: dt.datetime) -> None:
    found = list(islice(ticks(expr, tz, after), 6))
    assert found == sorted(set(found))
    assert found[0] > after
    assert list(islice(ticks(expr, tz, found[2]), 3)) == found[3:]
    assert next_tick(expr, tz, found[0] - dt.timedelta(seconds=1)) == found[0]


@pytest.mark.parametrize(
    ("expr", "tz", "words"),
    [
        ("daily", "UTC", "expected minute, hour"),
        ("0 0 3 * * *", "UTC", "expected minute, hour"),
        ("61 3 * * *", "UTC", "Bad minute"),
        ("0 3 30 2 *", "UTC", "Bad day-of-month"),
        ("0 3 * * *", "Mars/Olympus", "expected a time zone"),
        ("0 3 * * *", "../../etc/passwd", "expected a time zone"),
        ("TZ=Europe/Berlin 0 3 * * *", "UTC", 'the zone is named by tz="..."'),
    ],
)
def test_what_is_no_schedule_is_refused_by_a_sentence(expr: str, tz: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_schedule(expr, tz)


NOON = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


def due(cron: Cron, *, at: dt.datetime, first: dt.datetime = NOON) -> Any:
    every_minute = (first + number * MINUTE for number in range(10**6))
    return plan(cron, "f", every_minute, at)


def test_a_tick_that_is_late_by_less_than_the_grace_is_not_missed() -> None:
    found = due(Cron("* * * * *"), at=NOON + GRACE - dt.timedelta(seconds=1))
    assert (found.run, found.missed, found.last) == ([NOON], 0, NOON)


@pytest.mark.parametrize(
    ("catch_up", "run", "missed"),
    [("once", [NOON + 600 * MINUTE], 600), ("skip", [NOON + 600 * MINUTE], 600)],
)
def test_ten_hours_of_a_job_of_each_minute_are_one_run_and_a_number(
    catch_up: Any, run: list[dt.datetime], missed: int
) -> None:
    found = due(Cron("* * * * *", catch_up=catch_up), at=NOON + 600 * MINUTE + dt.timedelta(seconds=30))
    assert (found.run, found.missed) == (run, missed)


def test_of_a_daily_job_that_was_missed_one_run_or_none_is_made() -> None:
    daily = [NOON, NOON + dt.timedelta(days=1)]
    late = NOON + dt.timedelta(hours=3)
    assert plan(Cron("0 12 * * *"), "f", daily, late).run == [NOON]
    skipped = plan(Cron("0 12 * * *", catch_up="skip"), "f", daily, late)
    assert (skipped.run, skipped.missed, skipped.last) == ([], 1, NOON)


def test_all_that_was_missed_is_the_newest_hundred_the_oldest_of_them_first() -> None:
    found = due(Cron("* * * * *", catch_up="all", overlap="allow"), at=NOON + 600 * MINUTE)
    assert (len(found.run), found.run[0], found.run[-1]) == (100, NOON + 501 * MINUTE, NOON + 600 * MINUTE)
    assert found.missed == 501


def test_who_was_away_for_years_counts_no_further_than_a_bound() -> None:
    found = due(Cron("* * * * *"), at=NOON + dt.timedelta(days=300))
    assert (len(found.run), found.missed) == (1, 50_000)


def test_jitter_is_the_same_for_a_tick_whoever_asks_and_differs_between_functions() -> None:
    cron = Cron("* * * * *", jitter=dt.timedelta(minutes=5))
    of = {id: [delay(cron, id, NOON + n * MINUTE) for n in range(50)] for id in ("f", "g")}
    assert of["f"] == [delay(cron, "f", NOON + n * MINUTE) for n in range(50)]
    assert of["f"] != of["g"]
    assert all(dt.timedelta(0) <= each < cron.jitter for each in of["f"])
    assert len(set(of["f"])) > 10
    assert due(cron, at=NOON).run == [NOON] if delay(cron, "f", NOON) == dt.timedelta(0) else True


def test_a_tick_has_one_event_whoever_makes_it() -> None:
    cron = Cron("0 3 * * *", BERLIN, data={"key": "nightly"})
    one, same = tick_event(cron, "f", NOON), tick_event(Cron("0 3 * * *", BERLIN), "f", NOON, missed=2)
    assert one.id == same.id
    assert len({one.id, tick_event(cron, "g", NOON).id, tick_event(cron, "f", NOON + MINUTE).id}) == 3
    assert one.data == {
        "functionId": "f",
        "schedule": "0 3 * * *",
        "tz": BERLIN,
        "at": "2026-05-01T12:00:00Z",
        "missed": 0,
        "key": "nightly",
    }
    assert len(tick_event(cron, "x" * 200, NOON).id) <= 200
