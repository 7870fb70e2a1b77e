"""Tables with a column per period are read as a value of each, and its figures are pandas' own of the table turned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from andon.reports import NoControl, ReportOptions
from andon.reports.datasets import ensure_parquet
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording

SECTIONS_OF_IT = ("overview", "distributions", "trends", "correlations", "drivers", "outliers", "groups")
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
HEADERS = {
    "years": [str(year) for year in range(2001, 2013)],
    "years of the FAO": [f"Y{year}" for year in range(1961, 1973)],
    "years of the World Bank": [f"{year} [YR{year}]" for year in range(2001, 2013)],
    "months": [f"2021-{month:02}" for month in range(1, 13)],
    "months in words": [pd.Timestamp(2021, month, 1).strftime("%b %Y") for month in range(1, 13)],
    "months of no year": MONTHS,
    "months of no year in German": ["Jan", "Feb", "Mrz", "Apr", "Mai", "Jun", "Jul", "Aug", "Sep", "Okt", "Nov", "Dez"],
    "months of a year that ends in March": [*MONTHS[3:], *MONTHS[:3]],
    "quarters": [f"{year}Q{quarter}" for year in (2019, 2020, 2021) for quarter in (1, 2, 3, 4)],
    "days as Americans write them": [f"1/{day}/20" for day in range(10, 22)],
    "days": [f"2020-01-{day}" for day in range(10, 22)],
}


def wide(periods: list[str]) -> pd.DataFrame:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"land": [f"Land {c}" for c in "ABCDEF"], "part": ["north", "south"] * 3})
    for place, name in enumerate(periods):
        frame[name] = np.round(50 + 3 * place + random.normal(0, 1, 6), 2)
    frame.loc[2, periods[4]] = np.nan
    return frame


def report(frame: pd.DataFrame, folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
    source = folder / "t.csv"
    frame.to_csv(source, index=False)
    parquet = ensure_parquet(source, "t.csv", folder / "scratch")
    chosen = ReportOptions(resamples=0, **options)
    return {name: SECTIONS[name].compute(parquet, chosen, NoControl()) for name in SECTIONS_OF_IT}


def told(found: dict[str, dict[str, Any]], section: str) -> str:
    return "\n".join(each.text for each in SECTIONS[section].sentences(found[section], Wording()))


@pytest.mark.parametrize("kind", sorted(HEADERS))
def test_a_column_per_period_is_one_measure_over_time(kind: str, tmp_path: Path) -> None:
    frame = wide(HEADERS[kind])
    found = report(frame, tmp_path)
    turned = frame.melt(id_vars=["land", "part"], var_name="period")
    means = turned.groupby("period", sort=False)["value"].mean()
    points = found["trends"]["points"]
    assert [point["means"][0] for point in points] == pytest.approx(list(means))
    assert "The mean of value" in told(found, "trends")
    assert " rose from" in told(found, "trends")
    assert found["overview"]["rows"] == 6
    assert f"The 12 columns from {HEADERS[kind][0]} to {HEADERS[kind][-1]} hold a value" in told(found, "overview")
    assert found["correlations"]["columns"] == ["value"]
    things = found["trends"]["things"]
    first, last = frame[HEADERS[kind][0]], frame[HEADERS[kind][-1]]
    assert (things["total"], things["rose"], things["fell"]) == (6, (last > first).sum(), (last < first).sum())
    assert {row["name"]: row["change"] for row in things["rows"]} == pytest.approx(
        dict(zip(frame["land"], last / first - 1, strict=True))
    )
    of_part = next(each for each in found["groups"]["comparisons"] if each["groupBy"] == "part")
    by_pandas = turned.groupby("part")["value"].mean()
    assert {g["value"]: g["mean"] for g in of_part["groups"]} == pytest.approx(dict(by_pandas))
    assert found["outliers"]["columns"][0]["count"] == turned["value"].count()
    drawn = SECTIONS["distributions"].figures(found["distributions"], Wording())
    assert not [figure for figure in drawn if figure.heading in HEADERS[kind]]


def test_months_beside_years_are_one_series(tmp_path: Path) -> None:
    months = [pd.Timestamp(2000, month, 1).strftime("%b").upper() for month in range(1, 13)]
    rows = [[1990 + year, *(20 + 5 * np.sin(month) + year % 3 / 10 for month in range(12))] for year in range(10)]
    found = report(pd.DataFrame(rows, columns=["YEAR", *months]), tmp_path)
    assert (found["trends"]["from"][:7], found["trends"]["to"][:7]) == ("1990-01", "1999-12")
    assert "By month, JAN to DEC is highest in September" in told(found, "trends").replace("the mean of ", "")


def trends(title: str, frame: pd.DataFrame, folder: Path) -> dict[str, Any]:
    source = folder / "t.csv"
    source.write_text(f"{title}\n\n{frame.to_csv(index=False)}")
    parquet = ensure_parquet(source, "t.csv", folder / "scratch")
    return SECTIONS["trends"].compute(parquet, ReportOptions(resamples=0), NoControl())


@pytest.mark.parametrize(
    ("title", "columns", "first", "last"),
    [
        ("Rain in mm, 2022", MONTHS, "January 2022", "December 2022"),
        ("Rain in mm 2022/23", HEADERS["months of a year that ends in March"], "April 2022", "March 2023"),
        ("Rain in mm, 1991 to 2020", MONTHS, "January", "December"),
        ("Rain in mm in 2022", ["Q1", "Q2", "Q3", "Q4"], "the first quarter of 2022", "the fourth quarter of 2022"),
        ("Rain in mm", ["Q1", "Q2", "Q3", "Q4"], "the first quarter", "the fourth quarter"),
    ],
)
def test_the_year_of_months_and_quarters_is_the_titles(
    title: str, columns: list[str], first: str, last: str, tmp_path: Path
) -> None:
    frame = wide([f"2021-{month:02}" for month in range(1, 13)])
    frame = frame[["land", "part", *frame.columns[2 : 2 + len(columns)]]].set_axis(["land", "part", *columns], axis=1)
    found = trends(title, frame, tmp_path)
    assert f" runs from {first} to {last}." in told({"trends": found}, "trends")
    assert [point["means"][0] for point in found["points"]] == pytest.approx(list(frame[columns].mean()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_totals_beside_the_periods_are_none_of_them_and_say_that_they_add_up(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    months = HEADERS["months of no year in German"]
    frame = pd.DataFrame(random.integers(100, 900, (7, 12)), columns=months)
    frame.insert(0, "Posten", [f"Posten {name}" for name in "ABCDEFG"])
    for quarter in range(4, 0, -1):
        frame.insert(1 + 3 * quarter, f"{quarter}. Q.", frame[months[3 * quarter - 3 : 3 * quarter]].sum(axis=1))
    frame["Summe"] = frame[months].sum(axis=1)
    found = report(frame, tmp_path)
    assert [point["sums"][0] for point in found["trends"]["points"]] == list(frame[months].sum())
    assert {each["measure"] for each in found["trends"]["series"]} == {"value"}
    assert "without 1. Q., 2. Q., 3. Q., 4. Q. and Summe, which add them up" in told(found, "overview")


@pytest.mark.parametrize(
    ("title", "name"), [("Sales by region, 2023", "Sales by region"), ("Visitors 2023", "Visitors"), ("ACME", "value")]
)
def test_a_title_of_amounts_or_counts_names_the_values(title: str, name: str, tmp_path: Path) -> None:
    found = trends(title, wide(MONTHS), tmp_path)
    assert found["measures"] == [name]
    assert {each["aggregate"] for each in found["series"]} == {"mean" if name == "value" else "sum"}


def test_four_questions_are_no_quarters(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    frame = pd.DataFrame(random.integers(1, 6, (80, 4)), columns=["Q1", "Q2", "Q3", "Q4"])
    assert trends("A survey", frame, tmp_path)["timeColumn"] is None


def test_quarters_beside_years_are_those_of_each_row(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame(random.integers(1, 6, (12, 4)), columns=["Q1", "Q2", "Q3", "Q4"])
    frame.insert(0, "year", range(2010, 2022))
    found = trends("Points", frame, tmp_path)
    assert (found["from"][:7], found["to"][:7]) == ("2010-01", "2021-10")


def test_what_the_values_are_is_said_by_a_column_of_indicators(tmp_path: Path) -> None:
    frame = wide(HEADERS["years"])
    frame.insert(1, "Indicator Name", "Forest (share of land)")
    assert "The mean of Forest (share of land) rose from" in told(report(frame, tmp_path), "trends")


def test_a_period_that_the_options_name_is_a_column_as_any_other(tmp_path: Path) -> None:
    frame = wide(HEADERS["years"])
    found = report(frame, tmp_path, measures=("2003", "2004"))
    assert found["trends"]["timeColumn"] is None
    assert {"2003", "2004"} <= set(found["correlations"]["columns"])


def test_of_a_column_per_country_all_are_in_a_table(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    years = np.arange(30)
    frame = pd.DataFrame({"year": 1990 + years})
    for place in range(8):
        frame[f"Land {place}"] = (100 + (place - 3) * years + random.normal(0, 1, 30)).round(2)
    found = report(frame, tmp_path)
    every = {each["measure"]: each for each in (*found["trends"]["series"], *found["trends"]["others"])}
    assert sorted(every) == [f"Land {place}" for place in range(8)]
    for name, series in every.items():
        assert (series["peak"]["value"], series["dip"]["value"]) == (frame[name].max(), frame[name].min())
    assert "Of 8 measures over time 4 rose and 3 fell, from Land 7 (" in told(found, "trends")
    [table] = [g for g in SECTIONS["trends"].grids(found["trends"], Wording()) if g.caption == "All series per year"]
    assert len(table.rows) == 8
