"""What was promised and when it came, and dates that are empty where something goes on: with the shares of pandas."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

import pandas
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

BEGIN = datetime(2025, 3, 1, 8)
SINCE = datetime(2025, 6, 16)


def parcels(draw: Random, day: bool, slower: tuple[str, ...] = ("Bluebird",)) -> str:
    """Some early, some late; from a day on some carriers are late in half of all; one of forty is still on its way."""
    rows = ["number,carrier,Promised By,Delivered At"]
    for number in range(1_200):
        carrier = draw.choice(["Bluebird", "Kestrel", "Heron"])
        due = BEGIN + timedelta(hours=number * 4.5)
        late = draw.random() < (0.5 if carrier in slower and due >= SINCE else 0.1)
        came = due + timedelta(hours=draw.uniform(25, 60) if late else -draw.uniform(25, 60))
        form = "%Y-%m-%d" if day else "%Y-%m-%d %H:%M"
        rows.append(f"P{number:04},{carrier},{due:{form}},{'' if draw.random() < 0.025 else f'{came:{form}}'}")
    return "\n".join(rows) + "\n"


def frame(text: str) -> pandas.DataFrame:
    rows = pandas.read_csv(StringIO(text), parse_dates=["Promised By", "Delivered At"])
    return rows[rows["Delivered At"].notna()].assign(
        apart=lambda each: each["Delivered At"] - each["Promised By"],
        late=lambda each: each["apart"] > pandas.Timedelta(0),
    )


def said(section: str, result: dict[str, Any]) -> str:
    return "\n".join(each.text for each in SECTIONS[section].sentences(result, Wording("en")))


@pytest.mark.parametrize("day", [True, False])
def test_how_late_something_was_and_whether_is_compared_by_group(day: bool, profile: Profile) -> None:
    text = parcels(Random(4), day)
    rows, unit = frame(text), "days" if day else "hours"
    name, late = f"{unit} from Promised By to Delivered At", "late (Delivered At after Promised By)"

    [told] = profile("quality", text)["durations"]
    assert (told["name"], told["rows"], told["back"], told["late"]) == (
        name,
        len(rows),
        int((rows["apart"] < pandas.Timedelta(0)).sum()),
        late,
    )
    found = profile("groups", text, resamples=0)
    [comparison] = found["comparisons"]
    apart = rows["apart"].dt.total_seconds() / (86_400 if day else 3_600)
    assert (comparison["measure"], comparison["sums"]) == (name, None)
    assert {each["value"]: each["mean"] for each in comparison["groups"]} == pytest.approx(
        dict(apart.groupby(rows["carrier"]).mean())
    )
    [share] = [each for each in found["shares"] if each["flag"] == late]
    assert (share["answer"], share["sure"]) == ("yes", True)
    assert {each["value"]: each["part"] for each in share["groups"]} == dict(rows.groupby("carrier")["late"].sum())


def test_the_group_that_came_late_from_a_day_on_is_told_with_its_shares(profile: Profile) -> None:
    text = parcels(Random(4), day=False)
    rows = frame(text)
    result = profile("groups", text, resamples=0)
    [told] = result["late"]
    since = datetime.fromisoformat(told["since"])
    assert abs(since - SINCE) < timedelta(days=10)
    after = rows["Promised By"] >= since
    for own, side in ((~after, "before"), (after, "after")):
        part = rows[own & (rows["carrier"] == "Bluebird")]
        assert told[side] == {"rows": len(part), "late": int(part["late"].sum())}
    assert (told["groupBy"], told["value"]) == ("carrier", "Bluebird")
    others = [rows[own & (rows["carrier"] != "Bluebird")] for own in (~after, after)]
    assert told["others"] == [{"rows": len(each), "late": int(each["late"].sum())} for each in others]
    assert "Where carrier is Bluebird, Delivered At is later than Promised By in" in said("groups", result)


def test_where_all_came_late_from_a_day_on_no_group_is_told(profile: Profile) -> None:
    [told] = profile("groups", parcels(Random(4), False, ("Bluebird", "Kestrel", "Heron")), resamples=0)["late"]
    assert (told["groupBy"], told["others"]) == (None, None)


def test_where_nothing_changed_no_day_is_told(profile: Profile) -> None:
    assert profile("groups", parcels(Random(4), False, ()), resamples=0)["late"] == []


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (("planned_end", "actual_end"), True),
        (("Ende geplant", "Ende Ist"), True),
        (("dueDate", "paidDate"), True),
        (("order_estimated_delivery_date", "order_delivered_customer_date"), True),
        (("first visit", "second visit"), False),
    ],
)
def test_a_promise_is_known_by_its_names(names: tuple[str, str], kept: bool, profile: Profile) -> None:
    text = parcels(Random(4), day=True).replace("Promised By,Delivered At", ",".join(names))
    found = profile("quality", text)["durations"]
    assert [(each["start"], each["end"], bool(each["late"])) for each in found] == ([(*names, True)] if kept else [])


def members(draw: Random, end: str) -> str:
    rows = [f"member,section,joined,{end}"]
    for number in range(400):
        section = draw.choice(["Swim", "Gym"])
        joined = BEGIN - timedelta(days=draw.randrange(1_000, 2_000))
        over = draw.random() < (0.55 if section == "Gym" else 0.12)
        left = f"{joined + timedelta(days=draw.randrange(30, 900)):%Y-%m-%d}" if over else ""
        rows.append(f"{number + 1},{section},{joined:%Y-%m-%d},{left}")
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize("end", ["left", "Austritt", "cancelled_at", "fin", "endDate"])
def test_who_has_left_is_compared_by_group_and_is_no_gap(end: str, profile: Profile) -> None:
    text = members(Random(6), end)
    rows = pandas.read_csv(StringIO(text))
    [share] = [each for each in profile("groups", text)["shares"] if each["groupBy"] == "section"]
    assert (share["flag"], share["answer"], share["sure"]) == (f"has ended ({end})", "yes", True)
    assert {each["value"]: each["part"] for each in share["groups"]} == dict(
        rows[end].notna().groupby(rows["section"]).sum()
    )
    overview = profile("overview", text)
    assert overview["over"] == [{"column": end, "rows": int(rows[end].isna().sum())}]
    assert "which are taken as those that haven't ended" in said("overview", overview)
    assert "of all values are missing" not in said("overview", overview)


@pytest.mark.parametrize("end", ["delivered", "last_seen", "birthday"])
def test_other_dates_that_are_empty_are_gaps(end: str, profile: Profile) -> None:
    text = members(Random(6), end)
    assert profile("overview", text)["over"] == []
    assert not [each for each in profile("groups", text)["shares"] if each["flag"].startswith("has ended")]


def test_where_a_status_says_what_has_ended_nothing_is_made(profile: Profile) -> None:
    head, *lines = members(Random(6), "left").splitlines()
    rows = [f"{line},{'active' if line.endswith(',') else 'gone'}" for line in lines]
    text = "\n".join([f"{head},status", *rows]) + "\n"
    assert profile("overview", text)["over"] == []
    assert {each["flag"] for each in profile("groups", text)["shares"]} == {"status"}
