"""How long it took from one date to another is a measure, and is what pandas makes of the same file."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

import pandas
import pytest

from andon.reports import InvalidOptions
from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

BEGIN = datetime(2024, 1, 1, 8)


def tickets(draw: Random, slow: float = 3) -> str:
    """Moments; one of twelve isn't resolved, one of four hundred is resolved before it was created."""
    rows = ["ticket,created,resolved,priority"]
    for number in range(800):
        created = BEGIN + timedelta(minutes=draw.randrange(400_000))
        priority = draw.choice(["urgent", "low"])
        lasted = timedelta(minutes=round(60 * draw.lognormvariate(1 if priority == "urgent" else slow, 0.6)))
        resolved = "" if number % 12 == 5 else created - lasted if number % 400 == 7 else created + lasted
        rows.append(f"T{number:04},{created},{resolved},{priority}")
    return "\n".join(rows) + "\n"


def stays(draw: Random) -> str:
    """Days, the end before the start in the order of columns, and with other numbers beside."""
    rows = ["check-out,check-in,room,rate"]
    for _ in range(400):
        start = BEGIN + timedelta(days=draw.randrange(365))
        end = start + timedelta(days=draw.choice([1, 1, 2, 3, 5, 7, 14]))
        rows.append(f"{end:%Y-%m-%d},{start:%Y-%m-%d},{draw.choice(['single', 'double'])},{draw.uniform(60, 200):.2f}")
    return "\n".join(rows) + "\n"


def patients(draw: Random) -> str:
    """A moment and a day, and a date of birth, which belongs to neither."""
    rows = ["patient,since,admitted,discharged,ward"]
    for number in range(300):
        born = BEGIN - timedelta(days=draw.randrange(600, 33_000))
        start = BEGIN + timedelta(minutes=draw.randrange(400_000))
        end = start + timedelta(days=draw.randrange(1, 12))
        rows.append(f"P{number:04},{born:%Y-%m-%d},{start},{end:%Y-%m-%d},{draw.choice('ABC')}")
    return "\n".join(rows) + "\n"


CASES = [
    (tickets, "created", "resolved", "hours", "priority"),
    (stays, "check-in", "check-out", "days", "room"),
    (patients, "admitted", "discharged", "days", "ward"),
]


def frame(text: str, start: str, end: str, unit: str) -> pandas.DataFrame:
    """The file by pandas, with what the report should compute as `lasted`."""
    rows = pandas.read_csv(StringIO(text), parse_dates=[start, end])
    if unit == "days":
        rows["lasted"] = (rows[end].dt.normalize() - rows[start].dt.normalize()).dt.days
    else:
        rows["lasted"] = (rows[end] - rows[start]).dt.total_seconds() / 3600
    return rows


def said(section: str, result: dict[str, Any]) -> list[str]:
    return [each.text for each in SECTIONS[section].sentences(result, Wording("en"))]


@pytest.mark.parametrize(("make", "start", "end", "unit", "by"), CASES)
def test_a_duration_is_told_as_computed_and_compared_by_group(
    make: Any, start: str, end: str, unit: str, by: str, profile: Profile
) -> None:
    text = make(Random(7))
    rows = frame(text, start, end, unit)
    known = rows[rows["lasted"] >= 0]
    name = f"{unit} from {start} to {end}"

    quality = profile("quality", text)
    [told] = quality["durations"]
    assert told == {
        "name": name,
        "start": start,
        "end": end,
        "unit": unit,
        "rows": len(known),
        "without": int(rows[end].isna().sum()),
        "back": int((rows["lasted"] < 0).sum()),
        "unfinished": False,
        "late": None,
    }
    [sentence] = [each for each in said("quality", quality) if each.startswith(name)]
    assert (f"{end} is missing in" in sentence) == bool(told["without"])
    assert f"{len(known)} rows in which" in sentence
    assert name not in {column["name"] for column in profile("overview", text)["columns"]}

    [column] = [each for each in profile("distributions", text)["columns"] if each["name"] == name]
    assert column["count"] == len(known)
    assert column["quantiles"]["p50"] == pytest.approx(known["lasted"].median())

    [comparison] = [
        each
        for each in profile("groups", text, resamples=50)["comparisons"]
        if (each["groupBy"], each["measure"]) == (by, name)
    ]
    assert comparison["sums"] is None
    assert {group["value"]: group["mean"] for group in comparison["groups"]} == pytest.approx(
        known.groupby(by)["lasted"].mean().to_dict()
    )


def test_a_duration_is_explained_by_no_date_that_makes_it(profile: Profile) -> None:
    drivers = profile("drivers", tickets(Random(7)))
    assert drivers["question"] == "hours from created to resolved"
    assert [each["column"] for each in drivers["drivers"]] == ["priority"]
    reasons = {each["column"]: each["reason"] for each in drivers["leftOut"]}
    assert reasons["created"] == reasons["resolved"] == "one is computed from the other"


def exported(text: str, at: str) -> str:
    """Tickets as they were at a moment: those resolved later are still open, those created later aren't there."""
    head, *lines = text.splitlines()
    rows = [line.split(",") for line in lines]
    there = [[number, begun, "" if over > at else over, priority] for number, begun, over, priority in rows]
    return "\n".join([head, *(",".join(row) for row in there if row[1] <= at)]) + "\n"


