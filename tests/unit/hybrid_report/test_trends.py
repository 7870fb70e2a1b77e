"""What the report says of time, on series whose course is known."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest

from andon_worker.hybrid_report.figures.times.series import rising, season, shift
from andon_worker.hybrid_report.sections import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile


def ignore() -> None:
    return None


def months(count: int, start: int = 2010) -> list[str]:
    return [f"{start + i // 12}-{i % 12 + 1:02}-01" for i in range(count)]


def told(profile: Profile, text: str) -> str:
    sentences = SECTIONS["trends"].sentences(profile("trends", text, resamples=0), Wording())
    return "\n".join(sentence.text for sentence in sentences)


def test_a_rise_is_told_with_its_total_and_its_yearly_change(profile: Profile) -> None:
    years = [(1950 + i, 100 * 1.03**i) for i in range(71)]
    said = told(profile, "date,sales\n" + "".join(f"{year}-01-01,{value:.2f}\n" for year, value in years))
    total = 100 * (years[-1][1] / years[0][1] - 1)
    assert f"sales rose from 100.0 in 1950 to {years[-1][1]:.1f} in 2020: +{total:.0f}%, +3.0% a year." in said
    assert "sales was highest in 2020" not in said  # that is told with the rise


def test_the_last_month_is_compared_with_the_one_before_and_with_a_year_ago(profile: Profile) -> None:
    values = [100 + 10 * math.sin(i) + i for i in range(60)]
    said = told(profile, "m,x\n" + "".join(f"{m},{v:.4f}\n" for m, v in zip(months(60), values, strict=True)))
    before, ago = (100 * (values[-1] / value - 1) for value in (values[-2], values[-13]))
    assert f"{before:+.1f}% on November 2014 and {ago:+.1f}% on December 2013" in said.replace("−", "-")


@pytest.mark.parametrize(("first", "factor"), [(300.0, "×40"), (12.0, "×1,000")])
def test_a_rise_by_many_times_is_told_with_its_factor(profile: Profile, first: float, factor: str) -> None:
    last = first * float(factor[1:].replace(",", ""))
    text = "Year,Divorces\n" + "".join(f"{1900 + i},{first * (last / first) ** (i / 99):.6f}\n" for i in range(100))
    assert f": {factor}, +" in told(profile, text)


def test_a_series_is_told_in_three_sentences_at_most_and_the_rest_stands_in_a_table(profile: Profile) -> None:
    draw = random.Random(4)
    text = "m,x\n" + "".join(f"{m},{(50 if i < 40 else 80) + draw.gauss(0, 2):.3f}\n" for i, m in enumerate(months(60)))
    result = profile("trends", text)
    *said, extent = SECTIONS["trends"].sentences(result, Wording())
    assert extent.text.startswith("m runs from")
    assert [each.text.split()[:3] for each in said] == [
        ["x", "rose", "from"],
        ["In", "December", "2014"],
        ["The", "level", "of"],
    ]
    table = SECTIONS["trends"].grids(result, Wording())[0]
    peak = result["series"][0]["peak"]
    assert f"{peak['value']:.2f} ({Wording().short_period(peak['start'], 'month')})" in table.rows[0]


def test_a_series_that_never_moves_is_told_so(profile: Profile) -> None:
    text = "m,x,y\n" + "".join(f"{m},7.0,{i % 5}.5\n{m},7.5,{i % 5}.5\n" for i, m in enumerate(months(24)))
    assert "The mean of x is 7.25 in each of 24 months." in told(profile, text)


def test_a_group_that_rose_from_nothing_has_a_direction(profile: Profile) -> None:
    text = "m,shop,amount\n" + "".join(
        f"{m},old,{90 + i % 3}.5\n{m},new,{max(0, i - 12) * 3}.0\n" for i, m in enumerate(months(48))
    )
    said = told(profile, text)
    assert "of the 2 groups 1 rose; 1 without a clear direction" in said


@pytest.mark.parametrize(("by_chance", "unit"), [(True, "quarter"), (False, "month")])
def test_a_few_rows_that_come_by_chance_are_told_by_longer_periods(
    profile: Profile, by_chance: bool, unit: str
) -> None:
    draw = random.Random(5)
    days = sorted(draw.randrange(4_400) if by_chance else 17 * place for place in range(260))
    text = "hired,salary\n" + "".join(
        f"{date(2010, 1, 1) + timedelta(days=day)},{draw.gauss(50, 5):.1f}\n" for day in days
    )
    assert profile("trends", text)["unit"] == unit


@pytest.mark.parametrize(("name", "seed"), [("hire_date", 1), ("Date hired", 2), ("Eintrittsdatum", 3)])
def test_people_with_the_day_on_which_they_came_are_counted_along_it(name: str, seed: int, profile: Profile) -> None:
    draw = random.Random(seed)
    years = [year for year in range(2010, 2024) for _ in range(6 + 4 * (year - 2010) + draw.randint(0, 3))]
    rows = [f"{year}-{draw.randint(1, 12):02}-{draw.randint(1, 28):02},{draw.randint(30, 90)}000" for year in years]
    result = profile("trends", f"{name},salary\n" + "\n".join(rows) + "\n")
    assert sum(point["rows"] for point in result["points"]) == len(years)
    by_year = Counter(point["start"][:4] for point in result["points"] for _ in range(point["rows"]))
    assert by_year == Counter(map(str, years))
    assert [(each["measure"], each["direction"]) for each in result["series"]] == [(None, "rose")]


def test_monthly_data_have_a_season_by_month_and_none_by_weekday(profile: Profile) -> None:
    values = [100 * (1 + 0.3 * math.sin(2 * math.pi * i / 12)) for i in range(72)]
    result = profile("trends", "m,x\n" + "".join(f"{m},{v:.4f}\n" for m, v in zip(months(72), values, strict=True)))
    assert (result["grain"], result["unit"]) == ("month", "month")
    assert {s["by"] for s in result["seasons"]} == {"month"}
    [found] = result["seasons"]
    assert found["strength"] > 0.95
    assert found["deviations"]["4"] == pytest.approx(0.3, abs=0.01)
    assert found["deviations"]["10"] == pytest.approx(-0.3, abs=0.01)


def test_noise_has_no_direction_no_shift_and_no_season(profile: Profile) -> None:
    draw = random.Random(7)
    text = "m,x\n" + "".join(f"{m},{draw.gauss(100, 5):.3f}\n" for m in months(60))
    result = profile("trends", text)
    [series] = result["series"]
    assert (series["direction"], series["shift"]) == (None, None)
    assert all(found["strength"] < 0.3 for found in result["seasons"])


def test_a_shift_for_good_is_found_with_its_levels(profile: Profile) -> None:
    draw = random.Random(3)
    lasting = [50.0 if i < 40 else 80.0 for i in range(60)]
    result = profile(
        "trends",
        "m,x\n" + "".join(f"{m},{v + draw.gauss(0, 2):.3f}\n" for m, v in zip(months(60), lasting, strict=True)),
    )
    shifted = result["series"][0]["shift"]
    assert shifted["start"] == "2013-05-01T00:00:00"
    assert (shifted["before"], shifted["after"]) == pytest.approx((50, 80), abs=1)


def test_a_december_that_was_high_a_year_before_is_no_shift(profile: Profile) -> None:
    draw = random.Random(3)
    start = date(2022, 1, 3)
    weeks = [start + timedelta(weeks=i) for i in range(104)]
    yearly = "w,x\n" + "".join(f"{w},{(90 if w.month == 12 else 50) + draw.gauss(0, 1):.3f}\n" for w in weeks)
    assert profile("trends", yearly)["series"][0]["shift"] is None


def test_sums_are_told_where_they_mean_something(profile: Profile) -> None:
    text = "day,shop,amount\n" + "".join(
        f"{date(2024, 1, 1) + timedelta(days=i % 120)},{'ab'[i % 2]},{10 + i % 7}.5\n" for i in range(1200)
    )
    result = profile("trends", text, measures=("amount",))
    sums = [sum(10 + i % 7 + 0.5 for i in range(d, 1200, 120)) for d in range(7)]
    assert result["points"][0]["sums"][0] == pytest.approx(sum(sums))
    assert [p["rows"] for p in result["points"]][:2] == [70, 70]
    assert {group["value"] for group in result["lines"]["groups"]} == {"a", "b"}


def test_a_placeholder_date_does_not_stretch_the_trend(profile: Profile) -> None:
    text = "t,x\n" + "".join(f"2024-01-{1 + i % 28:02},{i}.5\n" for i in range(100)) + "2150-12-31,1.5\n" * 3
    result = profile("trends", text)
    assert (result["unit"], result["to"][:10]) == ("day", "2024-01-28")
    assert result["leftOut"] == [{"value": "2150-12-31", "rows": 3}]


@pytest.mark.parametrize(("slope", "sign"), [(0.1, 1), (-0.1, -1)])
def test_mann_kendall_sees_a_direction_through_noise(slope: float, sign: int) -> None:
    draw = np.random.default_rng(1)
    tau, p = rising(np.arange(60) * slope + draw.normal(0, 1, 60))
    assert tau * sign > 0.3
    assert p < 0.001


def test_mann_kendall_gives_what_counting_pairs_gives() -> None:
    values = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    score = sum(np.sign(values[j] - values[i]) for i in range(10) for j in range(i + 1, 10))
    assert rising(values)[0] == pytest.approx(score / 45)


def test_false_alarms_of_direction_are_as_rare_as_said() -> None:
    draw = np.random.default_rng(5)
    alarms = sum(rising(draw.normal(0, 1, 40))[1] < 0.05 for _ in range(400))
    assert alarms / 400 == pytest.approx(0.05, abs=0.03)


def test_a_straight_line_is_no_shift() -> None:
    draw = np.random.default_rng(2)
    assert shift(np.arange(80) * 0.5 + draw.normal(0, 1, 80), ignore) is None
    assert shift(draw.normal(0, 1, 80), ignore) is None


def test_the_strength_of_a_season_does_not_grow_with_the_number_of_seasons() -> None:
    draw = np.random.default_rng(4)
    strengths = [season(draw.normal(10, 1, 48), [i % 12 for i in range(48)], 12, True)[0] for _ in range(40)]
    assert float(np.mean(strengths)) < 0.12


@pytest.mark.parametrize(("months", "told"), [(30, False), (36, True)])
def test_a_season_is_told_from_three_years_on(months: int, told: bool, profile: Profile) -> None:
    draw = np.random.default_rng(8)
    heat = [100 + 30 * np.sin(2 * np.pi * month / 12) + draw.normal(0, 2) for month in range(months)]
    rows = (f"{2020 + month // 12}-{month % 12 + 1:02}-01,{value:.2f}\n" for month, value in enumerate(heat))
    found = profile("trends", "month,heat\n" + "".join(rows), resamples=0)
    said = [each.text for each in SECTIONS["trends"].sentences(found, Wording())]
    assert any(each.startswith("By month, ") for each in said) == told
