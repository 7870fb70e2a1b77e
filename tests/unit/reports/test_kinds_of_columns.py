"""What columns of everyday files are: by their values and their names, several of a file at once."""

from pathlib import Path

import duckdb
import pytest

from andon.reports import Column
from andon.reports.datasets import ensure_parquet, inspect_dataset

ROWS = 40


def columns_of(folder: Path, **cells: object) -> dict[str, Column]:
    """The columns of a file in which the cells of each are made from its row's number."""
    path = folder / "t.csv"
    names = list(cells)
    made = [";".join(str(cells[name](row)) for name in names) for row in range(ROWS)]  # type: ignore[operator]
    path.write_text(";".join(names) + "\n" + "\n".join(made) + "\n", encoding="utf-8")
    info = inspect_dataset(path, "t.csv")
    ensure_parquet(path, "t.csv", folder / "scratch", plan=info.plan)
    return {column.name: column for column in info.columns}


def first_two(folder: Path) -> list[tuple[object, ...]]:
    return duckdb.connect().execute(f"FROM read_parquet('{folder / 'scratch' / 'dataset.parquet'}') LIMIT 2").fetchall()


@pytest.mark.parametrize("step", [5, 0.5, -1])
def test_what_rises_evenly_with_the_rows_is_never_summed(tmp_path: Path, step: float) -> None:
    """Unless its name says that it is money; what falls, or has a gap, may be anything."""
    found = columns_of(
        tmp_path,
        **{
            "elapsed s": lambda row: row * step,
            "price": lambda row: 10 + row * 5,
            "seconds": lambda row: row * 5 + 3 * (row % 2),
            "cm": lambda row: f"{row},0",
        },
    )
    assert [column.along for column in found.values()] == [step > 0, False, False, True]
    assert [column.summed for column in found.values()] == [step < 0, False, True, False]


def test_spans_of_hours_are_told_in_hours_and_short_ones_in_seconds(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        hours=lambda row: f"{20 + row}:{row % 4 * 15:02}",
        race=lambda row: f"{3 + row % 2}:25:{row + 10}",
        visit=lambda row: f"00:0{row % 9}:{row + 10}",
    )
    assert [column.unit for column in found.values()] == ["h", "h", "s"]
    assert first_two(tmp_path)[1] == pytest.approx((21.25, 4 + 25 / 60 + 11 / 3600, 71.0))


def test_weeks_and_fiscal_years_are_days(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        week=lambda row: f"KW {row + 1:02}/2022",
        other=lambda row: f"W{row + 1} 2022",
        year=lambda row: f"FY{10 + row // 4}",
        split=lambda row: f"FY20{10 + row // 4}/{11 + row // 4}",
    )
    assert {column.type for column in found.values()} == {"date"}
    assert [str(cell) for cell in first_two(tmp_path)[1]] == ["2022-01-10", "2022-01-10", "2010-01-01", "2010-01-01"]


def test_columns_play_the_part_that_their_names_say(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        **{
            "Age": lambda row: 20 + row * 7 % 40,
            "Vacation days": lambda row: row * 7 % 30,
            "tenure (years)": lambda row: row * 7 % 20,
            "Time Spent": lambda row: row * 7 % 30 * 600,
            "visit": lambda row: row % 3 + 1,
            "Card Last4": lambda row: 1000 + row * 77,
            "Headcount": lambda row: 400 + row * 7 % 90,
        },
    )
    roles = ["duration", "duration", "duration", "duration", "category", "code", "count"]
    assert [column.role for column in found.values()] == roles
    assert [name for name, column in found.items() if column.summed] == ["Vacation days", "Time Spent"]


def test_shares_and_amounts_are_shown_as_the_file_writes_them(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        a=lambda row: f"{row * 7 % 60 + 9}%",
        b=lambda row: f"{row * 7 % 60 + 9},5 %",
        c=lambda row: f"1.{row + 100},25 €",
        d=lambda row: f"{row * 7 % 60 + 9} zł",
    )
    assert [column.format for column in found.values()] == ["12%", "12,5%", "1.234,56 €", "1234 zł"]


def test_degrees_and_minutes_are_places(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        latitude=lambda row: f"{row}° 30' {row}″ S",
        longitude=lambda row: f"16°{row}′E",
        heat=lambda row: f"{row} °C",
    )
    assert [column.role for column in found.values()] == ["geo", "geo", "measure"]
    assert first_two(tmp_path)[1] == pytest.approx((-(1.5 + 1 / 3600), 16 + 1 / 60, 1))


def test_the_answers_of_a_survey_are_named_by_their_question(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    head = "Respondent ID,How do you come?,,,How was it?\n,Car,Bus,Train,Response\n"
    rows = (f"{9000 + i},{'Car' * (i % 2)},{'Bus' * (i % 3 > 0)},,{('Good', 'Bad')[i % 2]}\n" for i in range(ROWS))
    path.write_text(head + "".join(rows))
    names = ["Respondent ID", *(f"How do you come? {way}" for way in ("Car", "Bus", "Train")), "How was it?"]
    info = inspect_dataset(path, "t.csv")
    assert ([column.name for column in info.columns], info.rows) == (names, ROWS)


def test_answers_on_a_scale_are_no_amounts_and_no_codes(tmp_path: Path) -> None:
    found = columns_of(
        tmp_path,
        **{
            "How satisfied are you with - Price": lambda row: row % 5 + 1,
            "Q2_NPS": lambda row: 10 - row % 9,
            "Q3_1": lambda row: row % 7 + 1,
            "Zufriedenheit": lambda row: row % 4 + 2,
            "risk score": lambda row: row % 11,
            "Price": lambda row: row % 5 + 1,
            "home score": lambda row: row % 6,
            "Q4": lambda row: row % 4 + 1,
            "rating": lambda row: row % 30,
        },
    )
    assert [column.rated for column in found.values()] == [True] * 5 + [False] * 4
    assert [found[name].role for name in list(found)[:6]] == ["measure"] * 5 + ["money"]
