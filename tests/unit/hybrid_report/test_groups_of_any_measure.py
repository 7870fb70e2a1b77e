"""Which groupings are compared by which measure, and how the small groups and the unsure ones are told."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told


def _staff(seed: int) -> pd.DataFrame:
    """Grades are paid otherwise, sites a little; days of leave go by department alone."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "grade": random.choice(["G1", "G2", "G3"], 600),
            "site": random.choice(["X", "Y", "Z"], 600),
            "department": random.choice(["Eng", "Sales", "Support", "Ops"], 600),
        }
    )
    pay = frame["grade"].map({"G1": 30e3, "G2": 50e3, "G3": 80e3}) * np.where(frame["site"] == "X", 1.3, 1.0)
    frame["salary"] = (pay * random.normal(1, 0.05, 600)).round()
    frame["leave_days"] = random.poisson(np.where(frame["department"] == "Support", 21, 12))
    return frame


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_grouping_is_compared_by_the_measure_that_it_tells_of(seed: int, tmp_path: Path) -> None:
    frame = _staff(seed)
    means = frame.groupby("department")["leave_days"].mean().sort_values()
    said = told(frame, tmp_path)
    for where in (findings(said), text(said, "groups")):
        found = re.search(
            r"By department, the mean of leave_days is highest for (\w+) \((.+?)\) and lowest for (\w+) \((.+?)\)",
            where,
        )
        assert found is not None, where
        assert (found[1], found[3]) == (means.index[-1], means.index[0])
        assert [float(found[2]), float(found[4])] == pytest.approx([means.iloc[-1], means.iloc[0]], abs=0.01)
    assert "By grade, the mean of salary is highest for G3" in text(said, "groups")
    assert "By department, the mean of salary" not in text(said, "groups")


def test_a_measure_behind_the_first_ones_is_compared_where_a_group_lies_apart_in_it(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    frame = pd.DataFrame({"section": random.choice(["A", "B", "C"], 300), "gender": random.choice(["f", "m"], 300)})
    frame["form"] = random.choice(["IX", "X"], 300)
    for subject in ("history", "physics", "music", "art", "english"):
        frame[subject] = random.normal(65, 9, 300).round(1)
    frame.loc[frame["section"] == "C", "english"] -= 14
    means = frame.groupby("section")["english"].mean()
    high = means.idxmax()
    assert (
        f"By section, the mean of english is highest for {high} ({means[high]:.2f}) and lowest for C ({means['C']:.2f})"
    ) in findings(told(frame, tmp_path))


def test_columns_that_go_with_nothing_are_compared_by_no_more_measures(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame({name: random.choice(["a", "b", "c"], 400) for name in ("one", "two", "three", "four")})
    for name in ("p", "q", "r", "s", "t"):
        frame[name] = random.normal(0, 1, 400).round(3)
    said = text(told(frame, tmp_path, "groups"), "groups")
    compared = {frozenset((g, m)) for g, m in re.findall(r"By (\w+), the mean of (\w) is", said)}
    hardly = {
        frozenset((g, m))
        for g, ms in re.findall(r"By (\w+), the means? of ([\w, ]+) hardly", said)
        for m in re.findall(r"\b[p-t]\b", ms)
    }
    pairs = compared | hardly
    assert len(pairs) == 6
    assert len({name for pair in pairs for name in pair if len(name) > 1}) == 2


def test_that_many_were_compared_is_said_where_an_interval_lies_off_zero(tmp_path: Path) -> None:
    """Of the ends of a dozen groups of noise the difference is hardly ever zero."""
    for seed in range(40):
        random = np.random.default_rng(seed)
        frame = pd.DataFrame(
            {"shop": random.choice(list("abcdefghijkl"), 800), "x": random.normal(50, 10, 800).round(2)}
        )
        said = text(told(frame, tmp_path), "groups")
        found = re.search(r"By shop, the mean of x .*interval ([−\d.]+) to ([\d.]+)\), which may be chance(.*)\.", said)
        if found is not None and not found[1].startswith("−"):
            assert found[3] == ": it is the largest of those between 12 groups"
            return
    pytest.fail("no noise came out with an interval off zero")


def test_small_groups_are_ranked_by_the_rule_that_is_told(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame(
        {"cat": ["Food"] * 150 + ["Fun"] * 150 + ["Rent"] * 16 + ["Gifts"] * 12, "score": 40 + random.normal(0, 5, 328)}
    )
    frame.loc[frame["cat"] == "Rent", "score"] += 50
    said = told(frame.round(2), tmp_path)
    rule = "groups of fewer than 30 rows are ranked only where their mean lies beyond those of all others for sure"
    listed = re.search(rf"{rule}: (.*)\.", text(said, "groups"))
    assert listed is not None
    assert set(re.findall(r"\w+ \(\d+ rows\)", listed[1])) == {"Rent (16 rows)", "Gifts (12 rows)"}
    assert "the mean of score is highest for Rent" in text(said, "groups")
