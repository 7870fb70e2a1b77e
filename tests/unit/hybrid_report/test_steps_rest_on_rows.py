"""A step like no other is one of the series: not of a single row, of a few, nor of what nobody has seen."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pandas as pd
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

STEP = "the largest step by far"


def tickets(least: int, most: int, seed: int) -> pd.DataFrame:
    """Of thirty months, so many of each."""
    draw = random.Random(seed)
    months = [month for month in range(30) for _ in range(draw.randint(least, most))]
    days = [date(2022 + month // 12, month % 12 + 1, draw.randint(1, 28)) for month in months]
    return pd.DataFrame({"opened": days, "hours": [round(draw.uniform(1, 9), 1) for _ in days]}).sort_values("opened")


def said(frame: pd.DataFrame, profile: Profile) -> str:
    found = profile("trends", frame.to_csv(index=False), resamples=0)
    return "\n".join(each.text for each in SECTIONS["trends"].sentences(found, Wording()))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("rows", "hours", "told"), [(1, 5000.0, False), (30, 170.0, True)])
def test_a_step_is_told_where_more_than_a_row_makes_it(
    seed: int, rows: int, hours: float, told: bool, profile: Profile
) -> None:
    frame = tickets(30, 36, seed)
    june = frame.index[pd.to_datetime(frame["opened"]).dt.strftime("%Y-%m") == "2023-06"]
    frame.loc[june[:rows], "hours"] = hours
    total = frame.groupby(pd.to_datetime(frame["opened"]).dt.strftime("%Y-%m"))["hours"].sum()["2023-06"]
    text = said(frame, profile)
    assert (STEP in text) == told
    assert (f"{total:,.1f} in June 2023" in text) == told


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_step_of_a_few_rows_is_none(seed: int, profile: Profile) -> None:
    frame = tickets(3, 7, seed)
    june = pd.to_datetime(frame["opened"]).dt.strftime("%Y-%m") == "2023-06"
    frame.loc[june, "hours"] = 900.0
    assert STEP not in said(frame, profile)


@pytest.mark.parametrize(("since", "until"), [(300, 360), (320, 372), (310, 340)])
def test_what_lies_beyond_a_gap_is_no_step(since: int, until: int, profile: Profile) -> None:
    draw = random.Random(since)
    days = [day for day in range(until + 14) if not since <= day < until]
    rows = [(date(2023, 1, 2) + timedelta(days=d), (90 if d >= until else 30) + draw.random()) for d in days]
    assert STEP not in said(pd.DataFrame(rows, columns=["day", "level"]), profile)


@pytest.mark.parametrize(
    ("gap", "when"), [(0, "with the week of"), (60, "between the week of"), (90, "between the week")]
)
def test_a_level_that_changes_in_a_gap_does_so_between_its_ends(gap: int, when: str, profile: Profile) -> None:
    draw = random.Random(gap)
    days = [*range(147), *range(147 + gap, 300 + gap)]
    rows = [(date(2023, 1, 2) + timedelta(days=d), (60 if d >= 147 else 10) + draw.random()) for d in days]
    assert f"The level of the mean of level changed {when}" in said(
        pd.DataFrame(rows, columns=["day", "level"]), profile
    )


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ([370, 124, 103], "The number of rows per week rose from 99 in the week of 2023-10-09 to 370 in the week of"),
        ([205, 196, 201], "The level of the number of rows per week changed with the week of 2023-10-16"),
    ],
)
def test_a_peak_near_the_end_is_no_level(last: list[int], told: str, profile: Profile) -> None:
    weeks = [97, 99, 101, 96, 103, 100, 98, 95, 102, 99] * 4 + [101, 99] + last
    rows = [
        date(2023, 1, 2) + timedelta(days=7 * w + row % 7) for w, many in enumerate(weeks[1:]) for row in range(many)
    ]
    text = said(pd.DataFrame({"day": rows, "kind": [row % 5 for row in range(len(rows))]}), profile)
    assert told in text
    assert text.count("number of rows per week rose from") + text.count("The level of") == 1


@pytest.mark.parametrize(
    ("rows", "told"),
    [((60, 1, 1, 1), False), ((60, 12, 1, 12), True), ((60, 12, 12, 4), False), ((3, 3, 3, 2), True)],
)
def test_no_change_is_told_of_a_period_of_a_few_rows(rows: tuple[int, ...], told: bool, profile: Profile) -> None:
    draw = random.Random(5)
    days = [
        (date(1992, 3 * q + 1, 1 + row % 89 % 28), draw.randint(20, 60) + 0.5)
        for q in range(4)
        for row in range(rows[q])
    ]
    days.append((date(1992, 12, 31), 30.5))
    text = said(pd.DataFrame(days, columns=["day", "age"]).sort_values("day"), profile)
    assert ("% on " in text or "less than" in text) == told
    assert ("too few rows for a change" in text) != told
