"""Several tables in a sheet, remarks far down, formulas without results: what is read, and what is told of the rest."""

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from andon.reports.datasets import DatasetInfo, ensure_parquet, inspect_dataset
from andon.reports.overrides import parse_overrides

REGIONS = "Region,Sales,Cost\nNorth,5,3\nSouth,6,2\nEast,7,1\n"
DAYS = "Date,Orders,Returns\n" + "".join(f"2024-01-{day:02},{day},{day % 3}\n" for day in range(1, 29))
SESSIONS = "Day Index,Sessions\n" + "".join(f'1/{day}/24,"1,{day:03}"\n' for day in range(13, 29))
OF_DAYS, OF_REGIONS = (text.split()[0].split(",") for text in (DAYS, REGIONS))
LATER = "lines 6 to 34 (Date, Orders, Returns)"
SIDES = "Month,Sales,,Region,Share\n" + "".join(
    f"2024-{month:02},{month * 7},," + (f"{'NSEW'[month - 1]},{month}0%\n" if month < 5 else ",\n")
    for month in range(1, 13)
)
LEDGERS = "Day,Paid,,Day,Got\n" + "".join(
    f"2024-01-{day:02},{day},,2024-02-{day:02},{day * 2}\n" for day in range(1, 9)
)


def read(folder: Path, content: str | bytes, name: str = "t.csv", **given: Any) -> DatasetInfo:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    info = inspect_dataset(path, name, given=parse_overrides(given))
    ensure_parquet(path, name, folder / "scratch", plan=info.plan)
    return info


def names(info: DatasetInfo) -> list[str]:
    return [column.name for column in info.columns]


@pytest.mark.parametrize(
    ("content", "given", "columns", "rows", "others"),
    [
        (REGIONS + "\n\n" + DAYS, {}, OF_DAYS, 28, ["lines 1 to 4 (Region, Sales, Cost)"]),
        (REGIONS + ",,\n" + DAYS, {"firstLine": 1}, OF_REGIONS, 3, [LATER]),
        ("A\n\n" + DAYS + "\nB\n" + SESSIONS, {}, OF_DAYS, 28, ["lines 34 to 50 (Day Index, Sessions)"]),
        (SIDES, {}, ["Month", "Sales"], 12, ["lines 1 to 5 (Region, Share)"]),
        (SIDES, {"firstColumn": 4}, ["Region", "Share"], 4, ["lines 1 to 13 (Month, Sales)"]),
        (LEDGERS, {"firstColumn": 4}, ["Day", "Got"], 8, ["lines 1 to 9 (Day, Paid)"]),
    ],
)  # fmt: skip
def test_the_largest_of_several_tables_is_read_and_the_others_are_told(
    tmp_path: Path, content: str, given: dict[str, Any], columns: list[str], rows: int, others: list[str]
) -> None:
    info = read(tmp_path, content, **given)
    assert (names(info), info.rows, info.plan.shown()["otherTables"]) == (columns, rows, others)
    assert all(column.unread is None and not column.missing for column in info.columns)


@pytest.mark.parametrize(
    "content",
    [
        DAYS.replace("2024-01-15", "\n2024-01-15"),  # a line of nothing among the rows
        DAYS + "\nSource,agency\nAsked on,2024-03-01\n",
        "Bank,Foo\nAccount,12345\nFrom,2024-01-01\n\n" + DAYS,
        DAYS + "\n" + DAYS,  # a header that comes again begins no other table
        "Name,Note,,Age\n" + "".join(f"N{i},n{i},,{i}\n" for i in range(9)),  # a spacer
        'Text,Number\n' + "".join(f'"one\n\nA,B\n1,2\n3,4",{i}\n' for i in range(5)),  # in a cell
    ],
)  # fmt: skip
def test_empty_lines_and_columns_alone_part_no_table(tmp_path: Path, content: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    assert "otherTables" not in inspect_dataset(path, "t.csv").plan.shown()


def test_a_remark_beyond_the_first_megabyte_is_no_row(tmp_path: Path) -> None:
    lines = [f"2024-01-01 {n // 60 % 24:02}:{n % 60:02},station {n % 7},{n}.5" for n in range(35_000)]
    lines.insert(34_000, "# sensor replaced")
    info = read(tmp_path, "\n".join(["time,station,v", *lines]) + "\n")
    assert (info.rows, info.plan.shown()["comment"]) == (35_000, "#")
    assert [column.type for column in info.columns] == ["timestamp", "text", "number"]


def sheet(fill: Callable[[Any], None]) -> bytes:
    book = importlib.import_module("openpyxl").Workbook()
    fill(book.active)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def test_formulas_that_were_saved_without_a_result_are_named(tmp_path: Path) -> None:
    def fill(page: Any) -> None:
        page.append(["item", "price", "total"])
        for row in range(2, 12):
            page.append([f"I{row}", row, f"=B{row}*2"])

    info = read(tmp_path, sheet(fill), "t.xlsx")
    assert {column.name: sum(each.count for each in column.missing) for column in info.columns} == {
        "item": 0, "price": 0, "total": 10,
    }  # fmt: skip


def test_a_workbooks_tables_are_told_apart_by_its_own_lines(tmp_path: Path) -> None:
    def fill(page: Any) -> None:
        page.append(["Budget 2024"])
        page.append([])
        for line in REGIONS.splitlines():
            page.append([int(cell) if cell.isdigit() else cell for cell in line.split(",")])
        page.append([])
        for line in DAYS.splitlines():
            page.append([int(cell) if cell.isdigit() else cell for cell in line.split(",")])

    info = read(tmp_path, sheet(fill), "t.xlsx")
    assert (names(info), info.plan.shown()["otherTables"]) == (
        ["Date", "Orders", "Returns"], ["lines 3 to 6 (Region, Sales, Cost)"],
    )  # fmt: skip


@pytest.mark.parametrize("label", ["Total", "Total: Account", "Total - all"])
def test_a_total_beside_dashes_is_none_of_the_rows(tmp_path: Path, label: str) -> None:
    rows = "".join(f"Camp {i},EUR,{i * 10},{i}.5%\n" for i in range(1, 21))
    info = read(tmp_path, f"Campaign,Currency,Clicks,CTR\n{rows}{label}, --,2100, --\n")
    assert (info.rows, info.plan.shown().get("totals")) == (20, [22])
