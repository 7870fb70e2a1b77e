"""Seasons beside a level that changed, steps and months by chance, and where a driver begins to matter."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.figures.times.series import rising
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile


def said(section: str, frame: pd.DataFrame, profile: Profile) -> str:
    found = profile(section, frame.to_csv(index=False), resamples=50)
    return "\n".join(each.text for each in SECTIONS[section].sentences(found, Wording()))


@pytest.mark.parametrize("since", ["2025-09-08", "2025-09-10", "2025-09-13"])
def test_a_weekday_is_compared_with_its_own_level(since: str, profile: Profile) -> None:
    days = pd.date_range("2025-07-07", periods=112)
    usual = np.array([14.98, 15.24, 14.98, 14.98, 14.98, 5.0, 5.0])
    frame = pd.DataFrame({"date": days, "kw": usual[days.day_of_week] + 4.0 * (days >= since)})
    level = frame["kw"].groupby(days >= since).transform("mean")
    by_day = (100 * (frame["kw"] / level - 1)).groupby(days.day_of_week).mean()
    text = said("trends", frame, profile)
    assert by_day.idxmax() == 1
    shown = float(text.split("highest on Tuesday (+")[1].split("%")[0])
    assert abs(shown - by_day.max()) < 0.5


@pytest.mark.parametrize("seed", range(4))
def test_rows_that_come_by_chance_have_no_largest_step(seed: int, profile: Profile) -> None:
    draw = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-05") + pd.to_timedelta(np.sort(draw.integers(0, 400, 200)), unit="D")
    frame = pd.DataFrame({"day": days, "site": draw.choice(["a", "b"], 200)})
    assert "the largest step by far" not in said("trends", frame, profile)


def test_a_month_that_is_high_in_one_year_alone_is_no_season(profile: Profile) -> None:
    months = pd.date_range("2021-01-01", periods=48, freq="MS")
    level = 10 + np.random.default_rng(3).normal(0, 0.3, 48)
    level[13] += 9  # February 2022
    assert "By month" not in said("trends", pd.DataFrame({"month": months, "level": level.round(2)}), profile)


def test_a_measure_without_a_direction_has_its_season_told(profile: Profile) -> None:
    days = pd.date_range("2012-01-01", "2015-12-31")
    draw, turn = np.random.default_rng(1), np.cos(2 * np.pi * (days.day_of_year - 15) / 365)
    frame = pd.DataFrame({"date": days, "rain": draw.exponential(3 + 2.5 * turn).round(1)})
    for name, size in (("low", 9), ("high", 12)):
        frame[name] = (10 - size * turn + draw.normal(0, 2, len(days))).round(1)
    text = said("trends", frame, profile)
    by_month = frame["rain"].groupby(days.month).mean()
    assert by_month.idxmax() in {12, 1, 2}
    assert "rain is highest in" in text
    assert "low and high rise and fall together with the season" in said("correlations", frame, profile)


def test_of_a_few_values_every_order_is_counted() -> None:
    values = np.array([286.9, 205.9, 218.4, 256.9, 171.7, 205.5, 197.8, 191.4, 177.8, 206.7, 115.8, 131.8])
    tau, p = rising(values)
    assert round(tau, 3) == -0.576
    assert round(p, 5) == 0.00876  # the share of all orders that have as many pairs in order, counted
    assert rising(np.array([1.0, 2.0, 3.0, 4.0]))[1] == pytest.approx(2 / 24)


@pytest.mark.parametrize(("knee", "told"), [(True, True), (False, False)])
def test_output_that_falls_beyond_a_temperature_is_told_so(knee: bool, told: bool, profile: Profile) -> None:
    draw = np.random.default_rng(7)
    temp = draw.uniform(50, 80, 600).round(1)
    way = np.maximum(0, temp - 70) if knee else (temp - 50) / 3
    frame = pd.DataFrame({"temp": temp, "output": (240 - 9 * way + draw.normal(0, 3, 600)).round()})
    text = said("drivers", frame, profile)
    assert "output goes most with temp" in text
    assert ("it hardly changes" in text) == told
    if told:
        beyond = frame[frame["temp"] > 70]
        slope = np.polyfit(beyond["temp"], beyond["output"], 1)[0]
        at = float(text.split("up to ")[1].split(" ")[0])
        fall = float(text.split("beyond it falls by ")[1].split(" ")[0])
        assert abs(at - 70) < 0.5
        assert abs(fall + slope) < 0.3


def test_whether_somebody_left_is_asked_before_how_many_tickets_there_were(profile: Profile) -> None:
    draw = np.random.default_rng(2)
    frame = pd.DataFrame({"tickets": draw.poisson(1.4, 400), "rise_pct": draw.choice([0, 5, 10, 20], 400)})
    frame["churned"] = (draw.random(400) < 0.05 + frame["rise_pct"] / 60).astype(int)
    assert "churned goes most with rise_pct" in said("drivers", frame, profile)