def test_a_duration_that_the_last_rows_lack_for_want_of_an_end_has_no_trend(profile: Profile) -> None:
    text = exported(tickets(Random(7), slow=5), "2024-06-15")
    quality = profile("quality", text)
    assert [each["unfinished"] for each in quality["durations"]] == [True]
    assert "of the last rows only those are over that were short" in " ".join(said("quality", quality))
    assert profile("trends", text)["measures"] == []


def test_a_duration_that_rows_of_any_time_lack_has_one(profile: Profile) -> None:
    text = tickets(Random(7))
    assert ",," in text
    assert "They have no trend" not in " ".join(said("quality", profile("quality", text)))
    assert profile("trends", text)["measures"] == ["hours from created to resolved"]


def test_two_durations_from_one_date_are_said_to_share_it(profile: Profile) -> None:
    draw, rows = Random(5), ["sent,arrived,paid,kind"]
    for _ in range(400):
        sent = BEGIN + timedelta(minutes=draw.randrange(400_000))
        arrived = sent + timedelta(hours=draw.randrange(5, 90))
        rows.append(f"{sent},{arrived},{arrived + timedelta(hours=draw.randrange(1, 40))},{draw.choice('ab')}")
    found = profile("correlations", "\n".join(rows) + "\n")
    [told] = [each for each in said("correlations", found) if "computed" in each]
    assert told.endswith("are computed from dates of which they share one, and so go together.")
    assert found["lasting"] == ["hours from sent to arrived", "hours from sent to paid"]


def test_what_a_column_tells_already_isnt_computed_again(profile: Profile) -> None:
    head, *lines = tickets(Random(7)).splitlines()
    took = frame("\n".join([head, *lines]), "created", "resolved", "hours")["lasted"] / 24
    rows = [f"{line},{'' if pandas.isna(days) else round(days, 1)}" for line, days in zip(lines, took, strict=True)]
    assert profile("quality", "\n".join([f"{head},days open", *rows]) + "\n")["durations"] == []


def pair(make: Any) -> str:
    """Four hundred rows of two dates."""
    draw = Random(3)
    days = (
        (BEGIN + timedelta(days=one), BEGIN + timedelta(days=other)) for one, other in (make(draw) for _ in range(400))
    )
    lines = [f"{one:%Y-%m-%d},{other:%Y-%m-%d},{draw.choice('ab')}" for one, other in days]
    return "\n".join(["one,other,kind", *lines]) + "\n"


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda draw: (-draw.randrange(500, 30_000), draw.randrange(365)), id="a birth and a visit"),
        pytest.param(lambda draw: (at := draw.randrange(300), at + draw.randrange(-2, 20)), id="often before"),
        pytest.param(lambda draw: (at := draw.randrange(300), draw.randrange(at, 301)), id="last touched"),
        pytest.param(lambda draw: (draw.randrange(300), 301 + draw.randrange(2)), id="the day of the export"),
        pytest.param(lambda draw: (at := draw.randrange(300), at + draw.randrange(28, 32)), id="a month each"),
    ],
)
def test_dates_that_dont_belong_together_have_no_duration(make: Any, profile: Profile) -> None:
    assert profile("quality", pair(make))["durations"] == []


def test_dates_that_do_have_one_in_a_file_of_the_same_kind(profile: Profile) -> None:
    text = pair(lambda draw: (at := draw.randrange(300), at + draw.randrange(20)))
    assert [each["name"] for each in profile("quality", text)["durations"]] == ["days from one to other"]


@pytest.mark.parametrize("make", ["often before", "last touched"])
def test_a_duration_that_is_chosen_is_computed_though_its_dates_dont_seem_to_belong_together(
    make: str, profile: Profile
) -> None:
    rows = {
        "often before": lambda draw: (at := draw.randrange(300), at + draw.randrange(-2, 20)),
        "last touched": lambda draw: (at := draw.randrange(300), draw.randrange(at, 301)),
    }
    text, name = pair(rows[make]), "days from one to other"
    found = profile("groups", text, measures=(name,), resamples=0)
    lasted = frame(text, "one", "other", "days")
    means = lasted[lasted["lasted"] >= 0].groupby("kind")["lasted"].mean()
    [comparison] = found["comparisons"]
    assert comparison["measure"] == name
    assert {each["value"]: each["mean"] for each in comparison["groups"]} == pytest.approx(dict(means))
    assert profile("drivers", text, question=name)["question"] == name


def test_a_duration_that_isnt_there_is_refused_with_what_is(profile: Profile) -> None:
    text = tickets(Random(7))
    for options in ({"measures": ("days from created to resolved",)}, {"question": "days from created to resolved"}):
        with pytest.raises(
            InvalidOptions, match=r"but .*hours from created to resolved, hours from resolved to created"
        ):
            profile("drivers", text, **options)


def test_a_duration_that_no_row_has_is_refused(profile: Profile) -> None:
    with pytest.raises(InvalidOptions, match="no time as days from other to one: no end follows its start"):
        profile("drivers", pair(lambda draw: (at := draw.randrange(300), at + 1)), question="days from other to one")
