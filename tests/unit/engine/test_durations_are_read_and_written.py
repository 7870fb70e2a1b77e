"""Durations as people write them."""

from __future__ import annotations

import datetime as dt

import pytest

from andon.engine import durations


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [
        ("90s", 90, "90s"),
        ("60s", 60, "1m"),
        (" 15m", 900, "15m"),
        ("1.5h", 5400, "90m"),
        ("24 h", 86_400, "1d"),
        ("4w", 28 * 86_400, "28d"),
        ("0d", 0, "0s"),
        ("36500d", 36_500 * 86_400, "36500d"),
    ],
)
def test_what_is_written_is_read_again(text: str, seconds: int, written: str) -> None:
    assert durations.read(text) == dt.timedelta(seconds=seconds)
    assert durations.written(durations.read(text)) == written
    assert durations.read(written) == durations.read(text)


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1 year", "1d2h", "1e3d", "٣d", "1234567d"])
def test_what_is_no_duration_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as 90s, 15m, 2h, 30d or 1w"):
        durations.read(text)


@pytest.mark.parametrize("text", ["36501d", "999999w"])
def test_what_leads_out_of_all_calendars_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="36500d at most"):
        durations.read(text)
