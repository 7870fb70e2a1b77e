"""Numbers of which a bound alone is known (`<3.9`) are told and counted, and never taken for values."""

from __future__ import annotations

import csv
import random
import statistics
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.columns import Column
from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon.reports.options import ColumnChoice
from andon.reports.values import bounds
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.section import Sentence
from andon_worker.hybrid_report.wording import Wording

Cell = Callable[[int], str]


def column_of(folder: Path, value: Cell, rows: int = 60) -> Column:
    path = folder / "t.csv"
    path.write_text("x;n\n" + "".join(f"{value(row)};{row}\n" for row in range(rows)), encoding="utf-8")
    return inspect_dataset(path, path.name).columns[0]


@pytest.mark.parametrize(
    ("value", "bounds", "aside"),
    [
        (lambda row: "<3.9" if row % 6 == 0 else f"{row * 7 % 50 + 4}.1", {"<3.9": 10}, "too high"),
        (lambda row: "> 100" if row % 10 == 0 else f"{row * 7 % 50 + 4}.1", {"> 100": 6}, "too low"),
        (lambda row: "90+" if row % 11 == 0 else f"{row}", {"90+": 6}, "too low"),
        (lambda row: f"<{row % 3},5" if row % 6 == 0 else f"{row * 7 % 50 + 4},1", {"<0,5": 10}, "too high"),
        (
            lambda row: f"<{row % 2}.5 mg/l" if row % 7 == 0 else f"{row}.5 mg/l",
            {"<0.5 mg/l": 5, "<1.5 mg/l": 4},
            "high",
        ),
        (lambda row: ("≤ 2", "≥ 80")[row % 20 == 0] if row % 10 == 0 else f"{row}.5", {"≤ 2": 3, "≥ 80": 3}, ""),
        (lambda row: "<0.25" if row % 5 < 2 else f"{row}.5", {"<0.25": 24}, "too high"),
        (lambda row: "~5" if row == 9 else f"{row}", {"~5": 1}, ""),
        (lambda row: "ca. 5" if row == 9 else f"{row}", {"ca. 5": 1}, ""),
    ],
)
def test_a_column_with_some_bounds_is_one_of_numbers(
    value: Cell, bounds: dict[str, int], aside: str, tmp_path: Path
) -> None:
    column = column_of(tmp_path, value)
    assert column.type in {"integer", "number"}
    assert {each.token: each.count for each in column.missing} == bounds
    assert f"{sum(bounds.values())} of 60 cells " in column.notes[-1]
    assert ("mean of the others" in column.notes[-1]) == bool(aside)
    assert aside in column.notes[-1]


@pytest.mark.parametrize(
    "value",
    [
        lambda row: "3+" if row % 4 == 0 else f"{row % 3}",  # an answer as 0, 1 and 2
        lambda row: ("<18", "18-24", "25-34", "65+")[row % 4],
        lambda row: f"<{row}" if row % 2 else f"{row}.5" if row % 8 else "",  # most of them
        lambda row: "A+" if row == 6 else f"{row}",
    ],
)
def test_answers_and_a_column_mostly_of_bounds_stay_words(value: Cell, tmp_path: Path) -> None:
    column = column_of(tmp_path, value)
    assert column.type == "text"
    assert column.role != "category" or column.unread is None


def test_bounds_beyond_the_first_ten_thousand_rows_are_found(tmp_path: Path) -> None:
    column = column_of(tmp_path, lambda row: "<0.5" if row in (11_000, 11_500) else f"{row % 900}.5", 12_000)
    assert (column.type, [(each.token, each.count) for each in column.missing]) == ("number", [("<0.5", 2)])


