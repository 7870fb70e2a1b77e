"""What people who read reports of their own files found wrong, and what they wanted to see."""

from __future__ import annotations

import csv
import datetime as dt
import itertools
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from andon.reports.datasets import inspect_dataset
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.scales import in_order
from andon_worker.hybrid_report.sections.distributions.bins import step_of
from andon_worker.hybrid_report.sections.trends.course import course
from andon_worker.hybrid_report.sections.trends.series import _shift
from andon_worker.hybrid_report.wording import Wording, sum_of
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()


def said(section: str, text: str, profile: Profile) -> str:
    return "\n".join(each.text for each in SECTIONS[section].sentences(profile(section, text), WORDING))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shares_within_a_group_are_of_all_its_rows_though_few_values_are_shown(seed: int, profile: Profile) -> None:
    draw = random.Random(seed)
    kinds = "".join(f"{draw.choice('abc')}" for _ in range(600))
    goods = [f"g{draw.choice([ord(kind) % 7, *range(14)]):02}" for kind in kinds]
    text = "kind,good,x\n" + "".join(f"{k},{g},{draw.random():.3f}\n" for k, g in zip(kinds, goods, strict=True))
    found = profile("groups", text, group_by=("kind", "good"), resamples=0)
    cross = found["cross"]
    rows = list(csv.DictReader(text.splitlines()))
    both = Counter((row[cross["a"]], row[cross["b"]]) for row in rows)
    ones, others = Counter(row[cross["a"]] for row in rows), Counter(row[cross["b"]] for row in rows)
    assert cross["rowTotals"] == [ones[value] for value in cross["rows"]]
    assert cross["columnTotals"] == [others[value] for value in cross["columns"]]
    assert cross["counts"] == [[both[a, b] for b in cross["columns"]] for a in cross["rows"]]
    assert cross["total"] == len(rows)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_groupings_that_have_nothing_to_do_with_each_other_dont_go_together(seed: int, profile: Profile) -> None:
    draw = random.Random(seed)
    rows = "".join(f"{draw.choice('ab')},n{draw.randrange(16):02},{draw.random():.3f}\n" for _ in range(260))
    found = profile("groups", "full,name,x\n" + rows, group_by=("full", "name"), resamples=0)
    assert "go together" not in "".join(each.text for each in SECTIONS["groups"].sentences(found, WORDING))
    assert "cross" not in {figure.key for figure in SECTIONS["groups"].figures(found, WORDING)}


def test_two_that_go_together_are_told_by_shares_of_all_rows(profile: Profile) -> None:
    rows = "".join(f"{'ab'[i % 2]},{'ab'[i % 2] if i % 10 else 'c'}x,{i % 7}.5\n" for i in range(400))
    text = said("groups", "one,other,x\n" + rows, profile)
    assert "one and other go together" in text
    assert "in all rows in which" in text or "80.0% of the rows in which" in text


@pytest.mark.parametrize(
    ("name", "role"),
    [("Key events", "count"), ("key", "id"), ("customer_key", "id"), ("Arrivals", "count"), ("conversions", "count")],
)
def test_events_and_arrivals_are_counts_and_keys_are_ids(name: str, role: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},x\n" + "".join(f"{row * 7 % 13 + 1},{row}.5\n" for row in range(300)))
    assert inspect_dataset(path, path.name).columns[0].role == role


@pytest.mark.parametrize("code", ["-999.9", "-9999", "-99.9"])
def test_a_code_of_one_column_is_one_in_others_without_anything_below_zero(code: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    rows = (
        f"{code},{code},{code}" if row % 20 == 3 else f"{20 + row % 5}.5,{row * 13 % 1400}.2,{row % 50 - 25}.5"
        for row in range(200)
    )
    path.write_text("near,wide,signed\n" + "\n".join(rows) + "\n")
    columns = inspect_dataset(path, path.name).columns
    told = [[(each.token, each.count) for each in column.missing] for column in columns]
    assert told[:2] == [[(code, 10)]] * 2
    assert columns[2].type == "number"


def test_values_far_above_no_code_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"{20 + row % 5}.5,{row * 13 % 1400 - 99}\n" for row in range(200)))
    assert [column.missing for column in inspect_dataset(path, path.name).columns] == [(), ()]


