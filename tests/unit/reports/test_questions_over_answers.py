"""Surveys exported with questions in the first row and their answers in the second, with empty cells in both."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from andon.reports.datasets import inspect_dataset

WORDS = ["Good", "Bad", "Fair"]
DRAW = random.Random(5)


def ticked(answer: str) -> str:
    return DRAW.choice([answer, ""])


@pytest.mark.parametrize(
    ("over", "under", "row", "names"),
    [
        pytest.param(
            ["Respondent ID", "Start Date", "Which do you use?", "", "", "What is your role?", ""],
            ["", "", "Email", "Phone", "Chat", "Response", "Other (please specify)"],
            lambda n: [f"{900 + n}", "03/14/2025", *map(ticked, ("Email", "Phone", "Chat")), DRAW.choice(WORDS), ""],
            ["Which do you use? Email", "Which do you use? Phone", "Which do you use? Chat", "What is your role?"],
            id="ticked answers",
        ),
        pytest.param(
            ["Respondent ID", "Rate the following", "", "", "Comments"],
            ["", "Food", "Service", "Price", ""],
            lambda n: [f"{900 + n}", *(DRAW.choice(WORDS) for _ in range(3)), DRAW.choice(["", "too loud for me"])],
            ["Rate the following Food", "Rate the following Service", "Rate the following Price", "Comments"],
            id="a matrix of words",
        ),
        pytest.param(
            ["Respondent ID", "Are you happy?", "What is missing?"],
            ["", "Response", "Open-Ended Response"],
            lambda n: [f"{900 + n}", DRAW.choice(["Yes", "No"]), DRAW.choice(["", "more salt"])],
            ["Are you happy?", "What is missing?"],
            id="one answer each",
        ),
    ],
)
def test_the_second_row_is_part_of_the_names(
    over: list[str], under: list[str], row: object, names: list[str], tmp_path: Path
) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([over, under, *(row(n) for n in range(40))])  # type: ignore[operator]
    (tmp_path / "s.csv").write_text(out.getvalue())
    info = inspect_dataset(tmp_path / "s.csv", "s.csv")
    assert info.rows == 40
    assert {*names} <= {column.name for column in info.columns}
    assert info.columns[0].type == "integer"


def test_a_first_row_with_empty_cells_is_one(tmp_path: Path) -> None:
    rows = [["id", "plan", "", ""], ["1", "basic", "", "x"], *([f"{n}", "basic", "x", "y"] for n in range(2, 40))]
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    (tmp_path / "t.csv").write_text(out.getvalue())
    assert inspect_dataset(tmp_path / "t.csv", "t.csv").rows == 39
