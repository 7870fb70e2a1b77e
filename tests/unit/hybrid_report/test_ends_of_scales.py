"""What is told of a scale's ends holds for those with few rows as well, together with the next."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

ANSWERS = ["Strongly disagree", "Disagree", "Neutral", "Agree", "Strongly agree"]
GRADES = ["A", "B", "C", "D", "E", "F"]


def frame_of(scale: list[str], rows: list[int], seed: int) -> pd.DataFrame:
    draw = random.Random(seed)
    places = [place for place, many in enumerate(rows) for _ in range(many)]
    draw.shuffle(places)
    values = [round(50 + 10 * place + draw.gauss(0, 4), 2) for place in places]
    return pd.DataFrame({"mark": [scale[place] for place in places], "level": values})


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("scale", "rows", "low", "high"),
    [
        (ANSWERS, [6, 40, 80, 60, 9], ANSWERS[:2], ANSWERS[3:]),
        (GRADES, [3, 50, 70, 50, 20, 4], ["A", "B"], ["E", "F"]),
        (["1", "2", "3", "4", "5"], [4, 60, 80, 60, 40], ["1", "2"], ["5"]),
        (ANSWERS, [12, 40, 80, 60, 30], ANSWERS[:1], ANSWERS[4:]),
    ],
)
def test_ends_of_few_rows_are_told_with_the_next(
    scale: list[str], rows: list[int], low: list[str], high: list[str], seed: int, profile: Profile
) -> None:
    frame = frame_of(scale, rows, seed)
    found = profile("drivers", frame.to_csv(index=False), question="level", resamples=0)
    [said] = [
        each.text for each in SECTIONS["drivers"].sentences(found, Wording()) if "goes most with mark" in each.text
    ]
    ends = [frame[frame["mark"].isin(some)]["level"].mean() for some in (high, low)]
    joint = " to " if scale[0] == "1" else " or "
    assert f"its mean is {ends[0]:.2f} where mark is {joint.join(high)} and {ends[1]:.2f} where" in said
    assert f"where it is {joint.join(low)} (eta" in said


def test_names_without_an_order_are_told_alone(profile: Profile) -> None:
    frame = frame_of(["Berlin", "Paris", "Rome", "Oslo", "Bern"], [4, 60, 80, 60, 5], 1)
    found = profile("drivers", frame.to_csv(index=False), question="level", resamples=0)
    assert " or " not in SECTIONS["drivers"].sentences(found, Wording())[0].text


@pytest.mark.parametrize(("factor", "logarithmic"), [(20, True), (10, True), (1.1, False)])
def test_means_of_several_magnitudes_stand_on_a_logarithmic_scale(
    factor: float, logarithmic: bool, profile: Profile
) -> None:
    draw = random.Random(1)
    rows = [f"plan {'abcdef'[i % 6]},{100 * factor ** (i % 6) * draw.uniform(0.8, 1.2):.3f}" for i in range(600)]
    found = profile("drivers", "plan,bytes\n" + "\n".join(rows) + "\n", question="bytes", resamples=0)
    [figure] = [each for each in SECTIONS["drivers"].figures(found, Wording()) if each.key == "by-plan"]
    assert ("logarithmic scale" in figure.note) == logarithmic
