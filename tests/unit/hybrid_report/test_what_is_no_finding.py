"""What follows from how a table is made, or from both columns growing, is told as such and is no finding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.findings import key_findings
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.wording import Wording

RANDOM = np.random.default_rng(5)
BEGINNING = RANDOM.bit_generator.state
ROWS = 80


@pytest.fixture(autouse=True)
def each_test_draws_the_same_whatever_ran_before() -> None:
    RANDOM.bit_generator.state = BEGINNING


def told(frame: pd.DataFrame, folder: Path, *sections: str) -> dict[str, list[Sentence]]:
    """What the sections say, all of them where none is named."""
    source = folder / "t.csv"
    frame.to_csv(source, index=False)
    parquet = ensure_parquet(source, "t.csv", folder / "scratch")
    options = ReportOptions(resamples=50)
    return {
        name: SECTIONS[name].sentences(SECTIONS[name].compute(parquet, options, NoControl()), Wording())
        for name in sections or SECTIONS
    }


def findings(said: dict[str, list[Sentence]]) -> str:
    return "\n".join(each["text"] for each in key_findings(said))


def text(said: dict[str, list[Sentence]], section: str) -> str:
    return "\n".join(sentence.text for sentence in said[section])


@pytest.mark.parametrize("parts", [["north", "south"], ["north", "south", "east", "west"]])
def test_a_total_goes_with_its_parts_by_making(parts: list[str], tmp_path: Path) -> None:
    frame = pd.DataFrame({part: RANDOM.integers(0, 900, ROWS) for part in parts})
    frame[parts[0]] *= 9  # so that the total hardly differs from it
    frame["all"] = frame.sum(axis=1)
    said = told(frame, tmp_path)
    assert f"all is the sum of {', '.join(parts[:-1])} and {parts[-1]} in every row." in text(said, "quality")
    assert "all" not in findings(said)
    assert "all and north" not in text(said, "correlations")


def test_one_row_in_which_the_sum_is_another_makes_it_none(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": RANDOM.integers(0, 90, 900), "b": RANDOM.integers(0, 90, 900)})
    frame["c"] = frame["a"] + frame["b"]
    frame.loc[850, "c"] += 5
    assert "sum" not in text(told(frame, tmp_path), "quality")


def test_two_series_that_grow_go_together_if_their_changes_do(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=300)
    steps = RANDOM.normal(1, 3, 300)
    frame = pd.DataFrame(
        {
            "day": days,
            "one": (500.5 + np.cumsum(steps)).round(3),
            "other": (300.5 + np.cumsum(RANDOM.normal(1, 3, 300))).round(3),
            "like": (200.5 + np.cumsum(2 * steps + RANDOM.normal(0, 4, 300))).round(3),
        }
    )
    said = told(frame, tmp_path)
    assert "one and other both rise over time: their levels correlate by 0.9" in text(said, "correlations")
    assert "and other" not in findings(said)
    assert "other and" not in findings(said)
    assert "with other" not in findings(said)
    assert "one and like rise and fall together" in findings(said) or "with like" in findings(said)


def test_columns_that_nearly_repeat_each_other_are_told_once(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    close = 100 + np.cumsum(random.normal(0.1, 1, 300)).round(4)
    frame = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=300), "open": np.roll(close, 1) + 0.1})
    frame["high"] = (np.maximum(frame["open"], close) + random.uniform(0, 0.3, 300)).round(4)
    frame["close"], frame["volume"] = close, random.normal(0, 1, 300).round(4)
    frame = frame.iloc[1:]
    said = told(frame, tmp_path, "quality", "correlations", "drivers", "trends")
    assert findings(said).count("open") == 1
    assert "open and high nearly repeat close" in findings(said)
    assert "rise and fall together" not in text(said, "correlations")
    assert "open and high (nearly the same)" in text(said, "drivers")
    assert "mean of high" not in text(said, "trends")


def test_the_best_of_many_columns_by_chance_is_no_finding(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frame = pd.DataFrame({f"x{place}": random.normal(0, 1, 60).round(3) for place in range(20)})
    said = told(frame, tmp_path, "drivers")
    assert "None of 19 columns says much of x0" in text(said, "drivers")


def test_a_measure_that_is_its_group_in_other_words_is_no_finding(tmp_path: Path) -> None:
    zones = {"Lima": -5.5, "Rome": 1.5, "Delhi": 5.5}
    cities = RANDOM.choice(list(zones), ROWS)
    frame = pd.DataFrame({"city": cities, "offset": [zones[city] for city in cities], "x": RANDOM.normal(0, 1, ROWS)})
    said = told(frame, tmp_path)
    assert "offset follows from city: each city has a single offset." in text(said, "groups")
    assert "By city, the mean of offset" not in findings(said)


def test_a_column_that_few_rows_have_drives_nothing(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": RANDOM.normal(0, 1, 600).round(3), "kind": RANDOM.choice(["a", "b"], 600)})
    frame["rare"] = np.where(np.arange(600) < 25, frame["x"] * 3 + RANDOM.normal(0, 0.1, 600), np.nan).round(3)
    said = told(frame, tmp_path)
    assert "x and rare" not in findings(said)
    assert "with rare" not in findings(said)


def test_a_pair_with_few_rows_in_common_is_left_out_and_named(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(0, 1, 600).round(3), "y": random.normal(0, 1, 600).round(3)})
    frame["rare"] = np.where(np.arange(600) < 25, frame["x"] * 3, np.nan).round(3)
    said = text(told(frame, tmp_path, "correlations"), "correlations")
    assert "2 pairs of columns have values in fewer than 30 common rows and are left out: x with rare" in said
    assert "x and rare rise" not in said


@pytest.mark.parametrize("name", ["year_built", "date_of_birth", "Baujahr"])
def test_when_things_were_made_is_no_time_of_their_rows(name: str, tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    years = 1950 + random.integers(0, 60, ROWS)
    made = [f"{year}-05-01" for year in years] if "date" in name else years
    said = told(pd.DataFrame({name: made, "x": random.normal(0, 1, ROWS).round(2)}), tmp_path, "trends", "groups")
    assert "no column of dates or times" in text(said, "trends")
    assert f"mean of {name}" not in "".join(text(said, section) for section in said)


def test_hours_of_a_day_split_the_rows(tmp_path: Path) -> None:
    hours = np.arange(24 * 30) % 24
    noise = np.random.default_rng(5).normal(0, 1, 720)
    frame = pd.DataFrame({"hour": hours, "load": (np.where(hours == 19, 90, 50) + noise).round(2)})
    said = told(frame, tmp_path, "distributions", "groups")
    assert "By hour, the mean of load is highest for 19" in findings(said)
    assert "mean of hour" not in "".join(text(said, section) for section in said)


def test_flags_are_told_in_the_words_of_the_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"smoker": RANDOM.choice(["Yes", "No"], ROWS), "x": RANDOM.normal(0, 1, ROWS).round(2)})
    frame.loc[frame["smoker"] == "Yes", "x"] += 5
    said = told(frame, tmp_path)
    assert "highest for Yes" in findings(said)
    assert "true" not in "\n".join(text(said, section) for section in said)


def test_a_season_of_what_can_be_negative_is_told_in_its_own_unit(tmp_path: Path) -> None:
    days = pd.date_range("2019-01-01", "2022-12-31")
    warm = 9 - 12 * np.cos(2 * np.pi * (days.day_of_year - 15) / 365.25) + RANDOM.normal(0, 2, len(days))
    said = text(told(pd.DataFrame({"day": days, "degrees": warm.round(1)}), tmp_path), "trends")
    assert "is highest in July (on average 11" in said
    assert "above its trend) and lowest in January" in said


def test_money_by_group_has_totals_and_shares_and_prices_have_none(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"region": (["North"] * 3 + ["South"] * 2 + ["West"]) * 10, "sales": np.repeat([90.5, 110.5] * 5, 6)}
    )
    frame["unit_price"] = np.random.default_rng(6).normal(9, 1, 60).round(2)
    said = told(frame, tmp_path, "trends", "groups")
    shares = "By region, North has 50.0% of the total of sales (3,015 of 6,030, with 50.0% of the rows), South 33.3%"
    assert shares in text(said, "groups")
    assert not findings(said)  # it is that of the rows
    assert "total of unit_price" not in "".join(text(said, section) for section in said)


@pytest.mark.parametrize("rows", [5, 7, 9])
def test_groups_of_a_handful_of_rows_are_told_and_no_finding(rows: int, tmp_path: Path) -> None:
    kinds = np.repeat(["a", "b", "c"], rows)
    frame = pd.DataFrame({"kind": kinds, "x": (np.arange(3 * rows) % 5 + (kinds == "a") * 90.5).round(2)})
    said = told(frame, tmp_path, "groups", "drivers", "correlations")
    assert "the mean of x is highest for a" in text(said, "groups")
    assert findings(said) == ""


def test_groups_of_ten_rows_that_differ_far_are_a_finding(tmp_path: Path) -> None:
    kinds = np.repeat(["a", "b", "c"], 10)
    frame = pd.DataFrame({"kind": kinds, "x": np.arange(30) % 5 + (kinds == "a") * 90.5})
    assert "the mean of x is highest for a" in findings(told(frame, tmp_path, "groups"))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_the_ends_of_many_groups_that_differ_by_chance_are_no_finding(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    kinds = [f"k{place % 20:02}" for place in range(400)]
    frame = pd.DataFrame({"kind": kinds, "x": random.normal(0, 1, 400).round(3)})
    assert findings(told(frame, tmp_path, "groups", "drivers")) == ""


@pytest.mark.parametrize("rows", [6, 8, 9])
def test_what_moves_together_in_a_handful_of_rows_is_no_finding(rows: int, tmp_path: Path) -> None:
    x = np.arange(rows) ** 2 % 7 + 0.5
    frame = pd.DataFrame({"x": x, "y": 3 * x + np.arange(rows) % 2 / 2})
    said = told(frame, tmp_path, "correlations")
    assert "x and y rise and fall together" in text(said, "correlations")
    assert findings(said) == ""


@pytest.mark.parametrize("last", [3, 5, 9])
def test_a_shift_of_the_last_few_rows_is_told_with_its_interval_and_no_finding(last: int, tmp_path: Path) -> None:
    random = np.random.default_rng(last)
    level = np.where(np.arange(60) < 60 - last, 50.0, 90.0)
    x = (level + random.normal(0, 1, 60)).round(2)
    said = told(pd.DataFrame({"day": pd.date_range("2024-01-01", periods=60), "x": x}), tmp_path, "trends")
    difference = x[60 - last :].mean() - x[: 60 - last].mean()
    assert f"(a difference of {Wording().number(difference)}, 95% interval" in text(said, "trends")
    assert "The level of x changed" not in findings(said)


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_season_of_two_years_by_chance_is_none(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"month": pd.period_range("2021-01", periods=30, freq="M").astype(str)})
    frame["x"] = random.normal(50, 9, 30).round(2)
    assert "By month" not in text(told(frame, tmp_path, "trends"), "trends")


@pytest.mark.parametrize("names", [("paid in", "paid out"), ("Withdrawal", "Deposit"), ("answer", "reason for none")])
def test_columns_of_which_each_row_has_one_are_no_gaps(names: tuple[str, str], tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": RANDOM.normal(9, 2, ROWS).round(3), **dict.fromkeys(names, 0.0)})
    first = np.arange(ROWS) % 7 == 0
    frame[names[0]] = np.where(first, RANDOM.normal(50, 9, ROWS).round(2), np.nan)
    frame[names[1]] = np.where(first, np.nan, RANDOM.normal(20, 4, ROWS).round(2))
    said = told(frame, tmp_path, "overview")
    assert f"Each row has either {names[0]} or {names[1]}.\nNo other value is missing." in text(said, "overview")
    assert findings(said) == ""
    frame.loc[3, names[1]] = np.nan  # a row with neither
    (tmp_path / "again").mkdir()
    said = told(frame, tmp_path / "again", "overview")
    assert "either" not in text(said, "overview")
    assert "missing" in findings(said)


@pytest.mark.parametrize(("surnames", "left_out"), [(58, True), (40, True), (30, False), (5, False)])
def test_names_that_hardly_stand_twice_say_nothing_of_a_number(surnames: int, left_out: bool, tmp_path: Path) -> None:
    names = [f"Name {chr(65 + row % surnames // 26)}{chr(65 + row % surnames % 26)}" for row in range(63)]
    frame = pd.DataFrame({"last_name": names, "age": RANDOM.integers(15, 80, 63), "sex": RANDOM.choice(["f", "m"], 63)})
    said = text(told(frame, tmp_path, "drivers"), "drivers")
    assert ("last_name (hardly a value twice)" in said) == left_out
