"""Years and months in two columns are one time, and the figures by it are those that the rows have."""

from __future__ import annotations

import calendar
import csv
import random
import statistics
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

MONTHS = list(calendar.month_name)[1:]
MONATE = ["Jan.", "Feb.", "Mär.", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."]


def table(header: str, form: str, per_year: int) -> str:
    """Rows of some years, out of any order, each with a measure that rises and hasn't a value now and then."""
    draw = random.Random(per_year)
    rows = []
    for year in range(2016, 2022):
        for part in range(1, per_year + 1):
            for region in "ab":
                names = {"name": MONTHS[(part - 1) % 12], "nome": MONATE[(part - 1) % 12]}
                value = f"{100 + 10 * (year - 2016) + part + draw.random():.2f}" if draw.random() < 0.95 else ""
                rows.append(form.format(year=year, part=part, region=region, value=value, **names))
    draw.shuffle(rows)
    return "\n".join([header, *rows]) + "\n"


def by_start(text: str, starts: dict[str, date], column: str) -> Iterator[tuple[str, int, float | None]]:
    """The periods with their rows and the mean of the measure, by the csv module."""
    found: dict[date, list[str]] = defaultdict(list)
    for row in csv.DictReader(text.splitlines()):
        found[starts[f"{row[YEAR[column]]} {row[column]}"]].append(row["temperature"])
    for start in sorted(found):
        known = [float(each) for each in found[start] if each]
        yield f"{start}T00:00:00", len(found[start]), statistics.fmean(known) if known else None


YEAR = {"month": "year", "Monat": "Jahr", "Month": "FY", "quarter": "year", "Qtr": "yr", "week": "year"}
YEARS = range(2016, 2022)
CASES: dict[str, tuple[str, str, int, str, dict[str, date]]] = {
    "numbers": (
        "year,month,region,temperature",
        "{year},{part},{region},{value}",
        12,
        "month",
        {f"{y} {m}": date(y, m, 1) for y in YEARS for m in range(1, 13)},
    ),
    "names": (
        "region,Month,temperature,FY",
        "{region},{name},{value},{year}",
        12,
        "Month",
        {f"{y} {MONTHS[m - 1]}": date(y, m, 1) for y in YEARS for m in range(1, 13)},
    ),
    "other languages": (
        "Jahr,Monat,region,temperature",
        "{year},{nome},{region},{value}",
        12,
        "Monat",
        {f"{y} {MONATE[m - 1]}": date(y, m, 1) for y in YEARS for m in range(1, 13)},
    ),
    "quarters": (
        "year,quarter,region,temperature",
        "{year},Q{part},{region},{value}",
        4,
        "quarter",
        {f"{y} Q{q}": date(y, 3 * q - 2, 1) for y in YEARS for q in range(1, 5)},
    ),
    "quarters as numbers": (
        "yr,Qtr,region,temperature",
        "{year},{part},{region},{value}",
        4,
        "Qtr",
        {f"{y} {q}": date(y, 3 * q - 2, 1) for y in YEARS for q in range(1, 5)},
    ),
}


@pytest.mark.parametrize("kind", sorted(CASES))
def test_the_trends_are_by_both_together(kind: str, profile: Profile) -> None:
    header, form, per_year, column, starts = CASES[kind]
    text = table(header, form, per_year)
    found = profile("trends", text, resamples=0)
    assert found["timeColumn"] == f"{YEAR[column]} and {column}"
    assert found["unit"] == ("month" if per_year == 12 else "quarter")
    place = found["measures"].index("temperature")
    points = [(point["start"], point["rows"], point["means"][place]) for point in found["points"]]
    expected = list(by_start(text, starts, column))
    assert [point[:2] for point in points] == [each[:2] for each in expected]
    assert [point[2] for point in points] == pytest.approx([each[2] for each in expected])
    said = "\n".join(each.text for each in SECTIONS["trends"].sentences(found, Wording()))
    assert "the mean of temperature rose from" in said.replace("The", "the")
    assert f"{YEAR[column]} and {column} run from " in said


def test_weeks_are_those_of_iso_8601(profile: Profile) -> None:
    rows = "".join(f"{year},{week},{week / 7 + year:.2f}\n" for year in (2020, 2021) for week in range(1, 53))
    found = profile("trends", "year,week,heat\n" + rows, resamples=0)
    assert (found["timeColumn"], found["unit"], found["grain"]) == ("year and week", "week", "week")
    starts = [f"{date.fromisocalendar(y, w, 1)}T00:00:00" for y in (2020, 2021) for w in range(1, 53)]
    assert [point["start"] for point in found["points"]] == starts


def test_with_days_beside_months_there_are_days(profile: Profile) -> None:
    rows = "".join(f"2023,{1 + day // 28},{day % 28 + 1},{day}.5\n" for day in range(80))
    found = profile("trends", "year,month,day,heat\n" + rows, resamples=0)
    assert (found["timeColumn"], found["unit"]) == ("year, month and day", "day")
    assert (found["from"], found["to"]) == ("2023-01-01T00:00:00", "2023-03-24T00:00:00")


@pytest.mark.parametrize(
    ("header", "row", "options", "column"),
    [
        ("year,month,day,x", "{year},{part},2020-01-{part:02},{value}", {}, "day"),  # a column of dates goes before
        ("year,month,x", "{year},{other},{value}", {}, "year"),  # of thirteen months
        ("year,month,x", "{year},{part},{value}", {"time_column": "year"}, "year"),
        ("year_built,month,x", "{year},{part},{value}", {}, None),
    ],
)
def test_other_times_go_before_and_other_numbers_are_no_months(
    header: str, row: str, options: dict[str, Any], column: str | None, profile: Profile
) -> None:
    rows = (
        row.format(year=year, part=part, other=part + 1, value=part + year + 0.5)
        for year in YEARS
        for part in range(1, 13)
    )
    assert profile("trends", header + "\n" + "\n".join(rows), resamples=0, **options)["timeColumn"] == column


def test_years_drive_nothing_beside_the_time_that_they_are_of(profile: Profile) -> None:
    found = profile("drivers", table(*CASES["numbers"][:3]), resamples=0)
    left = {each["column"]: each["reason"] for each in found["leftOut"]}
    assert left["year"] == left["year and month"] == "time: see the trends"
    assert "month" in {each["column"] for each in found["drivers"]}
