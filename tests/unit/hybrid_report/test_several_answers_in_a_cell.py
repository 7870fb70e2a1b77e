"""Cells of several answers, as surveys export them, are counted by answer; other words with separators aren't."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from andon.reports.datasets import inspect_dataset
from andon.reports.options import ColumnChoice
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

ANSWERS = ["Python", "SQL", "Power BI", "R", "Other (please say)", "C, C++"]
Cell = Callable[[random.Random], str]


def survey(cell: Cell, rows: int = 150) -> str:
    draw, made = random.Random(4), io.StringIO()
    write = csv.writer(made)
    write.writerow(["respondent", "tools", "years"])
    for row in range(rows):
        write.writerow([1000 + row, cell(draw), row % 40])
    return made.getvalue()


def several(separator: str, end: str = "", answers: list[str] = ANSWERS, order: bool = True) -> Cell:
    def cell(draw: random.Random) -> str:
        chosen = draw.sample(answers, draw.choice([1, 1, 2, 3]))
        return separator.join(sorted(chosen, key=answers.index) if order else chosen) + end

    return cell


@pytest.mark.parametrize(
    ("separator", "cell"),
    [
        (";", several(";")),
        (";", several("; ", order=False)),
        (";", several(";", end=";")),
        ("|", several("|")),
        ("|", several(" | ", order=False)),
        ("\n", several("\n")),
        (",", several(", ", answers=ANSWERS[:5])),
        (",", several(",", answers=ANSWERS[:5], order=False)),
        (";", several(";", answers=["1", "2", "3", "5"])),
        (",", several(", ", answers=["猫", "犬", "鳥"])),
    ],
)
def test_answers_are_counted_one_by_one(separator: str, cell: Cell, profile: Profile) -> None:
    text = survey(cell)
    cells = [row["tools"] for row in csv.DictReader(io.StringIO(text))]
    marks = Counter(answer for each in cells for answer in {part.strip() for part in each.split(separator)} - {""})
    found = profile("distributions", text)
    told = found["columns"][1]
    assert (told["role"], told["count"], told["distinct"]) == ("choices", len(cells), len(marks))
    assert {each["value"]: each["count"] for each in told["top"]} == marks
    assert (told["answers"], told["combinations"], told["other"]) == (marks.total(), len(set(cells)), 0)
    said = "\n".join(each.text for each in SECTIONS["distributions"].sentences(found, Wording()))
    [(most, many)] = marks.most_common(1)
    share = Wording().percent(many, len(cells))
    assert f"in {len(set(cells))} combinations; “{most}” is the most frequent, in {share} of them" in said
    figure = next(each for each in SECTIONS["distributions"].figures(found, Wording()) if each.key == "of-tools")
    assert figure.note == f"{len(marks)} answers; a cell may hold several"


TOWNS = ["Bern, Switzerland", "Basel, Switzerland", "Rome, Italy", "Pisa, Italy", "Springfield, IL, USA"]


@pytest.mark.parametrize(
    "cell",
    [
        lambda draw: draw.choice(TOWNS),  # each part at its place
        lambda draw: f"{draw.choice(['Smith', 'Jones'])}, {draw.choice('ABCDEF')}.",
        lambda draw: f"street {draw.randrange(900)}, {draw.choice(['Bern', 'Basel', 'Zug'])}",
        lambda draw: ", ".join(f"w{draw.randrange(500)}" for _ in range(draw.choice([2, 3]))),  # hardly one twice
        lambda draw: draw.choice(["yes; rather", "no", "maybe"]),
        lambda draw: draw.choice(["1,200", "3,400", "5,600 or so"]),
    ],
)
def test_words_with_separators_that_are_no_answers_stay_what_they_were(cell: Cell, profile: Profile) -> None:
    assert profile("distributions", survey(cell))["columns"][1]["role"] != "choices"


def test_what_a_column_is_can_be_said(profile: Profile, tmp_path: Path) -> None:
    text = survey(several(";"))
    as_words = profile("distributions", text, columns={"tools": ColumnChoice(role="category")})["columns"][1]
    assert (as_words["role"], "answers" in as_words) == ("category", False)
    path = tmp_path / "survey.csv"
    path.write_text(text)
    column = inspect_dataset(path, path.name).columns[1]
    assert (column.role, column.reason) == ("choices", "several of 6 answers in a cell, parted by “;”")


def test_words_can_be_said_to_be_answers(profile: Profile) -> None:
    towns = profile(
        "distributions", survey(lambda draw: draw.choice(TOWNS)), columns={"tools": ColumnChoice("choices")}
    )
    assert towns["columns"][1]["distinct"] == len({part for town in TOWNS for part in town.split(", ")})


def test_combinations_drive_nothing(profile: Profile) -> None:
    found = profile("drivers", survey(several(";")))
    assert {"column": "tools", "reason": "several answers in a cell"} in found["leftOut"]
