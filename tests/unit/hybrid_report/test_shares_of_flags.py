"""How often a flag is set by group: an A/B test, who left by plan, what was late by carrier, who said yes by age."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

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


def along(chance: np.ndarray, number: np.ndarray, name: str, flag: str, said: tuple[str, str]) -> pd.DataFrame:
    """Rows of which the chance of the first word goes with a number."""
    random = np.random.default_rng(11)
    yes = random.random(len(number)) < chance
    frame = pd.DataFrame({"place": random.choice(["north", "south"], len(number)), name: number})
    return frame.assign(**{flag: np.where(yes, *said)})


DAYS_AHEAD = np.random.default_rng(2).gamma(1.4, 14, 2000).astype(int)
DISTANCE = np.random.default_rng(3).uniform(0.5, 60, 900).round(1)
SCORE = np.random.default_rng(4).integers(300, 850, 1500)


@pytest.mark.parametrize(
    ("frame", "name", "flag", "yes", "way"),
    [
        (
            along(0.04 + 0.005 * DAYS_AHEAD, DAYS_AHEAD, "booked ahead", "No-show", ("Y", "N")),
            "booked ahead",
            "No-show",
            "Y",
            "rises",
        ),
        (
            along(0.01 + 0.008 * DISTANCE, DISTANCE, "km", "outcome", ("late", "on time")),
            "km",
            "outcome",
            "late",
            "rises",
        ),
        (
            along((880 - SCORE) / 1200, SCORE, "score", "defaulted", ("true", "false")),
            "score",
            "defaulted",
            "true",
            "falls",
        ),
    ],
)
def test_a_flag_that_goes_with_a_number_is_told_by_its_parts(
    frame: pd.DataFrame, name: str, flag: str, yes: str, way: str, tmp_path: Path
) -> None:
    said = told(frame, tmp_path)
    first = findings(said).splitlines()[0]
    found = re.match(
        rf"{flag} is {yes} most often where {name} is ([\d.]+) to ([\d.]+) \(([\d.]+)% of (\d+) rows\) "
        r"and least where it is ([\d.]+) to ([\d.]+) \(([\d.]+)% of (\d+)\)",
        first,
    )
    assert found, first
    for start, end, share, rows in (found.groups()[:4], found.groups()[4:]):
        part = frame.loc[frame[name].between(float(start), float(end)), flag] == yes
        assert (len(part), f"{100 * part.mean():.1f}") == (int(rows), share)
    assert f"the share {way} from part to part" in first
    assert "its mean is" not in findings(said)


@pytest.mark.parametrize("of", [lambda x: (x - x.mean()) ** 2, lambda x: np.sin(x / 90)])
def test_a_number_along_which_a_share_goes_up_and_down_stands_behind_a_group(of: Any, tmp_path: Path) -> None:
    chance = of(SCORE.astype(float))
    chance = 0.05 + 0.3 * (chance - chance.min()) / (chance.max() - chance.min())
    frame = along(chance, SCORE, "score", "left", ("yes", "no"))
    frame["plan"] = np.random.default_rng(5).choice(["a", "b", "c"], len(frame))
    often = np.where(np.random.default_rng(6).random(len(frame)) < 0.45, "yes", "no")
    frame["left"] = frame["left"].where(frame["plan"] != "a", often)
    assert findings(told(frame, tmp_path)).startswith("By plan, left is yes most often for a")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_share_that_goes_with_no_number_is_no_finding(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({f"n{i}": random.normal(50, 9, 800).round(2) for i in range(8)})
    frame["left"] = random.choice(["yes", "no"], 800, p=[0.2, 0.8])
    assert "left is yes" not in findings(told(frame, tmp_path))


def of_two(shares: dict[tuple[str, str], tuple[float, int]], by: str, other: str, flag: str) -> pd.DataFrame:
    """Rows of two columns, of which each pair has its share of ones, exactly, and so many rows."""
    rows = []
    for (one, two), (share, many) in shares.items():
        rows += [(one, two, int(place < round(share * many))) for place in range(many)]
    return pd.DataFrame(rows, columns=[by, other, flag]).sample(frac=1, random_state=1).reset_index(drop=True)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (  # as a whole B is better
            {
                ("A", "phone"): (0.06, 4000),
                ("B", "phone"): (0.10, 4000),
                ("A", "desk"): (0.12, 2500),
                ("B", "desk"): (0.10, 2500),
            },
            "It depends on device: where that is phone, 4.0 points more (B 10.0%, A 6.0%); where it is desk, "
            "2.0 points fewer (B 10.0%, A 12.0%).",
        ),
        (  # as a whole there is no difference
            {
                ("A", "phone"): (0.05, 2000),
                ("B", "phone"): (0.10, 2000),
                ("A", "desk"): (0.10, 2000),
                ("B", "desk"): (0.05, 2000),
            },
            "which may be chance. It depends on device: where that is desk, 5.0 points",
        ),
        (  # as a whole A is better, for most of its rows are of the kind that is better
            {
                ("A", "phone"): (0.10, 500),
                ("B", "phone"): (0.16, 3000),
                ("A", "desk"): (0.30, 3000),
                ("B", "desk"): (0.37, 500),
            },
            "Among rows of one device it is the other way round: where that is desk, 7.0 points fewer "
            "(A 30.0%, B 37.0%); where it is phone, 6.0 points fewer (A 10.0%, B 16.0%).",
        ),
    ],
)
def test_two_groups_that_differ_otherwise_in_parts_of_the_rows_are_told_by_these(
    shares: dict[tuple[str, str], tuple[float, int]], expected: str, tmp_path: Path
) -> None:
    frame = of_two(shares, "variant", "device", "converted")
    first = next(line for line in findings(told(frame, tmp_path)).splitlines() if line.startswith("By variant"))
    assert expected in first


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_difference_that_is_the_same_everywhere_depends_on_nothing(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"variant": random.choice(["A", "B"], 4000), "device": random.choice(["x", "y", "z"], 4000)})
    frame["converted"] = (random.random(4000) < 0.1 + 0.06 * (frame["variant"] == "B")).astype(int)
    said = findings(told(frame, tmp_path))
    assert said.startswith("By variant, converted is 1 most often for B")
    assert "depends on" not in said


@pytest.mark.parametrize(
    ("outcome", "kind", "expected"),
    [
        (("status", "paid", "open"), ("plate", "foreign", "local"), "By plate, status is paid most often for local"),
        (("churned", "yes", "no"), ("contract", "long", "short"), "By contract, churned is yes most often for short"),
        (("result", "fail", "pass"), ("shift", "night", "day"), "By shift, result is fail most often for night"),
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_of_two_words_that_which_came_of_a_row_is_told_by_the_other(
    outcome: tuple[str, str, str], kind: tuple[str, str, str], expected: str, first: int, tmp_path: Path
) -> None:
    random = np.random.default_rng(9)
    rare = random.random(1500) < 0.2
    share = np.where(rare, *{"paid": (0.3, 0.8), "yes": (0.04, 0.3), "fail": (0.3, 0.04)}[outcome[1]])
    columns = {
        kind[0]: np.where(rare, *kind[1:]),
        outcome[0]: np.where(random.random(1500) < share, *outcome[1:]),
    }
    names = [*columns][:: 1 if first else -1]
    said = findings(told(pd.DataFrame({name: columns[name] for name in names}), tmp_path))
    assert expected in said


def test_a_date_that_comes_some_days_after_the_time_is_no_driver(tmp_path: Path) -> None:
    random = np.random.default_rng(10)
    issued = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.sort(random.integers(0, 240, 1500)), unit="D")
    frame = pd.DataFrame({"issued": issued, "amount": np.where(issued < "2025-05-01", 35.5, 50.5)})
    frame["amount"] += random.choice([0, 5, 10], 1500)
    frame["paid"] = issued + pd.to_timedelta(random.integers(1, 40, 1500), unit="D")
    frame.loc[random.random(1500) < 0.2, "paid"] = pd.NaT
    said = told(frame, tmp_path)
    assert "amount goes" not in text(said, "drivers")
    assert "issued and paid (time: see the trends)" in text(said, "drivers")


def test_each_share_is_drawn_and_listed(profile: Profile) -> None:
    frame = by_group({"A": 0.1, "B": 0.25}, "converted", "variant", "1", "0")
    result = profile("groups", frame.to_csv(index=False))
    groups, wording = SECTIONS["groups"], Wording()
    assert "share-of-converted-by-variant" in {figure.key for figure in groups.figures(result, wording)}
    grid = next(grid for grid in groups.grids(result, wording) if grid.caption.startswith("converted: share of “1”"))
    for name, rows, part, share, *_ in grid.rows:
        own = frame.loc[frame["variant"] == name, "converted"] == "1"
        assert (rows, part, share) == (str(len(own)), str(own.sum()), f"{100 * own.mean():.1f}%")
