"""Datasets of as many columns as are allowed: within the memory limit, and without a query per column."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from andon.reports import NoControl
from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon.reports.files.limits import MOST_COLUMNS
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.figures.table import Table, open_table
from tests.unit.hybrid_report.conftest import OPTIONS

ROWS = 300
KINDS = ("integer", "number", "text", "date")
NAMES = [f"column{place}" for place in range(MOST_COLUMNS)]


def value(row: int, place: int) -> str:
    """What stands in a cell: by turns a number, a fraction, one of three words, and a day."""
    return (str(row * place), f"{row}.{place}5", f"word{(row + place) % 3}", f"2024-01-{row % 28 + 1:02}")[place % 4]


@pytest.fixture(scope="module")
def parquet(wide: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It as the report reads it."""
    return ensure_parquet(wide, wide.name, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module", params=["csv", pytest.param("jsonl", marks=pytest.mark.slow)])
def wide(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 2,000 columns."""
    path = tmp_path_factory.mktemp("wide") / f"wide.{request.param}"
    cells = [[value(row, place) for place in range(MOST_COLUMNS)] for row in range(ROWS)]
    if request.param == "csv":
        lines = [",".join(line) for line in [NAMES, *cells]]
    else:
        lines = [json.dumps(dict(zip(NAMES, line, strict=True))) for line in cells]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_column_keeps_its_type_and_its_place(wide: Path, parquet: Path) -> None:
    info = inspect_dataset(wide, wide.name)
    assert [column.type for column in info.columns] == [KINDS[place % 4] for place in range(MOST_COLUMNS)]
    rows = duckdb.execute(
        f"SELECT column4, column1999, column401 FROM '{parquet}' WHERE column4 IN (0, 800)"
    ).fetchall()
    assert [(whole, str(day), fraction) for whole, day, fraction in rows] == [
        (0, "2024-01-01", 0.4015),
        (800, "2024-01-05", 200.4015),
    ]
    assert [path.name for path in parquet.parent.iterdir()] == [parquet.name]


def test_columns_are_chosen_in_a_few_queries(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    ask = Table.all

    def counted(table: Table, query: str) -> list[tuple[object, ...]]:
        nonlocal asked
        asked += 1
        return ask(table, query)

    monkeypatch.setattr(Table, "all", counted)
    comparisons = SECTIONS["groups"].compute(parquet, OPTIONS, NoControl())["comparisons"]
    assert {each["groupBy"] for each in comparisons} == {"column2", "column6"}
    assert asked < 100
    with open_table(parquet, OPTIONS, NoControl()) as table:
        assert table.rows == ROWS
