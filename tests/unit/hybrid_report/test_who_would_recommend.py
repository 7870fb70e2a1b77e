"""Of answers to how likely somebody is to recommend the Net Promoter Score is told, in all and by group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

SHAPES = {"Gold": [0.02] * 5 + [0.05, 0.05, 0.1, 0.2, 0.3, 0.2], "Basic": [0.06] * 6 + [0.14, 0.2, 0.2, 0.07, 0.03]}


def answers(question: str, rows: int = 600, low: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(4)
    plan = random.choice([*SHAPES], rows)
    said = [random.choice(11, p=SHAPES[each]) for each in plan]
    return pd.DataFrame({"plan": plan, question: np.maximum(said, low)})


def score(said: pd.Series[int]) -> float:
    return float(100 * ((said >= 9).mean() - (said <= 6).mean()))


def signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")


@pytest.mark.parametrize(
    "question",
    [
        "NPS",
        "Q2_NPS",
        "How likely are you to recommend us to a friend?",
        "Wie wahrscheinlich ist eine Weiterempfehlung?",
        "likelihood to recommend",
    ],
)
@pytest.mark.parametrize("low", [0, 1])
def test_the_score_of_all_and_of_the_ends_is_told_in_points(question: str, low: int, tmp_path: Path) -> None:
    frame = answers(question, low=low)
    said = told(frame, tmp_path)
    by_plan = frame.groupby("plan")[question].apply(score)
    first = findings(said).splitlines()[0]
    assert (
        f"Their Net Promoter Scores (9 and 10 less 0 to 6) are {signed(by_plan['Gold'])} and "
        f"{signed(by_plan['Basic'])} points." in first
    )
    assert f" is {signed(score(frame[question]))}: of 600 answers " in text(said, "groups")


@pytest.mark.parametrize(
    ("question", "values"),
    [("satisfaction", 11), ("rating", 11), ("How likely are you to recommend us?", 6), ("recommended price", 11)],
)
def test_other_answers_have_no_such_score(question: str, values: int, tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame({"plan": random.choice(["a", "b"], 400), question: random.integers(0, values, 400)})
    assert "Promoter" not in text(told(frame, tmp_path, "groups"), "groups")


def test_a_survey_that_has_no_groups_has_a_score(tmp_path: Path) -> None:
    frame = answers("NPS")[["NPS"]]
    assert findings(told(frame, tmp_path)).startswith(f"The Net Promoter Score of NPS is {signed(score(frame['NPS']))}")
