"""In a table without dates, what rises evenly from row to row is what the trends are along, and has no bars."""

from __future__ import annotations

import csv
import random
import statistics

import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile


def run(name: str, start: float, step: float, rows: int = 300) -> str:
    draw = random.Random(7)
    lines = (
        f"{start + step * row:g},{20 + 30 * row / rows + draw.gauss(0, 1):.2f},{'' if row % 9 == 4 else 5 + row % 4}.5"
        for row in range(rows)
    )
    return f"{name},heat,load\n" + "\n".join(lines).replace(",.5\n", ",\n") + "\n"


def told(section: str, text: str, profile: Profile) -> str:
    return "\n".join(each.text for each in SECTIONS[section].sentences(profile(section, text), Wording()))


@pytest.mark.parametrize(
    ("name", "start", "step"), [("elapsed_s", 0, 0.5), ("time", 10, 10), ("depth (m)", 0.25, 0.25), ("Zeit", 1, 1)]
)
def test_the_means_are_along_it(name: str, start: float, step: float, profile: Profile) -> None:
    text = run(name, start, step)
    found = profile("trends", text)
    assert found["timeColumn"] is None
    along = found["along"]
    assert (along["column"], along["rows"], along["measures"]) == (name, 300, ["heat", "load"])
    rows = list(csv.DictReader(text.splitlines()))
    low, high = float(rows[0][name]), float(rows[-1][name])
    parts: list[list[dict[str, str]]] = [[] for _ in along["points"]]
    for row in rows:
        place = int((float(row[name]) - low) / ((high - low) / 60))
        parts[min(place, 59)].append(row)
    for measure, place in (("heat", 0), ("load", 1)):
        means = [statistics.fmean(float(row[measure]) for row in part if row[measure]) for part in parts]
        assert [point["means"][place] for point in along["points"]] == pytest.approx(means)
    heat, load = along["series"]
    assert (heat["direction"], load["direction"]) == ("rose", None)
    ends = [
        statistics.fmean(point["means"][0] for point in some) for some in (along["points"][:15], along["points"][-15:])
    ]
    assert [heat["first"], heat["last"]] == pytest.approx(ends)
    said = told("trends", text, profile)
    assert f"Along {name}, the mean of heat rose from " in said
    assert f"Along {name}, load shows no clear direction" in said
    keys = {figure.key for figure in SECTIONS["trends"].figures(found, Wording())}
    assert keys == {"along-heat", "along-load"}


@pytest.mark.parametrize(("name", "step"), [("elapsed_s", 0.5), ("t", 10), ("distance", 3)])
def test_it_has_no_histogram_and_no_mean(name: str, step: float, profile: Profile) -> None:
    found = profile("distributions", run(name, 0, step))
    column = found["columns"][0]
    assert (column["histogram"], column["mean"], column["min"]) == (None, None, 0)
    assert {figure.key for figure in SECTIONS["distributions"].figures(found, Wording())} == {"of-heat", "of-load"}
    assert f"{name} runs from 0 to" in told("distributions", run(name, 0, step), profile)


def test_days_go_before_it(profile: Profile) -> None:
    rows = "".join(f"2024-01-{1 + row // 10:02},{row},{row % 7}.5\n" for row in range(200))
    found = profile("trends", "day,second,heat\n" + rows)
    assert (found["timeColumn"], "along" in found) == ("day", False)


def test_without_either_there_are_no_trends(profile: Profile) -> None:
    rows = "".join(f"{row * 7 % 11},{row % 7}.5\n" for row in range(50))
    assert "no column of dates or times" in told("trends", "x,heat\n" + rows, profile)
