"""Sheets in which a region, a year or a day stands once above its rows: the rows hold it, and that is said."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from andon.reports.datasets import ensure_parquet, inspect_dataset
from andon.reports.errors import InvalidOptions
from andon.reports.overrides import parse_overrides

SHOPS = pd.DataFrame(
    {
        "Region": ["North"] * 3 + ["South"] * 4 + ["East"] * 2,
        "Manager": ["Ada"] * 3 + ["Bo"] * 4 + ["Ada"] * 2,
        "Shop": [f"Shop {place}" for place in range(9)],
        "Sales": [5, 7, 9, 4, 3, 8, 6, 2, 1],
    }
)
QUARTERS = pd.DataFrame(
    [(year, f"Q{quarter}", shop, 10 * quarter) for year in (2022, 2023) for quarter in range(1, 5) for shop in "ABC"],
    columns=["Year", "Quarter", "Shop", "Sales"],
)
HOURS = pd.DataFrame(
    [(f"2024-03-{day:02}", task, 1.5) for day in (4, 5, 6, 7) for task in ("plan", "build", "test")],
    columns=["Day", "Task", "Hours"],
)


def once(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The frame as people write it: a value of these columns where it, or one before it, is another than above."""
    new = frame.copy().astype(object)
    for place, name in enumerate(columns, 1):
        same = (frame[columns[:place]] == frame[columns[:place]].shift()).all(axis=1)
        new.loc[same, name] = None
    return new


