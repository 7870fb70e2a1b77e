"""Terms, waves, before and after are periods: told is the group that moved while the others held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

GROUPS, SUBJECTS = ["3A", "3B", "3C"], ["Maths", "Latin", "Sport", "Art"]


def marks(column: str, periods: list[str], fall: float = -3.5, rows: int = 22) -> pd.DataFrame:
    """What 3B has in maths falls bit by bit; a third of the pupils of each group have another level."""
    random = np.random.default_rng(6)
    made = []
    for group in GROUPS:
        for pupil in range(rows):
            level = random.normal(12, 2)
            for subject in SUBJECTS:
                for place, period in enumerate(periods):
                    moved = fall * place / (len(periods) - 1) if (group, subject) == ("3B", "Maths") else 0
                    made.append((f"{group}-{pupil}", group, subject, period, round(level + moved + random.normal(), 1)))
    return pd.DataFrame(made, columns=["pupil", "class", "subject", column, "mark"])


@pytest.mark.parametrize(
    ("column", "periods"),
    [
        ("Trimestre", ["T1", "T2", "T3"]),
        ("term", ["Term 1", "Term 2", "Term 3"]),
        ("Halbjahr", ["1. Halbjahr", "2. Halbjahr"]),
        ("wave", ["1", "2", "3", "4"]),
        ("when", ["pre", "post"]),
        ("Semester", ["S1", "S2"]),
    ],
)
def test_the_group_that_moved_alone_is_the_first_finding(column: str, periods: list[str], tmp_path: Path) -> None:
    frame = marks(column, periods)
    own = (frame["class"] == "3B") & (frame["subject"] == "Maths")
    ends = [frame[column] == period for period in (periods[0], periods[-1])]
    first, last, of_others, at_last = (frame.loc[end & which, "mark"].mean() for which in (own, ~own) for end in ends)
    line = findings(told(frame, tmp_path)).splitlines()[0]
    names = {"1": "wave 1", "4": "wave 4", "1. Halbjahr": "Halbjahr 1", "2. Halbjahr": "Halbjahr 2"}  # numbers by now
    start, end = (names.get(period, period) for period in (periods[0], periods[-1]))
    assert f"From {start} to {end}, the mean of mark fell from {first:.2f} to {last:.2f} where" in line
    assert "class is 3B" in line
    assert "subject is Maths" in line
    assert f"in all other rows it went from {of_others:.2f} to {at_last:.2f}." in line


def test_a_whole_group_that_moved_is_told_as_one(tmp_path: Path) -> None:
    frame = marks("term", ["Term 1", "Term 2"], fall=0)
    frame.loc[(frame["class"] == "3C") & (frame["term"] == "Term 2"), "mark"] += 2
    assert "where class is 3C; in all other rows" in findings(told(frame, tmp_path)).splitlines()[0]


@pytest.mark.parametrize(("column", "periods"), [("treatment", ["T1", "T2", "T3"]), ("size", ["S1", "S2"])])
def test_letters_with_numbers_are_no_periods_by_themselves(column: str, periods: list[str], tmp_path: Path) -> None:
    assert "From " not in text(told(marks(column, periods), tmp_path, "groups"), "groups")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_where_all_hold_or_all_move_nobody_is_told(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    frame = marks("term", ["Term 1", "Term 2", "Term 3"], fall=0)
    frame["mark"] = (frame["mark"] + random.normal(0, 1, len(frame)) + 2 * (frame["term"] == "Term 3")).round(1)
    assert "From Term" not in text(told(frame, tmp_path, "groups"), "groups")
