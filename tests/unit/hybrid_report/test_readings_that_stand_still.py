"""A log says which of its readings stood still, and first of all what changed while the others held."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.hybrid_report.test_what_is_no_finding import findings, text, told

TIMES = pd.date_range("2025-02-01", periods=2400, freq="15min")


def log(times: pd.DatetimeIndex = TIMES, seed: int = 4) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    daily = np.sin(np.arange(len(times)) * 2 * np.pi / 96)
    return pd.DataFrame(
        {
            "at": times,
            "humidity": (55 + 4 * daily + random.normal(0, 1, len(times))).round(1),
            "power": (2.1 + 0.1 * daily + random.normal(0, 0.1, len(times))).round(2),
        }
    )


@pytest.mark.parametrize(("value", "rows", "start"), [(47.3, 190, 1000), (0.0, 60, 40), (55.0, 400, 2000)])
def test_one_value_for_far_longer_than_usual_is_told_with_its_ends(
    value: float, rows: int, start: int, tmp_path: Path
) -> None:
    frame = log()
    frame.loc[start : start + rows - 1, "humidity"] = value
    x = frame["humidity"]
    run = (x != x.shift()).cumsum()
    longest = frame[run == run.value_counts().idxmax()]
    since, until = (f"{each:%Y-%m-%d %H:%M}".removesuffix(" 00:00") for each in longest["at"].iloc[[0, -1]])
    said = told(frame, tmp_path, "quality")
    expected = f"humidity is {value:g} in {len(longest)} rows on end, from {since} to {until}, and hardly ever stays"
    assert expected in text(said, "quality")
    assert "may have been stuck" in findings(said)
    assert "power is" not in text(said, "quality")


def test_of_several_things_that_are_read_it_is_told_which(tmp_path: Path) -> None:
    parts = [log(TIMES[:900], seed).assign(station=name) for seed, name in enumerate(("North", "South", "West"))]
    parts[1].loc[300:420, "power"] = 2.13
    frame = pd.concat(parts).sort_values(["at", "station"])
    said = text(told(frame, tmp_path, "quality"), "quality")
    assert "power of station South is 2.13 in 121 rows on end" in said
    assert said.count("stuck") == 1


def test_what_is_usual_for_a_column_is_no_standing_still(tmp_path: Path) -> None:
    frame, random = log(), np.random.default_rng(5)
    wet = random.random(len(frame)) < 0.02
    frame["rain"] = np.where(wet, random.gamma(2, 2, len(frame)).round(1), 0.0)  # hours and days without any
    frame["setting"] = np.repeat(random.permutation(60), 40) / 2  # one for ten hours
    frame.loc[500:900, "rain"] = 0.0
    assert "stuck" not in text(told(frame, tmp_path, "quality"), "quality")


def test_rows_that_come_now_and_then_are_no_log(tmp_path: Path) -> None:
    frame = log()
    frame["at"] = TIMES[0] + pd.to_timedelta(np.random.default_rng(6).exponential(900, len(TIMES)).cumsum(), unit="s")
    frame.loc[1000:1200, "humidity"] = 47.3
    assert "stuck" not in text(told(frame, tmp_path, "quality"), "quality")


@pytest.mark.parametrize("factor", [1.4, 0.75])
def test_a_step_while_all_else_held_is_the_first_finding(factor: float, tmp_path: Path) -> None:
    frame = log()
    frame["power"] = (frame["power"] * np.where(frame["at"] >= "2025-02-14", factor, 1)).round(2)
    frame["door"] = (np.random.default_rng(7).random(len(frame)) < 0.03 + 0.01 * (frame["humidity"] > 56)).astype(int)
    before, after = frame.groupby(frame["at"] >= "2025-02-14")["power"].mean()
    first = findings(told(frame, tmp_path)).splitlines()[0]
    assert first.startswith(f"The level of the mean of power changed with 2025-02-14: {before:.2f} on average before, ")
    assert f"{after:.2f} from then on" in first
    assert first.endswith("; the mean of humidity shows none.")


def test_a_step_of_all_is_not_said_to_be_of_one(tmp_path: Path) -> None:
    frame = log()
    for name in ("power", "humidity"):
        frame[name] = (frame[name] * np.where(frame["at"] >= "2025-02-14", 1.4, 1)).round(2)
    said = text(told(frame, tmp_path, "trends"), "trends")
    assert "The level of the mean of power changed" in said
    assert "shows none" not in said


def test_a_mean_of_what_is_divided_in_each_row_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    frame = pd.DataFrame({"shop": random.choice(["a", "b"], 300), "visits": random.integers(20, 3000, 300)})
    frame["orders"] = (frame["visits"] * random.uniform(0.02, 0.3, 300)).round() + 40 * (frame["shop"] == "a")
    frame["conversion_pct"] = 100 * frame["orders"] / frame["visits"]
    said = text(told(frame, tmp_path, "groups"), "groups")
    assert "the mean of conversion_pct (each row counts alike, whatever its visits) is highest for a" in said
    assert "the mean of visits (" not in said
