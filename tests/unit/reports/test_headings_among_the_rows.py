"""Lines that name the rows below them are no rows: their names stand in a column, beside each of these."""

from __future__ import annotations

import importlib
import io
from pathlib import Path

import duckdb
import pytest

from andon.reports.datasets import ensure_parquet, inspect_dataset

GROUPS = {"North": [("Ash", 120, 4), ("Birch", 80, 3)], "South": [("Cedar", 60, 2), ("Elm", 95, 5), ("Fir", 31, 1)]}
ROWS = [(group, *row) for group, rows in GROUPS.items() for row in rows]


def lines(kind: str, *, totals: bool) -> list[list[str]]:
    made: list[list[str]] = [["Region", "Store", "Sales", "Staff"] if kind == "apart" else ["Store", "Sales", "Staff"]]
    front = [""] if kind == "apart" else []
    for group, rows in GROUPS.items():
        made.append([group, *[""] * (len(made[0]) - 1)])
        made += [[*front, name, str(sales), str(staff)] for name, sales, staff in rows]
        if totals:
            made.append(
                [
                    *front,
                    f"{group} total",
                    str(sum(sales for _, sales, _ in rows)),
                    str(sum(staff for *_, staff in rows)),
                ]
            )
    return made


def read(path: Path) -> list[tuple[object, ...]]:
    info = inspect_dataset(path, path.name)
    assert info.rows == len(ROWS)
    parquet = ensure_parquet(path, path.name, path.parent / "made", plan=info.plan)
    return duckdb.connect().execute(f"FROM '{parquet}'").fetchall()


@pytest.mark.parametrize("totals", [False, True])
@pytest.mark.parametrize("kind", ["within", "apart"])
def test_each_row_has_the_name_that_stands_above_it(kind: str, totals: bool, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("".join(",".join(line) + "\n" for line in lines(kind, totals=totals)))
    assert read(path) == ROWS
    info = inspect_dataset(path, "t.csv")
    first = "Region" if kind == "apart" else "group"
    assert [column.name for column in info.columns] == [first, "Store", "Sales", "Staff"]
    assert info.plan.shown()["filledDown"] == [first]
    assert inspect_dataset(path, "t.csv", given={"filledDown": []}).columns[0].name == lines(kind, totals=totals)[0][0]


def test_in_a_workbook_as_well(tmp_path: Path) -> None:
    book, out = importlib.import_module("openpyxl").Workbook(), io.BytesIO()
    for line in lines("within", totals=False):
        book.active.append([int(cell) if cell.isdigit() else cell or None for cell in line])
    book.save(out)
    (tmp_path / "t.xlsx").write_bytes(out.getvalue())
    assert read(tmp_path / "t.xlsx") == ROWS


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param("a,1,2\nb,,\nc,3,4\nd,,\ne,5,6\nf,7,8\n", id="the first row has values"),
        pytest.param("a,,\nb,,\nc,3,4\nd,5,6\ne,5,6\nf,7,8\n", id="one below another"),
        pytest.param("a,,\nb,1,\nc,3,4\nd,,\ne,5,\nf,7,8\ng,,\n", id="nothing below the last"),
        pytest.param("a,,\nb,1,2\nc,3,4\na,,\ne,5,6\nf,7,8\n", id="a name twice"),
    ],
)
def test_rows_that_lack_their_values_stay_rows(rows: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name,x,y\n" + rows)
    assert inspect_dataset(tmp_path / "t.csv", "t.csv").rows == len(rows.splitlines())
