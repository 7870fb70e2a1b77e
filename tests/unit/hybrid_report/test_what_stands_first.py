"""Which finding a reader sees first: the story of the rows, once, and not what is so by the nature of the columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon_worker.hybrid_report.findings import key_findings
from andon_worker.hybrid_report.section import Sentence
from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

DAYS = pd.date_range("2024-01-01", periods=240)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_has_most_of_a_sum_with_few_rows_is_told_once_and_first(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"article": random.choice(["Cup", "Oven", "Plate", "Spoon"], 500, p=[0.4, 0.1, 0.3, 0.2])})
    frame["pieces"] = random.integers(1, 5, 500)
    price = frame["article"].map({"Cup": 8.5, "Oven": 640.0, "Plate": 12.0, "Spoon": 3.5})
    frame["revenue"] = (frame["pieces"] * price).round(2)
    sums = frame.groupby("article")["revenue"].sum()
    said = findings(told(frame, tmp_path)).splitlines()
    assert said[0].startswith(f"By article, Oven has {100 * sums['Oven'] / sums.sum():.1f}% of the total of revenue")
    assert sum("article" in each and "revenue" in each for each in said) == 1


@pytest.mark.parametrize("fall", [0.45, 0.6, 0.7])
def test_a_rate_that_fell_on_a_date_stands_before_what_larger_days_have_more_of(fall: float, tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame({"day": DAYS, "visits": random.poisson(random.uniform(500, 5000, len(DAYS)))})
    frame["orders"] = random.binomial(frame["visits"], np.where(DAYS < "2024-06-03", 0.05, 0.05 * fall))
    frame["rate"] = (100 * frame["orders"] / frame["visits"]).round(2)
    said = told(frame, tmp_path)
    first = findings(said).splitlines()[0]
    assert first.startswith("The level of the mean of rate changed with the week of 2024-06-03")
    assert "visits and orders rise and fall together" in text(said, "correlations")


@pytest.mark.parametrize("slower", [2.0, 2.5, 3.0])
def test_a_group_that_goes_its_own_way_is_a_finding(slower: float, tmp_path: Path) -> None:
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"opened": random.choice(DAYS, 1500), "queue": random.choice(["a", "b", "c"], 1500)})
    late = (frame["queue"] == "b") & (frame["opened"] > DAYS[120])
    frame["score"] = (random.gamma(4, 5, 1500) * np.where(late, slower, 1)).round(2)
    assert "By queue, the mean of score: of the 3 groups 1 rose, b (+" in findings(told(frame, tmp_path))


def test_a_fee_that_a_plan_implies_stands_behind_what_it_does_not(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    frame = pd.DataFrame({"plan": random.choice(["S", "M", "L"], 600), "site": random.choice(["x", "y", "z"], 600)})
    frame["price"] = frame["plan"].map({"S": 9.0, "M": 19.0, "L": 29.0}) + random.choice([0.0, 0.5], 600)
    frame["score"] = (random.normal(5, 1, 600) + 2 * (frame["site"] == "x")).round(2)
    said = findings(told(frame, tmp_path)).splitlines()
    implied = [place for place, each in enumerate(said) if "price" in each and "plan" in each]
    assert "site" in said[0]
    assert len(implied) == 1


def test_what_tells_of_other_columns_goes_before_more_of_the_same() -> None:
    told = {
        "groups": [
            Sentence("a by g", 0.60, about=("a", "g")),
            Sentence("b by g", 0.58, about=("b", "g")),
            Sentence("c by h", 0.50, about=("c", "h")),
            Sentence("d by i", 0.45, about=("d", "i")),
        ],
        "drivers": [Sentence("a with g", 0.55, about=("g", "a"))],
    }
    assert [each["text"] for each in key_findings(told)] == ["a by g", "c by h", "b by g", "d by i"]


def test_a_section_has_more_than_its_places_only_where_others_leave_some() -> None:
    trends = [Sentence(f"trend {n}", 0.9 - n / 10, about=(str(n), "over time")) for n in range(4)]
    told = {"trends": trends, "groups": [Sentence("a by g", 0.2, about=("a", "g"))]}
    assert [each["text"] for each in key_findings(told)] == ["trend 0", "trend 1", "a by g", "trend 2", "trend 3"]


def test_a_step_stands_beside_one_of_the_hours_of_the_day(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    frame = pd.DataFrame({"at": pd.date_range("2025-03-01", periods=24 * 40, freq="h")})
    turn = np.sin(2 * np.pi * frame["at"].dt.hour / 24)
    frame["temp"] = (4 + 2 * turn + random.normal(0, 0.6, len(frame))).round(2)
    frame["humidity"] = (60 - 8 * turn + random.normal(0, 2, len(frame))).round(2)
    frame["power"] = (2.1 + 0.9 * (frame["at"] >= "2025-03-21") + random.normal(0, 0.15, len(frame))).round(3)
    said = findings(told(frame, tmp_path))
    assert said.count("By hour of day") == 1
    assert "The level of the mean of power changed with 2025-03-21" in said


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_share_of_a_sum_is_told_by_how_far_it_is_from_that_of_the_rows(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"department": random.choice(["Warehouse", "Sales", "IT"], 420, p=[0.42, 0.33, 0.25])})
    frame["base cost"] = random.normal(3000, 300, 420).round(2)
    hours = np.where(frame["department"] == "Warehouse", 18, 3) * random.uniform(0.5, 1.5, 420)
    frame["overtime cost"] = (21.5 * hours).round(2)
    said = findings(told(frame, tmp_path))
    assert "By department, Warehouse has" in said
    assert "of the total of overtime cost" in said
    assert "of the total of base cost" not in said


@pytest.mark.parametrize("finest", [60, 900])
def test_rows_of_coarse_columns_repeat_by_nature(finest: int, tmp_path: Path) -> None:
    random = np.random.default_rng(11)
    rows = random.integers(1, 4, (2500, 5))
    frame = pd.DataFrame(rows, columns=["marriage", "religion", "education", "work", "health"])
    frame["hours"] = random.integers(0, finest, 2500)
    frame = pd.concat([frame, frame.sample(500, random_state=1)])
    said = told(frame, tmp_path, "quality")
    assert "repeat an earlier row exactly" in text(said, "quality")
    assert ("repeat an earlier row exactly" in findings(said)) == (finest == 900)


def test_places_that_are_left_are_filled_by_what_is_small_but_sure_and_by_flags_first() -> None:
    told = {
        "overview": [Sentence("gaps", 0.05)],
        "groups": [
            Sentence("a by g", 0.60, about=("a", "g"), rows=50),
            Sentence("b by h", 0.09, about=("b", "h"), rows=50),
            Sentence("c by i", 0.04, "share-of-c-by-i", ("c", "i"), 50),
            Sentence("of few", 0.09, about=("d", "k"), rows=9),
            Sentence("may be chance", about=("e", "l"), rows=50),
        ],
    }
    assert [each["text"] for each in key_findings(told)] == ["a by g", "c by i", "b by h"]


def test_what_goes_with_one_of_two_columns_that_tell_the_same_is_told_once() -> None:
    told = {
        "correlations": [
            Sentence("p with q", 0.8, about=("p", "q"), alike=True),
            Sentence("q with r", 0.7, about=("q", "r"), alike=True),
        ],
        "drivers": [Sentence("y with p", 0.65, about=("y", "p")), Sentence("y with r", 0.5, about=("y", "r"))],
        "groups": [
            Sentence("f by shift", 0.7, about=("f", "shift")),
            Sentence("f by agent", 0.65, about=("f", "agent")),
            Sentence("agent within shift", 0.38, about=("shift", "agent"), alike=True),
            Sentence("p by site", 0.3, about=("p", "site")),
            Sentence("q by site", 0.2, about=("q", "site")),
        ],
        "distributions": [Sentence("y has a long tail", 0.3, about=("y",)), Sentence("z has", 0.2, about=("z",))],
    }
    said = [each["text"] for each in key_findings(told)]
    assert "f by shift" in said
    assert "p with q" in said
    assert "y with p" in said
    assert "p by site" in said
    assert not {"q with r", "y with r", "f by agent", "y has a long tail"} & set(said)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_small_difference_between_two_variants_is_a_finding_where_nothing_larger_is(
    seed: int, tmp_path: Path
) -> None:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"variant": ["A", "B"] * 300, "device": random.choice(["desk", "phone"], 600)})
    noise = random.normal(0, 15, 600)
    noise -= pd.Series(noise).groupby(frame["variant"]).transform("mean").to_numpy()
    frame["basket"] = (50 + noise + 4 * (frame["variant"] == "B")).round(2)
    means = frame.groupby("variant")["basket"].mean()
    assert (
        f"By variant, the mean of basket is highest for B ({means['B']:.2f}) and lowest for A ({means['A']:.2f})"
    ) in findings(told(frame, tmp_path))


def test_a_flag_that_two_columns_make_is_no_finding(tmp_path: Path) -> None:
    random = np.random.default_rng(9)
    frame = pd.DataFrame({"cell": random.integers(1, 5, 400), "score": random.normal(0, 1, 400).round(3)})
    frame["tone"] = (frame["cell"] <= 2).astype(int)
    frame["shown"] = (frame["cell"] % 2).astype(int)
    frame["both"] = frame["tone"] * frame["shown"]
    said = findings(told(frame, tmp_path))
    assert "both is 1" not in said
    assert "where cell is" not in said