@pytest.mark.parametrize(
    ("name", "low", "change"), [("temp (°C)", 10, "+5"), ("balance of trade", -30, "+5"), ("price", 10, "%")]
)
def test_a_share_of_degrees_and_of_what_has_both_signs_is_none(
    name: str, low: int, change: str, profile: Profile
) -> None:
    days = "".join(
        f"2024-{1 + day // 28:02}-{day % 28 + 1:02},{low + day // 4 * 0.7 + day % 3:.2f}\n" for day in range(300)
    )
    text = said("trends", f"day,{name}\n" + days, profile)
    first = text.splitlines()[0]
    assert "rose from" in first
    assert ("%" in first) == (change == "%")
    assert ("%" in text) == (change == "%")


def test_a_direction_agrees_with_the_levels_that_it_is_told_by() -> None:
    contrary = np.array([*np.arange(9) / 10, 1000, *np.arange(1, 31)])
    found = course(contrary, "day")
    assert (found.tau > 0.5, found.first > found.last, found.direction) == (True, True, None)
    assert course(np.arange(30.0), "day").direction == "rose"
    assert course(-np.arange(30.0), "day").change is None


@pytest.mark.parametrize(
    "names",
    [
        ["G1", "G2", "G3", "G4", "G5"],
        ["MW-01", "MW-02", "MW-03"],
        ["Just me", "2-10", "11-50", "51-250", "More than 250"],
        ["18-24", "25-34", "65+", "Prefer not to say"],
        ["under 1k", "1k-10k", "10k+"],
        ["Strongly disagree", "Disagree", "Agree", "Don't know"],
    ],
)
def test_answers_stand_in_their_order_and_none_of_them_behind(names: list[str]) -> None:
    for seed in range(4):
        mixed = random.Random(seed).sample(names, len(names))
        assert in_order(mixed, str) == names


def test_names_of_things_keep_the_order_of_their_size() -> None:
    assert in_order(["shop 3", "shop 1", "shop 2"], str) == ["shop 3", "shop 1", "shop 2"]


def test_what_is_called_a_total_is_called_so_once() -> None:
    assert [sum_of("Total revenue"), sum_of("revenue")] == ["Total revenue", "total of revenue"]


def test_a_code_of_many_columns_is_told_once(profile: Profile) -> None:
    rows = "".join(
        "-999,-999,-999\n" if row % 30 == 4 else f"{row % 9}.5,{row % 7}.5,{row % 11}.5\n" for row in range(300)
    )
    text = said("quality", "a,b,c\n" + rows, profile)
    assert "a, b and c all are “-999” in 10 rows" in text


def test_numbers_among_the_first_rows_stand_flush_right(profile: Profile) -> None:
    text = "id,name,price\n" + "".join(f"A{row},name {row},{row}.25\n" for row in range(40))
    first = SECTIONS["overview"].grids(profile("overview", text), WORDING)[-1]
    assert [first.is_number(place) for place in range(3)] == [False, False, True]


def test_a_step_that_is_like_no_other_is_told(profile: Profile) -> None:
    values = [2800 + year % 3 * 20 for year in range(16)]
    values[12] = 620
    text = "year,arrivals\n" + "".join(f"{2000 + year},{value}.5\n" for year, value in enumerate(values))
    fell = "fell from 2,840.5 in 2011 to 620.5 in 2012 (−78.2%), the largest step by far"
    assert fell in said("trends", text, profile)


def test_steps_like_others_are_not_told(profile: Profile) -> None:
    even = "year,arrivals\n" + "".join(
        f"{2000 + year},{value % 97}.5\n" for year, value in enumerate(range(0, 640, 40))
    )
    assert "largest step" not in said("trends", even, profile)


