"""Rows that are called a whole, and are the sum of the others in their period, are none of these."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pandas
import pytest

from andon.reports.datasets import ensure_parquet, inspect_dataset

COUNTRIES = ["Germany", "France", "Italy", "Spain", "Poland"]


def table(total: str, seed: int, *, union: bool = False, periods: int = 10, off: int = 0) -> str:
    draw = random.Random(seed)
    lines = ["Country,Code,Year,People,Rate"]
    for year in range(2010, 2010 + periods):
        people = {name: draw.randrange(1_000, 90_000) for name in COUNTRIES}
        rows = [(name, name[:3].upper(), year, many, round(draw.random(), 3)) for name, many in people.items()]
        rows.insert(draw.randrange(5), (total, "WLD", year, sum(people.values()) + off, 0.5))
        if union:
            rows.insert(draw.randrange(5), ("EU-27", "EUU", year, people["Germany"] + people["Spain"], 0.3))
        lines += [",".join(map(str, row)) for row in rows]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("total", ["World", "EU-27", "All", "Gesamt", "Total", "All countries"])
@pytest.mark.parametrize("union", [False, True])
def test_they_are_left_out_and_their_lines_are_told(total: str, union: bool, seed: int, tmp_path: Path) -> None:
    text = table(total, seed, union=union and total != "EU-27")
    (tmp_path / "t.csv").write_text(text)
    info = inspect_dataset(tmp_path / "t.csv", "t.csv")
    lines = [place for place, line in enumerate(text.splitlines(), 1) if line.startswith((f"{total},", "EU-27,"))]
    assert info.plan.shown()["totals"] == lines
    parquet = ensure_parquet(tmp_path / "t.csv", "t.csv", tmp_path / "made", plan=info.plan)
    whole = pandas.read_csv(tmp_path / "t.csv")
    made = duckdb.connect().execute(f"SELECT list(DISTINCT Country), sum(People) FROM '{parquet}'")
    [(countries, people)] = made.fetchall()
    assert sorted(countries) == sorted(COUNTRIES)
    assert people == whole.loc[whole["Country"] == total, "People"].sum()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(table("World", 3, off=9_000), id="no sum of the others"),
        pytest.param(table("Norway", 3), id="a sum by chance, called like the others"),
        pytest.param(
            "day,often,n\n" + "".join(f"d{n},Some,{n + 9}\nd{n},All,{40 - n}\nd{n},None,{n + 5}\n" for n in range(9)),
            id="answers",
        ),
    ],
)
def test_others_stay(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(text)
    assert inspect_dataset(tmp_path / "t.csv", "t.csv").rows == len(text.splitlines()) - 1