def read(frame: pd.DataFrame, folder: Path, name: str = "t.csv", **given: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    path = folder / name
    if name.endswith(".csv"):
        path.write_text(frame.to_csv(index=False))
    else:
        frame.to_excel(path, index=False)
    info = inspect_dataset(path, name, given=parse_overrides(given))
    parquet = ensure_parquet(path, name, folder / "-".join(given.get("filledDown", ["judged"])), plan=info.plan)
    return duckdb.read_parquet(str(parquet)).df(), info.plan.shown()


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
@pytest.mark.parametrize(
    ("frame", "columns"), [(SHOPS, ["Region", "Manager"]), (QUARTERS, ["Year", "Quarter"]), (HOURS, ["Day"])]
)
def test_the_rows_of_a_block_hold_its_value(frame: pd.DataFrame, columns: list[str], name: str, tmp_path: Path) -> None:
    found, shown = read(once(frame, columns), tmp_path, name)
    assert found.astype(str).values.tolist() == frame.astype(str).values.tolist()
    assert shown["filledDown"] == columns


def test_totals_of_blocks_are_none_of_their_rows(tmp_path: Path) -> None:
    rows = []
    for region, some in SHOPS.groupby("Region", sort=False):
        rows += [*once(some, ["Region"]).values.tolist(), [f"{region} total", None, None, some["Sales"].sum()]]
    found, shown = read(pd.DataFrame(rows, columns=SHOPS.columns), tmp_path)
    assert found["Region"].tolist() == SHOPS["Region"].tolist()
    assert (shown["totals"], shown["filledDown"]) == ([5, 10, 13], ["Region"])


@pytest.mark.parametrize(
    ("marks", "end"),
    [(("", "All"), ("", "All")), (("", "Total"), ("Total", "Total")), (("", "Both shops"), ("All", "Overall"))],
)
def test_totals_that_repeat_their_blocks_name_are_none_of_its_rows(
    marks: tuple[str, str], end: tuple[str, str], tmp_path: Path
) -> None:
    shops = SHOPS[["Region", "Shop", "Sales"]]
    rows: list[list[Any]] = []
    for region, some in shops.groupby("Region", sort=False):
        rows += [*some.values.tolist(), [marks[0] or region, marks[1], some["Sales"].sum()]]
    rows.append([*end, shops["Sales"].sum()])
    found, shown = read(pd.DataFrame(rows, columns=shops.columns), tmp_path)
    assert found["Sales"].sum() == shops["Sales"].sum()
    assert found["Region"].tolist() == shops["Region"].tolist()
    assert len(shown["totals"]) == 4


@pytest.mark.parametrize("kinds", [("Budget", "Actual"), ("Plan", "Ist", "Vorjahr")])
@pytest.mark.parametrize("called", [("Subtotal {}", ""), ("{}", "Total")])
def test_each_kind_of_rows_that_take_turns_has_totals_of_its_own(
    kinds: tuple[str, ...], called: tuple[str, str], tmp_path: Path
) -> None:
    rows: list[list[Any]] = []
    whole = dict.fromkeys(kinds, 0)
    for team, lines in {"Ads": (40, 18, 15), "Post": (26, 51, 9), "Shop": (11, 6)}.items():
        part = dict.fromkeys(kinds, 0)
        for line, amount in enumerate(lines):
            for place, kind in enumerate(kinds):
                part[kind] += amount + place
                rows.append([team, f"line {line}", kind, amount + place])
        for kind in kinds:
            rows.append([called[0].format(team), called[1], kind, part[kind]])
            whole[kind] += part[kind]
    rows += [["Total", "", kind, whole[kind]] for kind in kinds]
    found, shown = read(pd.DataFrame(rows, columns=["Team", "Line", "Type", "Jan"]), tmp_path)
    assert found.groupby("Type")["Jan"].sum().to_dict() == whole
    assert (len(found), len(shown["totals"])) == (8 * len(kinds), 4 * len(kinds))


def test_totals_of_one_kind_of_rows_alone_stay(tmp_path: Path) -> None:
    rows = [["Ads", "plan", 40], ["Ads", "made", 38], ["Post", "plan", 20], ["Post", "made", 27]] * 2
    rows += [["Total", "plan", 120], ["Total", "made", 999]]
    found, shown = read(pd.DataFrame(rows, columns=["Team", "Type", "Jan"]), tmp_path)
    assert (len(found), "totals" in shown) == (10, False)


def test_a_row_called_all_that_sums_nothing_up_stays(tmp_path: Path) -> None:
    rows = [
        ["a", "left", 2],
        ["a", "right", 3],
        ["a", "all", 60],
        ["b", "left", 4],
        ["b", "right", 1],
        ["b", "all", 90],
    ]
    found, shown = read(pd.DataFrame(rows, columns=["who", "side", "many"]), tmp_path)
    assert (len(found), "totals" in shown) == (6, False)


@pytest.mark.parametrize(
    "column",
    [
        ["a", None, "b", None, "a", None, None, None, None],  # a block would go on
        [None, "a", None, "b", None, None, None, None, None],  # what is the first row of?
        ["a", "b", "c", "d", "e", "f", "g", None, "i"],  # nearly all are filled
        [4, None, 7, None, None, 9, None, None, None],  # amounts
        ["a", None, None, None, None, None, None, None, None],  # a remark
    ],
)
def test_gaps_stay_gaps(column: list[Any], tmp_path: Path) -> None:
    found, shown = read(SHOPS.assign(Region=pd.Series(column, dtype=object)), tmp_path)
    assert found["Region"].isna().tolist() == [each is None for each in column]
    assert "filledDown" not in shown


def test_columns_that_are_filled_down_can_be_named_or_denied(tmp_path: Path) -> None:
    frame = once(SHOPS, ["Region", "Manager"])
    found, shown = read(frame, tmp_path, filledDown=[])
    assert found["Region"].isna().sum() == 6
    assert "filledDown" not in shown
    found, shown = read(frame, tmp_path, filledDown=["Manager"])
    assert found["Manager"].tolist() == SHOPS["Manager"].tolist()
    assert (found["Region"].isna().sum(), shown["filledDown"]) == (6, ["Manager"])
    with pytest.raises(InvalidOptions, match="a list of the columns"):
        parse_overrides({"filledDown": "Region"})


def test_a_title_above_the_table_is_told(tmp_path: Path) -> None:
    book = importlib.import_module("openpyxl").Workbook()
    for row in (["Sales by shop"], [], ["2023"], [], list(SHOPS), *SHOPS.values.tolist()):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    (tmp_path / "t.xlsx").write_bytes(out.getvalue())
    info = inspect_dataset(tmp_path / "t.xlsx", "t.xlsx")
    assert (info.plan.shown()["title"], info.rows) == ("Sales by shop · 2023", 9)