def test_the_level_of_many_years_is_that_of_a_tenth_of_them() -> None:
    numbers = np.array([5.0, *np.tile([30.0, 40.0, 20.0], 33), 3.0]) + np.arange(101) / 3
    found = course(numbers, "year")
    assert (found.width, found.direction) == (10, "rose")
    assert found.first == pytest.approx(numbers[:10].mean())


@pytest.mark.parametrize(("far", "alone"), [([1], False), ([900, 41], True), ([-900, 1, 1, 1, 1], True)])
def test_the_farthest_is_compared_with_others_on_its_side(far: list[float], alone: bool, profile: Profile) -> None:
    values = [20 + row % 12 / 2 for row in range(200)] + [40.8, 40.6, 40.5, 40.4][: 4 if far[0] > 0 else 0] + far
    text = "x,n\n" + "".join(f"{value},{row % 7}\n" for row, value in enumerate(values))
    assert ("stands alone" in said("outliers", text, profile)) == alone


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_ends_of_groups_that_differ_by_chance_are_said_to(seed: int, profile: Profile) -> None:
    draw = random.Random(seed)
    rows = "".join(f"g{row % 12},{draw.gauss(50, 9):.2f}\n" for row in range(240))
    text = said("groups", "kind,x\n" + rows, profile)
    assert "which may be chance" in text or "hardly differ" in text


def test_a_quarter_of_the_values_are_no_outliers(profile: Profile) -> None:
    values = [50 + row % 3 for row in range(150)] + [row % 50 for row in range(50)]
    assert "quartile ranges" not in said("outliers", "x\n" + "".join(f"{value}.5\n" for value in values), profile)


def test_an_age_explains_and_is_not_explained(profile: Profile) -> None:
    rows = "".join(f"{20 + row * 7 % 50},{row * 3 % 40}.5,{'ab'[row % 2]}\n" for row in range(200))
    assert profile("drivers", "age,score,kind\n" + rows)["question"] == "score"


@pytest.mark.parametrize("name", ["sex", "inst", "Ward", "Geschlecht"])
def test_whole_numbers_that_name_kinds_split_the_rows(name: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},x\n" + "".join(f"{row % 2 + 1},{row}.5\n" for row in range(100)))
    assert inspect_dataset(path, path.name).columns[0].role == "category"


def test_a_narrow_season_that_never_fails_is_one(profile: Profile) -> None:
    rows = (
        f"{1990 + month // 12}-{month % 12 + 1:02},{330 + month / 8 + 3 * np.sin(month * np.pi / 6):.2f}"
        for month in range(144)
    )
    assert "By month, co2 is highest in April" in said("trends", "month,co2\n" + "\n".join(rows) + "\n", profile)


@pytest.mark.parametrize(
    ("step", "values"),
    [
        (0.1, [row * 7 % 23 / 10 for row in range(400)]),
        (0.001, [12 + row * 7 % 178 / 1000 for row in range(900)]),
        (2.5, [row * 7 % 90 * 2.5 for row in range(400)]),
        (1, [1, 1, 1, 2, 2, 2, 2, 2, 2, 3] * 30 + [4]),
        (1, [row * 7 % 60 for row in range(400)]),
    ],
)
def test_each_bar_holds_as_many_steps_as_any_other(step: float, values: list[float], profile: Profile) -> None:
    text = "x,n\n" + "".join(f"{value:g},{row}\n" for row, value in enumerate(values))
    histogram = profile("distributions", text)["columns"][0]["histogram"]
    edges, counts = histogram["edges"], histogram["counts"]
    steps = [(b - a) / step for a, b in itertools.pairwise(edges)]
    assert steps == pytest.approx([round(steps[0])] * len(steps))
    assert (edges[0] / step) % 1 == pytest.approx(0.5)
    assert counts == [sum(a < value < b for value in values) for a, b in itertools.pairwise(edges)]
    assert sum(counts) == len(values)


def test_numbers_of_many_digits_stand_on_no_step() -> None:
    assert step_of(np.random.default_rng(1).normal(0, 1, 500)) is None
    assert step_of(np.array([1e300, 2e300])) is None
    assert step_of(np.array([5.0, 5.0])) is None


