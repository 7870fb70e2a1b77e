"""Series that fall far and come back, and totals beside their parts."""

from __future__ import annotations

import numpy as np
import pytest

from andon_worker.hybrid_report import SECTIONS
from andon_worker.hybrid_report.findings import key_findings
from andon_worker.hybrid_report.wording import Wording
from tests.unit.hybrid_report.conftest import Profile

WORDING = Wording()
MONTHS = [f"{2006 + i // 12}-{i % 12 + 1:02}-01" for i in range(120)]


def table(columns: dict[str, list[float]], decimals: int = 0) -> str:
    rows = zip(MONTHS, *columns.values(), strict=True)
    cells = ([month, *(f"{value:.{decimals}f}" for value in values)] for month, *values in rows)
    return f"month,{','.join(columns)}\n" + "".join(f"{','.join(row)}\n" for row in cells)


def crash(before: float, low: float, after: float) -> list[float]:
    """Level for three years, down for one, and up again until the end."""
    return [*np.interp(range(120), [0, 36, 48, 119], [before, before * 1.01, low, after])]


@pytest.mark.parametrize(
    ("before", "low", "after"), [(10_000, 7_000, 9_500), (500, 380, 480), (80_000, 60_000, 79_000)]
)
def test_a_fall_within_a_series_is_told_from_peak_to_trough(
    before: float, low: float, after: float, profile: Profile
) -> None:
    values = crash(before, low, after)
    draw = np.random.default_rng(1)
    noisy = [value + draw.normal(0, before / 2_000) for value in values]
    result = profile("trends", table({"jobs": noisy}, 2), resamples=0)
    said = "\n".join(each.text for each in SECTIONS["trends"].sentences(result, WORDING))
    high, dip = int(np.argmax(noisy)), int(np.argmin(noisy))
    [series] = result["series"]
    path = series["swing"]["path"]
    assert [each["start"][:10] for each in path[:2]] == [MONTHS[high], MONTHS[dip]]
    assert [each["value"] for each in path[:2]] == pytest.approx([noisy[high], noisy[dip]], abs=0.01)
    assert f"({WORDING.change(noisy[dip] / noisy[high] - 1)})" in said
    assert "no clear direction" not in said


def test_a_deep_fall_of_a_series_that_came_far_is_told(profile: Profile) -> None:
    values = np.interp(range(120), [0, 50, 60, 119], [100.0, 220.0, 150.0, 400.0])
    said = SECTIONS["trends"].sentences(profile("trends", table({"price": [*values]}, 1), resamples=0), WORDING)
    assert any("fell from 220 in March 2010 to 150 in January 2011 (−31.8%)" in each.text for each in said)


def employment(seed: int) -> dict[str, list[float]]:
    draw = np.random.default_rng(seed)
    shape = np.array(crash(1.0, 0.9, 1.2))
    parts = {name: size * shape / shape[0] for name, size in (("trade", 900.0), ("health", 700.0), ("office", 400.0))}
    parts["mills"] = 600.0 * np.linspace(1.0, 0.7, 120)
    parts = {name: [*(value + draw.normal(0, 1, 120)).round(1)] for name, value in parts.items()}
    total = [round(sum(each)) for each in zip(*parts.values(), strict=True)]
    return parts | {"all": total}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("first", [True, False])
def test_of_a_total_and_its_parts_the_trend_of_the_total_and_what_went_against_it_are_found(
    seed: int, first: bool, profile: Profile
) -> None:
    columns = employment(seed)
    if first:
        columns = {"all": columns.pop("all")} | columns
    text = "month," + ",".join(columns) + "\n"
    text += "".join(f"{','.join(map(str, row))}\n" for row in zip(MONTHS, *columns.values(), strict=True))
    results = {name: profile(name, text, resamples=0) for name in ("quality", "trends", "correlations", "drivers")}
    told = {name: SECTIONS[name].sentences(result, WORDING) for name, result in results.items()}
    assert "all is the sum of trade, health, office and mills in every row, but for rounding." in [
        each.text for each in told["quality"]
    ]
    found = key_findings({name: told[name] for name in ("trends", "correlations", "drivers")})
    assert {each["section"] for each in found} == {"trends"}
    said = "\n".join(each["text"] for each in found)
    change = float(np.mean(columns["mills"][-12:]) / np.mean(columns["mills"][:12])) - 1
    assert "all rose from" in said
    assert f"Of the 4 parts of all, 1 fell while it rose: mills ({WORDING.change(change)})." in said


def test_two_series_that_but_rise_are_said_to_rise(profile: Profile) -> None:
    draw = np.random.default_rng(3)
    one, other = (np.linspace(100, 200, 120) + draw.normal(0, 8, 120) for _ in range(2))
    result = profile("correlations", table({"one": [*one], "other": [*other]}, 2), resamples=0)
    [told, *_] = SECTIONS["correlations"].sentences(result, WORDING)
    assert told.text.startswith("one and other both rise over time: their levels correlate by 0.9")
    assert told.effect == 0


def test_a_total_of_totals_is_that_of_all_their_parts(profile: Profile) -> None:
    draw = np.random.default_rng(4)
    a, b, c, d = (draw.integers(1_000, 5_000, 120).astype(float) for _ in range(4))
    columns = {"all": a + b + c + d, "goods": a + b, "a": a, "b": b, "services": c + d, "c": c, "d": d}
    result = profile("trends", table({name: [*each] for name, each in columns.items()}), resamples=0)
    assert result["total"] == ["all", "a", "b", "c", "d"]


def test_of_groups_those_that_fell_and_came_back_are_not_said_to_have_no_direction(profile: Profile) -> None:
    draw = np.random.default_rng(6)
    courses = {"north": crash(500, 300, 500), "south": [400.0] * 120, "west": [600.0] * 120}
    text = "month,region,sales\n"
    for name, values in courses.items():
        for month, value in zip(MONTHS, values, strict=True):
            text += "".join(f"{month},{name},{value + draw.normal(0, 9):.2f}\n" for _ in range(6))
    result = profile("trends", text, resamples=0, measures=("sales",))
    assert {each["value"]: each["swing"] for each in result["lines"]["groups"]} == {
        "north": True,
        "south": False,
        "west": False,
    }
