"""Which periods count as whole, which levels a change is told of, and what a series does in between."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from andon_worker.hybrid_report.figures.times.series import rising, swing
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.sections.trends.course import course
from andon_worker.hybrid_report.sections.trends.naming import with_gaps
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile


def told(result: dict[str, Any]) -> str:
    sentences: list[Sentence] = SECTIONS["trends"].sentences(result, Wording())
    return "\n".join(sentence.text for sentence in sentences)


def test_a_year_that_lacks_a_quarter_is_incomplete(profile: Profile) -> None:
    quarters = [(year, 3 * q + 1) for year in range(1980, 2010) for q in range(4)][1:]
    text = "day,x\n" + "".join(f"{y}-{m:02}-01,{y - 1979 + m / 100}\n" for y, m in quarters)
    result = profile("trends", text)
    assert (result["unit"], result["complete"][0][:4]) == ("year", "1981")
    assert "1980 is incomplete and left out" in told(result)


def test_quarters_that_are_called_by_their_ends_fill_their_years(profile: Profile) -> None:
    text = "day,x\n" + "".join(
        f"{date(y, m, 1) + timedelta(days=30 if m in (3, 12) else 29)},{y + m}\n"
        for y in range(1980, 2010)
        for m in (3, 6, 9, 12)
    )
    assert [end[:4] for end in profile("trends", text)["complete"]] == ["1980", "2009"]


def test_weeks_without_weekends_are_complete(profile: Profile) -> None:
    days = [date(2024, 1, 1) + timedelta(days=d) for d in range(173)]
    text = "day,x\n" + "".join(f"{d},{i}.5\n" for i, d in enumerate(days) if d.weekday() < 5 and d < date(2024, 6, 22))
    result = profile("trends", text)
    assert (result["unit"], result["complete"][-1][:10]) == ("week", "2024-06-17")


def hourly(lacking: range) -> str:
    moments = [datetime(2024, 5, 1) + timedelta(hours=h) for h in range(24 * 20)]
    kept = [(at, 20 + 5 * math.sin(math.pi * at.hour / 12)) for h, at in enumerate(moments) if h not in lacking]
    return "t,temp\n" + "".join(f"{at:%Y-%m-%d %H:%M},{value:.3f}\n" for at, value in kept)


def test_a_day_that_lacks_its_night_is_no_lowest_and_no_highest(profile: Profile) -> None:
    result = profile("trends", hourly(range(24 * 7 + 12, 24 * 8)))
    assert result["partial"] == ["2024-05-08T00:00:00"]
    assert [series["measure"] for series in result["series"]] == ["temp"]  # the number of rows is no news
    [temp] = result["series"]
    assert temp["peak"]["value"] - temp["dip"]["value"] == pytest.approx(0, abs=0.001)
    assert (
        "2024-05-08 is incomplete and left out. Rows come every hour; 12 are lacking, the longest gap being from "
        "2024-05-08 11:00 to 2024-05-09."
    ) in told(result)


def test_rows_that_come_regularly_and_all_of_them_are_nothing_to_tell(profile: Profile) -> None:
    result = profile("trends", hourly(range(0)))
    assert (result["rhythm"]["seconds"], result["rhythm"]["lacking"], result["partial"]) == (3600, 0, [])
    assert "Rows come" not in told(result)


def test_events_have_no_rhythm_and_periods_without_any_count_as_nothing(profile: Profile) -> None:
    draw = random.Random(3)
    days = sorted(
        date(2000 + draw.choice([y for y in range(20) if y != 7]), draw.randint(1, 12), 1) for _ in range(150)
    )
    text = "day,amount\n" + "".join(f"{d + timedelta(days=draw.randrange(28))},{draw.gauss(50, 9):.2f}\n" for d in days)
    result = profile("trends", text)
    assert result["rhythm"] is None
    assert {p["start"][:4]: p["rows"] for p in result["points"]}["2007"] == 0
    assert (result["unit"], "2007 has no rows" in told(result)) == ("year", True)


def test_what_happens_in_a_season_alone_is_told_by_the_year(profile: Profile) -> None:
    draw = random.Random(2)
    days = [date(y, 11, 5) + timedelta(days=d) for y in range(2007, 2010) for d in range(30)]
    text = "day,x\n" + "".join(f"{d},{draw.gauss(40, 3):.2f}\n" for d in days for _ in range(4))
    result = profile("trends", text)
    assert (result["unit"], len(result["points"]), len(result["complete"])) == ("year", 3, 2)
    assert "incomplete" not in told(result)


def test_two_periods_are_compared(profile: Profile) -> None:
    text = "year,field,yield\n" + "".join(f"{y},{f},{v + f}\n" for y, v in ((1931, 35), (1932, 28)) for f in range(10))
    said = told(profile("trends", text))
    assert "The mean of yield was 39.50 in 1931 and 32.50 in 1932: −17.7% on 1931." in said
    assert "no clear direction" not in said


def test_a_few_periods_are_told_one_by_one(profile: Profile) -> None:
    text = "year,shop,sales\n" + "".join(f"{2019 + y},{s},{100 + 10 * y}.5\n" for y in range(4) for s in "ab")
    assert (
        "The total of sales per year was 201 in 2019, 221 in 2020, 241 in 2021 and 261 in 2022: +8.3% on 2021 and "
        "+29.9% on 2019."
    ) in told(profile("trends", text))


def test_quarters_of_a_panel_have_levels_of_a_year(profile: Profile) -> None:
    text = "day,shop,sales\n" + "".join(
        f"{2018 + i // 4}-{3 * (i % 4) + 1:02}-01,{s},{100 + i + 40 * (i % 4 == 3)}.5\n"
        for i in range(24)
        for s in "ab"
    )
    result = profile("trends", text)
    [sales] = result["series"]
    first, last = (2 * sum(100.5 + i + 40 * (i % 4 == 3) for i in some) / 4 for some in (range(4), range(20, 24)))
    assert (sales["first"]["periods"], sales["change"]) == (4, pytest.approx(last / first - 1))
    assert {group["direction"] for group in result["lines"]["groups"]} == {"rose"}


def test_a_rise_is_seen_behind_a_season_that_is_larger(profile: Profile) -> None:
    def value(i: int) -> float:
        return (100 + i) * (1 + 0.6 * math.sin(i * math.pi / 6))

    text = "m,x\n" + "".join(f"{2010 + i // 12}-{i % 12 + 1:02}-01,{value(i):.4f}\n" for i in range(48))
    [series] = profile("trends", text)["series"]
    assert series["direction"] == "rose"
    values = np.array([value(i) for i in range(48)])
    assert rising(values)[1] > 0.01
    pairs = [np.sign(values[j] - values[i]) for i in range(48) for j in range(i + 12, 48, 12)]
    assert rising(values, [i % 12 for i in range(48)])[0] == pytest.approx(sum(pairs) / len(pairs))


def test_weeks_have_means_by_month_for_a_month_has_four_or_five(profile: Profile) -> None:
    text = "week,cases\n" + "".join(f"{date(2019, 1, 7) + timedelta(weeks=i)},{200 + i % 9}\n" for i in range(150))
    result = profile("trends", text)
    assert (result["unit"], [(s["measure"], s["aggregate"]) for s in result["series"]]) == (
        "month",
        [("cases", "mean")],
    )


def test_ages_of_rows_have_no_trend(profile: Profile) -> None:
    draw = random.Random(9)
    days = sorted(draw.randrange(400) for _ in range(300))
    text = "created,age,hours\n" + "".join(
        f"{date(2024, 1, 1) + timedelta(days=d)},{500 - d},{draw.gauss(9, 2):.2f}\n" for d in days
    )
    assert profile("trends", text)["measures"] == ["hours"]


def test_a_day_goes_before_the_quarter_it_is_booked_in(profile: Profile) -> None:
    days = [date(2024, 1, 1) + timedelta(days=5 * i) for i in range(100)]
    text = "period,closed,amount\n" + "".join(
        f"Q{(d.month + 2) // 3}-{d.year},{d},{i % 7}.5\n" for i, d in enumerate(days)
    )
    assert profile("trends", text)["timeColumn"] == "closed"


def test_a_mean_of_means_is_called_unweighted(profile: Profile) -> None:
    text = "m,shop,Avg. stay\n" + "".join(f"2024-{m:02}-01,{s},{m % 5}.5\n" for m in range(1, 13) for s in "ab")
    assert "The unweighted mean of Avg. stay" in told(profile("trends", text))


def test_first_days_of_years_are_years(profile: Profile) -> None:
    text = "made,mpg\n" + "".join(f"{1970 + y}-01-01,{20 + y + i}.5\n" for y in range(12) for i in range(5))
    assert [c["role"] for c in profile("overview", text)["columns"]] == ["year", "measure"]


def test_a_level_rests_on_ten_rows_or_no_share_of_it_is_told() -> None:
    counts = [1, 0, 0, 2, 0, 0, 0, 3, *range(4, 60)]
    wide = course(np.array(counts, float), "year", counts)
    assert sum(counts[: wide.width]) >= 10 > sum(counts[: wide.width - 1])
    few = [1.0, 1, 1, 1, 1, 30, 40, 50]
    assert course(np.array(few), "year", [int(n) for n in few]).change is None
    assert course(np.array(few), "year").change is not None


def test_a_direction_and_its_change_are_never_contrary() -> None:
    draw = np.random.default_rng(8)
    for _ in range(60):
        found = course(np.abs(draw.normal(20, 9, 60) + 0.2 * np.arange(60)), "year")
        assert found.direction is None or (found.change or 0) * (1 if found.direction == "rose" else -1) > 0


def test_of_what_is_below_zero_now_and_then_no_share_is_told(profile: Profile) -> None:
    text = "day,rise\n" + "".join(
        f"{y}-{m:02}-01,{(0.02 if m > 6 else -0.01) + (2010 - y) / 900:.4f}\n"
        for y in range(1980, 2010)
        for m in (1, 4, 7, 10)
    )
    [series] = profile("trends", text)["series"]
    assert (series["direction"], series["change"], series["relative"]) == ("fell", None, False)


def test_quarters_have_a_season(profile: Profile) -> None:
    values = [100 + 20 * (i % 4 == 3) + i / 10 for i in range(40)]
    text = "day,x\n" + "".join(f"{2010 + i // 4}-{3 * (i % 4) + 1:02}-01,{v}\n" for i, v in enumerate(values))
    [season] = profile("trends", text)["seasons"]
    assert (season["by"], max(season["deviations"], key=season["deviations"].get)) == ("quarter", "4")
    assert season["strength"] > 0.9


def monthly(value: Any) -> str:
    return "m,shop,visits\n" + "".join(
        f"{2010 + i // 12}-{i % 12 + 1:02}-01,{shop},{value(i):.2f}\n" for i in range(120) for shop in "ab"
    )


def test_the_one_year_like_no_other_is_told_though_months_have_their_season(profile: Profile) -> None:
    result = profile(
        "trends", monthly(lambda i: (15 if i // 12 == 6 else 100 + i / 12) * (1 + 0.5 * math.sin(i * math.pi / 6)))
    )
    [series, *_] = result["series"]
    told_of = series["swing"] or series["leap"]
    assert [told_of["unit"], *(each["start"][:4] for each in told_of["path"][:2])] == ["year", "2015", "2016"]
    yearly = 12 * 105 / 15 / 12  # 100 + 0.5 of a year's mean on 15
    assert told_of["path"][0]["value"] / told_of["path"][1]["value"] == pytest.approx(yearly, rel=0.05)


def test_a_fall_within_that_is_longer_than_the_rise_is_told() -> None:
    course_ = np.concatenate([np.linspace(100, 110, 25), np.linspace(110, 80, 26)[1:], np.linspace(80, 115, 70)[1:]])
    draw = np.random.default_rng(1)
    assert swing(course_ + draw.normal(0, 0.2, len(course_)), "rose") == pytest.approx([24, 49, 118], abs=1)
    peak = np.concatenate([np.linspace(10, 100, 12), np.linspace(100, 12, 13)[1:]])
    assert swing(peak, None) == [0, 11, 23]


@pytest.mark.parametrize("direction", [None, "rose", "fell"])
def test_noise_and_lines_have_no_swing(direction: str | None) -> None:
    draw = np.random.default_rng(6)
    for _ in range(50):
        noise = draw.normal(0, 1, 80)
        assert swing(noise, direction) == []
    assert swing(np.arange(50.0) + draw.normal(0, 1, 50), "rose") == []


def test_what_comes_in_cycles_has_no_swing() -> None:
    cycles = 60 * (1 - np.cos(np.arange(200) * 2 * np.pi / 11)) * (1 + 0.3 * np.sin(np.arange(200) / 30))
    assert [swing(cycles, direction) for direction in (None, "rose", "fell")] == [[], [], []]


@pytest.mark.parametrize(("rows", "unit"), [(600, "week"), (59, None)])
def test_lines_of_groups_rest_on_five_rows_a_point(profile: Profile, rows: int, unit: str | None) -> None:
    draw = random.Random(4)
    text = "day,team,score\n" + "".join(
        f"{date(2024, 1, 1) + timedelta(days=draw.randrange(84))},{'abcde'[i % 5]},{draw.gauss(7, 2):.1f}\n"
        for i in range(rows)
    )
    lines = profile("trends", text)["lines"]
    assert (lines and lines["unit"]) == unit


def test_lines_of_groups_are_drawn_by_weeks_where_days_would_cross(profile: Profile) -> None:
    text = "day,shop,sales\n" + "".join(
        f"{date(2024, 1, 1) + timedelta(days=d)},{shop},{10 + d % 7}.5\n" for d in range(84) for shop in "abc"
    )
    result = profile("trends", text, measures=("sales",))
    assert (result["unit"], result["lines"]["unit"]) == ("day", "week")
    assert {len(group["points"]) for group in result["lines"]["groups"]} == {12}


def test_a_line_is_broken_where_a_period_is_lacking_and_not_at_weekends() -> None:
    years = [(f"{y}-01-01T00:00:00", 1.0) for y in range(1970, 1983) if y != 1981]
    assert [value for _, value in with_gaps(years)].count(None) == 1
    days = [date(2024, 1, 1) + timedelta(days=d) for d in range(60)]
    work = [(f"{d}T00:00:00", 1.0) for d in days if d.weekday() < 5]
    assert None not in [value for _, value in with_gaps(work)]


@pytest.mark.parametrize(
    ("step", "first", "last"), [(3, "Q1 2020", "Q2 2024"), (1, "Jan 2020", "Jun 2021"), (0, "2020-01-01", "2020-01-18")]
)
def test_first_days_of_periods_are_told_as_these(step: int, first: str, last: str, profile: Profile) -> None:
    starts = [date(2020 + place * step // 12, place * step % 12 + 1, 1 if step else place + 1) for place in range(18)]
    text = "when,x\n" + "".join(f"{start},{place}.5\n" for place, start in enumerate(starts))
    overview, distributions = SECTIONS["overview"], SECTIONS["distributions"]
    [_, rows] = overview.grids(profile("overview", text), Wording())
    assert rows.rows[0][0] == first
    [times] = [
        g for g in distributions.grids(profile("distributions", text), Wording()) if g.caption == "Dates and times"
    ]
    assert times.rows == [("when", first, last)]