def test_a_shift_whose_interval_holds_nothing_is_not_told() -> None:
    told = {"measure": "x", "aggregate": "mean", "peak": {"value": 1.0}, "dip": {"value": 0.0}, "leap": []}
    for low, said in ((-0.1, 0), (0.1, 1)):
        shift = {"start": "2024-05-01T00:00:00", "gap": None, "before": 1.0, "after": 2.0, "low": low, "high": 1.5}
        series = told | {"shift": shift, "relative": False}
        assert len(_shift(series, {"unit": "week", "series": [], "rhythm": None}, [], WORDING)) == said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_hours_that_differ_by_chance_are_not_told(seed: int, profile: Profile) -> None:
    draw = random.Random(seed)
    rows = "".join(
        f"2024-03-{1 + row % 28:02} {draw.randrange(24):02}:30,{draw.gauss(60, 40):.1f}\n" for row in range(600)
    )
    assert "By hour" not in said("trends", "at,minutes\n" + rows, profile)


def test_hours_of_too_few_rows_are_said_to_be_left_out(profile: Profile) -> None:
    rows = "".join(
        f"2024-03-{1 + row % 28:02} {hour:02}:30,{hour * 5 + row % 7}.5\n"
        for hour in range(8, 20)
        for row in range(10 if hour == 12 else 60)
    )
    assert "By hour of day, among hours of at least 30 rows, the mean of" in said("trends", "at,x\n" + rows, profile)


def test_seven_rows_that_nearly_lie_on_a_line_do_not_follow_from_each_other(profile: Profile) -> None:
    near = "".join(f"{v},{v + 1 + (v > 4000)}\n" for v in (4247, -2105, 488, 900, 1500, -30, 77))
    assert "follows exactly" not in said("correlations", "Q1,Q2\n" + near, profile)


@pytest.mark.parametrize(("name", "summed"), [("Bezug (kWh)", True), ("energy_mwh", True), ("height", False)])
def test_energy_adds_up(name: str, summed: bool, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},n\n" + "".join(f"{row * 7 % 13}.25,{row}\n" for row in range(100)))
    assert inspect_dataset(path, path.name).columns[0].summed is summed


def test_three_periods_have_no_direction_to_speak_of(profile: Profile) -> None:
    assert "no clear direction" not in said("trends", "year,rent\n2015,900.5\n2018,700.5\n2021,650.5\n", profile)


@pytest.mark.parametrize(
    ("far", "told"),
    [
        (0, "No numeric column has values outside its fences."),
        (9, "x has 9 values above "),
        (30, "30 of 230 values of x lie outside the fences (13.0%): too many to call far."),
    ],
)
def test_values_outside_the_fences_are_told_however_many(far: int, told: str, profile: Profile) -> None:
    values = [*(row % 40 for row in range(200)), *(900 + row * 7 % 30 for row in range(far))]
    text = said("outliers", "x,n\n" + "".join(f"{v}.5,{row % 9}\n" for row, v in enumerate(values)), profile)
    assert told in text
    assert ("No numeric column" in text) == (not far)


@pytest.mark.parametrize("dated", [True, False])
def test_answers_on_a_scale_are_compared_before_how_long_they_took(dated: bool, profile: Profile) -> None:
    draw = random.Random(7)
    plans = {"Large": 8, "Middle": 6, "Small": 4}
    rows = ""
    for i in range(240):
        plan = draw.choice(list(plans))
        answer = f"r{i}" if not dated else f"{dt.date(2025, 1, 1) + dt.timedelta(i)}"
        rows += f"{answer},{40 + i * 37 % 200},{plan},{plans[plan] + i % 5 - 2}\n"
    text = "answer,duration,plan,How likely are you to recommend us?\n" + rows
    first, *_ = SECTIONS["groups"].sentences(profile("groups", text), WORDING)
    assert "By plan, the mean of “How likely are you to recommend us?” is highest for Large (7.94)" in first.text
    assert "goes most with plan" in said("drivers", text, profile)