def test_bounds_stand_in_no_mean_and_are_said_with_their_count(tmp_path: Path) -> None:
    path = tmp_path / "lab.csv"
    rows = [(f"p{row}", f"<{row % 2 + 1}" if row % 9 == 0 else f"{row * 13 % 71 + 2}.25") for row in range(90)]
    path.write_text("patient,crp\n" + "".join(f"{who},{value}\n" for who, value in rows))
    with path.open() as file:
        cells = [row["crp"] for row in csv.DictReader(file)]
    exact = [float(cell) for cell in cells if "<" not in cell]
    bounds = Counter(cell for cell in cells if "<" in cell)
    parquet = ensure_parquet(path, path.name, tmp_path / "scratch")
    found = SECTIONS["distributions"].compute(parquet, ReportOptions(), NoControl())["columns"][1]
    assert (found["count"], found["mean"]) == (len(exact), pytest.approx(statistics.fmean(exact)))
    quality = SECTIONS["quality"]
    result = quality.compute(parquet, ReportOptions(), NoControl())
    said = [each for each in quality.sentences(result, Wording()) if "bounds" in each.text]
    assert [each.effect > 0 for each in said] == [True]
    count = f"crp: “<1”, “<2” are bounds rather than values: {sum(bounds.values())} of {len(cells)} cells are left out"
    assert f"{count}, and a mean of the others too high" in said[0].text
    table = next(grid for grid in quality.grids(result, Wording()) if grid.caption == "How columns were read")
    assert all(f"“{token}” ({count})" in table.rows[0][1] for token, count in bounds.items())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_overview_tells_bounds_from_what_is_missing(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    cells = [draw.choice(["", "<0.5", ">90", *(f"{draw.uniform(1, 80):.2f}" for _ in range(6))]) for _ in range(200)]
    path = tmp_path / "lab.csv"
    path.write_text("patient,lead\n" + "".join(f"p{row},{cell}\n" for row, cell in enumerate(cells)))
    parquet = ensure_parquet(path, path.name, tmp_path / "scratch")
    overview = SECTIONS["overview"]
    found = overview.compute(parquet, ReportOptions(), NoControl())
    bounded = sum("<" in cell or ">" in cell for cell in cells)
    assert (found["missingCells"], found["columns"][1]["bounds"]) == (cells.count(""), bounded)
    said = " ".join(each.text for each in overview.sentences(found, Wording()))
    assert f"lead ({cells.count('') / 2:.1f}% of its rows)" in said
    assert f"neither missing nor a value: lead ({bounded})" in said
    [table, _] = overview.grids(found, Wording())
    assert dict(zip(table.headers, table.rows[1], strict=True))["Bounds"] == str(bounded)


def test_it_can_be_said_that_bounds_are_words(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n" + "".join(f"{'<3' if row % 9 == 0 else row}\n" for row in range(60)))
    parquet = ensure_parquet(path, path.name, tmp_path / "scratch", choices={"x": ColumnChoice(type="text")})
    assert duckdb.connect().execute(f"FROM read_parquet('{parquet}')").fetchall()[:2] == [("<3",), ("1",)]


@pytest.mark.parametrize(
    ("value", "least"),
    [
        (">2419.6", 2419.6),
        ("> 1,234.5", 1234.5),
        ("≥ 1.234.567", 1234567),
        (">3,5", 3.5),
        ("90+", 90),
        (">100 mg/l", 100),
        ("<5", None),
        ("~5", None),
        ("5", None),
        ("=>7", None),
    ],
)
def test_a_bound_says_above_what_a_value_lies(value: str, least: float | None) -> None:
    assert bounds.least(value) == least


@pytest.mark.parametrize(
    ("value", "cells", "highest"),
    [
        (lambda row: ">2419.6" if row % 20 == 0 else f"{row}", 3, "59"),
        (lambda row: "200+" if row == 7 else f"{row}.5", 1, "59.5"),
        (lambda row: ("<1", ">90,5")[row % 20 == 0] if row % 10 == 0 else f"{row},5", 3, "59.5"),
        (lambda row: ">5" if row % 20 == 0 else f"{row}", 0, ""),
        (lambda row: "<100" if row % 20 == 0 else f"{row}", 0, ""),
    ],
)
def test_what_lies_beyond_the_highest_is_named_first_of_the_outliers(
    value: Cell, cells: int, highest: str, tmp_path: Path
) -> None:
    said = sentences_of(tmp_path, value, "outliers")
    assert sum(sentence.text.startswith(f"{cells} value") for sentence in said[:1]) == bool(cells)
    assert sum(f"beyond the highest number, {highest}:" in sentence.text for sentence in said) == bool(cells)


@pytest.mark.parametrize(("value", "is_finding"), [("<0.25", False), ("90+", False), ("", True)])
def test_cells_under_a_limit_are_no_gaps_that_make_a_finding(value: str, is_finding: bool, tmp_path: Path) -> None:
    said = sentences_of(tmp_path, lambda row: value if row % 5 < 2 else f"{row}.5", "overview")
    missed = next(sentence for sentence in said if "missing" in sentence.text)
    assert (missed.effect > 0) == is_finding
    assert ("40.0%" in missed.text or "40%" in missed.text) == is_finding


def sentences_of(folder: Path, value: Cell, section: str) -> list[Sentence]:
    column_of(folder, value)
    parquet = ensure_parquet(folder / "t.csv", "t.csv", folder / "scratch")
    return SECTIONS[section].sentences(SECTIONS[section].compute(parquet, ReportOptions(), NoControl()), Wording())
