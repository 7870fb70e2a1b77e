"""Days that fit with the day first and with the month first are read by what else tells, or assumed and said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon.reports.options import ColumnChoice
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording

Row = Callable[[int], str]
ROWS = 40


def both(row: int, form: str = "{:02}/{:02}/{}", year: int | str = 2023) -> str:
    """A day that is one in either order, out of any order of time."""
    return form.format(row * 7 % 12 + 1, row * 5 % 12 + 1, year)


def written(folder: Path, header: str, row: Row, rows: int = ROWS) -> Path:
    path = folder / "t.csv"
    path.write_text(header + "\n" + "".join(f"{row(each)}\n" for each in range(rows)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "row", "shown", "why"),
    [
        ("day,n", lambda i: f"{both(i)},{i}", "mm/dd/yyyy", "English files"),
        ("day,n", lambda i: f"{both(i, '{}/{}/{}')},{i}", "mm/dd/yyyy", "days without zeros"),
        ("day,n", lambda i: f"{both(i, '{:02}.{:02}.{}')},{i}", "dd.mm.yyyy", "with “.”"),
        ("day,n", lambda i: f"{both(i, '{:02}-{:02}-{}')},{i}", "dd-mm-yyyy", "with “-”"),
        ("day;n", lambda i: f"{both(i)};{i}", "dd/mm/yyyy", "semicolons"),
        ("day;n", lambda i: f"{both(i)};{i},5", "dd/mm/yyyy", "decimal commas"),
        ("fecha,n", lambda i: f"{both(i)},{i}", "dd/mm/yyyy", "language of “fecha”"),
        ("day,Betrag", lambda i: f"{both(i)},{i}", "dd/mm/yyyy", "language of “Betrag”"),
        ("day,paid", lambda i: f"{both(i)},£{i}.50", "dd/mm/yyyy", "where £ is paid"),
        ("day,paid", lambda i: f"{both(i)},${i}.50", "mm/dd/yyyy", "where dollars are paid"),
        ("date,n", lambda i: f"{both(i, year='23')},{i}", "mm/dd/yy", "English files"),
        ("day,n", lambda i: f"{both(i)} 10:{i + 10},{i}", "mm/dd/yyyy hh:mm", "English files"),
        ("day,n", lambda i: f"{both(i)} 10:{i + 10}:00,{i}", "mm/dd/yyyy hh:mm:ss", "English files"),
        ("day,n", lambda i: f"{both(i)} 10:{i + 10} PM,{i}", "mm/dd/yyyy hh:mm AM", "English files"),
    ],
)
def test_an_order_that_nothing_tells_is_assumed_and_said(
    header: str, row: Row, shown: str, why: str, tmp_path: Path
) -> None:
    column = inspect_dataset(written(tmp_path, header, row), "t.csv").columns[0]
    assert (column.type in {"date", "timestamp"}, column.format) == (True, shown)
    assert why in column.notes[-1]
    assert "This is assumed: both orders fit; the column's `order` says otherwise" in column.notes[-1]


@pytest.mark.parametrize(
    ("row", "first"),
    [
        (lambda i: f"01/{i % 12 + 1:02}/{2020 + i // 12}", "dd/mm/yyyy"),  # the first of each month
        (lambda i: f"{i % 12 + 1:02}/01/{2020 + i // 12}", "mm/dd/yyyy"),
        (lambda i: f"{i % 4 + 5:02}/{i // 4 + 1:02}/2023", "dd/mm/yyyy"),
    ],
)
def test_rows_that_come_in_the_order_of_time_tell_the_order(row: Row, first: str, tmp_path: Path) -> None:
    column = inspect_dataset(written(tmp_path, "day", row), "t.csv").columns[0]
    assert (column.type, column.format) == ("date", first)
    assert "the rows come in their order or in even steps" in column.notes[0]


def test_another_column_tells_the_order(tmp_path: Path) -> None:
    path = written(tmp_path, "day,due", lambda i: f"{both(i)},{i % 12 + 15}/{i % 12 + 1:02}/2023")
    assert [each.format for each in inspect_dataset(path, "t.csv").columns] == ["dd/mm/yyyy"] * 2


@pytest.mark.parametrize(("order", "wanted"), [("dmy", date(2023, 6, 8)), ("mdy", date(2023, 8, 6))])
def test_the_order_can_be_said(order: str, wanted: date, tmp_path: Path) -> None:
    path = written(tmp_path, "day", both)
    made = ensure_parquet(path, "t.csv", tmp_path / "scratch", choices={"day": ColumnChoice(order=order)})
    assert duckdb.connect().execute(f"FROM read_parquet('{made}')").fetchall()[1] == (wanted,)


@pytest.mark.parametrize("name", ["x", "plot", "ref"])
def test_numbers_of_three_parts_that_no_name_calls_days_stay_words(name: str, tmp_path: Path) -> None:
    row: Row = lambda i: both(i, "{:02}-{:02}-{:02}", i % 9)  # noqa: E731
    assert inspect_dataset(written(tmp_path, name, row), "t.csv").columns[0].type == "text"


def test_the_assumption_stands_on_the_page(tmp_path: Path) -> None:
    parquet = ensure_parquet(written(tmp_path, "day,n", lambda i: f"{both(i)},{i}"), "t.csv", tmp_path / "scratch")
    quality = SECTIONS["quality"]
    said = quality.sentences(quality.compute(parquet, ReportOptions(), NoControl()), Wording())
    assert any("day is read with the month first" in each.text and each.effect > 0 for each in said)


def decimal(day: date, digits: int = 4) -> str:
    return f"{day.year + (day - date(day.year, 1, 1)).days / (366 if day.year % 4 == 0 else 365):.{digits}f}"


MONTHLY = [date(1980 + month // 12, month % 12 + 1, 1) for month in range(48)]
DAILY = [date(2019, 6, 1) + timedelta(days=day) for day in range(0, 400, 5)]


@pytest.mark.parametrize(
    ("name", "values", "days"),
    [
        ("decimal date", [f"{day.year + (day.month - 0.5) / 12:.4f}" for day in MONTHLY], MONTHLY),  # a month's middle
        ("year", [f"{day.year + (day.month - 1) / 12:.2f}" for day in MONTHLY], MONTHLY),
        ("Date", [f"{day.year + (day.month - 1) / 12:.2f}" for day in MONTHLY[::3]], MONTHLY[::3]),  # quarters
        ("year_fraction", [decimal(day) for day in DAILY], DAILY),
    ],
)
def test_years_with_fractions_are_days(name: str, values: list[str], days: list[date], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},x\n" + "".join(f"{value},{place * 7 % 11}\n" for place, value in enumerate(values)))
    made = ensure_parquet(path, "t.csv", tmp_path / "scratch")
    found = duckdb.connect().execute(f"SELECT \"{name}\" FROM read_parquet('{made}')").fetchall()
    assert [day for (day,) in found] == days


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("price", ["1980.25", "1980.50", "1981.75"] * 9),
        ("date", ["1980.25", "1999.50", "1981.75"] * 9),  # in no order
        ("distance", [decimal(day) for day in DAILY]),
    ],
)
def test_other_numbers_with_fractions_stay_numbers(name: str, values: list[str], tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},x\n" + "".join(f"{value},{place}\n" for place, value in enumerate(values)))
    assert inspect_dataset(path, "t.csv").columns[0].type == "number"
