"""Times of day that look like numbers are told by what their column is called and by their minutes."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pytest

from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon.reports.values.clock import HOURS

DRAW = random.Random(2)
TIMES = [(DRAW.randrange(6, 23), DRAW.choice([0, 5, 12, 15, 30, 45, 50])) for _ in range(80)]


def written(name: str, cells: list[str], tmp_path: Path) -> tuple[str | None, list[float]]:
    """The unit of a column, and what its cells are read as."""
    path = tmp_path / "t.csv"
    path.write_text(f"id;{name}\n" + "".join(f"{place};{cell}\n" for place, cell in enumerate(cells)))
    column = inspect_dataset(path, "t.csv").columns[1]
    parquet = ensure_parquet(path, "t.csv", tmp_path / "made")
    values = [value for (value,) in duckdb.connect().execute(f"SELECT \"{name}\" FROM '{parquet}'").fetchall()]
    return column.unit, values


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("Uhrzeit", "{h}.{m:02}"),
        ("Start time", "{h:02}.{m:02}"),
        ("Beginn", "{h}.{m:02} Uhr"),
        ("heure", "{h}h{m:02}"),
        ("crs_dep_time", "{h}{m:02}"),
        ("time", "{h:02}{m:02}"),
        ("pickup", "{half}:{m:02} {ampm}"),
    ],
)
def test_a_time_of_day_is_hours_since_midnight(name: str, shape: str, tmp_path: Path) -> None:
    cells = [shape.format(h=h, m=m, half=(h - 1) % 12 + 1, ampm="PM" if h > 11 else "AM") for h, m in TIMES]
    unit, values = written(name, cells, tmp_path)
    assert unit == HOURS
    assert values == pytest.approx([h + m / 60 for h, m in TIMES])


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        pytest.param("price", [f"{h}.{m:02}" for h, m in TIMES], id="the name of an amount"),
        pytest.param("lap_time", [f"{h % 4}.{m:02}" for h, m in TIMES], id="the name of a span"),
        pytest.param("Zeit", [f"{DRAW.uniform(0, 23):.2f}" for _ in range(80)], id="minutes above 59"),
        pytest.param("time", [f"{DRAW.randrange(2400)}" for _ in range(80)], id="whole numbers with such"),
    ],
)
def test_other_numbers_stay_numbers(name: str, cells: list[str], tmp_path: Path) -> None:
    unit, values = written(name, cells, tmp_path)
    assert unit is None
    assert values == pytest.approx([float(cell) for cell in cells])
