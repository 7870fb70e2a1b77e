"""How often a flag is set by group: an A/B test, who left by plan, what was late by carrier, who said yes by age."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon_worker.hybrid_report import SECTIONS, evidence
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile
from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

ROWS = 1200


def by_group(shares: dict[str, float], flag: str, by: str, yes: str, no: str, seed: int = 3) -> pd.DataFrame:
    """Rows of equally large groups, each with its share of yes."""
    random = np.random.default_rng(seed)
    groups = random.permutation(np.resize(list(shares), ROWS))
    said = random.random(ROWS) < np.array([shares[group] for group in groups])
    other = random.choice(["north", "south", "west"], ROWS)
    return pd.DataFrame({"place": other, by: groups, flag: np.where(said, yes, no)})


@pytest.mark.parametrize(
    ("frame", "flag", "by", "yes"),
    [
        (by_group({"A": 0.10, "B": 0.18}, "converted", "variant", "1", "0"), "converted", "variant", "1"),
        (by_group({"Basic": 0.3, "Pro": 0.2, "Gold": 0.08}, "churned", "plan", "Yes", "No"), "churned", "plan", "Yes"),
        (
            by_group({"Post": 0.05, "Van": 0.07, "Rad": 0.25}, "verspätet", "Dienst", "ja", "nein"),
            "verspätet",
            "Dienst",
            "ja",
        ),
        (
            by_group({"18-29": 0.8, "30-49": 0.5, "50+": 0.45}, "again", "age", "true", "false"),
            "again",
            "age",
            "true",
        ),
        (by_group({"Mia": 0.02, "Tom": 0.2}, "state", "agent", "reopened", "closed"), "state", "agent", "reopened"),
    ],
)
def test_where_a_flag_is_set_most_often_is_the_first_finding(
    frame: pd.DataFrame, flag: str, by: str, yes: str, tmp_path: Path
) -> None:
    said = told(frame, tmp_path)
    shares = (frame[flag] == yes).groupby(frame[by]).agg(["mean", "sum", "size"]).sort_values("mean")
    (low, least), (high, most) = [(name, row) for name, row in shares.iterrows()][:: len(shares) - 1]
    first = findings(said).splitlines()[0]
    most_of, least_of = (
        f"{Wording().percent(each['sum'], each['size'])} of {each['size']:.0f}" for each in (most, least)
    )
    assert f"By {by}, {flag} is {yes} most often for {high} ({most_of} rows)" in first
    assert f"and least for {low} ({least_of})" in first
    assert f"{100 * (most['mean'] - least['mean']):.1f} percentage points more" in first
    assert f"By place, how often {flag} is {yes} differs no more than by chance" in text(said, "groups")


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_shares_that_differ_by_chance_are_no_finding(seed: int, tmp_path: Path) -> None:
    frame = by_group({"A": 0.1, "B": 0.1}, "converted", "variant", "1", "0", seed)
    said = told(frame, tmp_path, "groups", "drivers")
    assert ", which may be chance." in text(said, "groups")
    assert findings(said) == ""


@pytest.mark.parametrize("rows", [3, 6, 9])
def test_groups_of_fewer_than_ten_rows_are_not_compared(rows: int, tmp_path: Path) -> None:
    frame = pd.DataFrame({"plan": ["a"] * rows + ["b"] * 60, "left": ["yes"] * rows + ["no"] * 58 + ["yes"] * 2})
    assert "most often" not in text(told(frame, tmp_path, "groups"), "groups")


def test_what_follows_from_the_flag_is_no_finding(tmp_path: Path) -> None:
    frame = by_group({"A": 0.3, "B": 0.5}, "bought", "variant", "1", "0")
    spent = np.random.default_rng(5).normal(40, 5, ROWS).round(2)
    frame["revenue"] = np.where(frame["bought"] == "1", spent, 0)
    said = findings(told(frame, tmp_path))
    assert said.startswith("By variant, bought is 1 most often for B")
    assert "revenue goes" not in said
    assert "0.00" not in said


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table II, method 10
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    found = evidence.difference(*a, *b)
    assert math.isclose(found[0], low, abs_tol=6e-5)
    assert math.isclose(found[1], high, abs_tol=6e-5)


def test_each_share_is_drawn_and_listed(profile: Profile) -> None:
    frame = by_group({"A": 0.1, "B": 0.25}, "converted", "variant", "1", "0")
    result = profile("groups", frame.to_csv(index=False))
    groups, wording = SECTIONS["groups"], Wording()
    assert "share-of-converted-by-variant" in {figure.key for figure in groups.figures(result, wording)}
    grid = next(grid for grid in groups.grids(result, wording) if grid.caption.startswith("converted: share of “1”"))
    for name, rows, part, share, *_ in grid.rows:
        own = frame.loc[frame["variant"] == name, "converted"] == "1"
        assert (rows, part, share) == (str(len(own)), str(own.sum()), f"{100 * own.mean():.1f}%")
