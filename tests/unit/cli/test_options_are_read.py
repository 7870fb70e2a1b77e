import datetime as dt
import json
from pathlib import Path

import pytest
import typer

from andon.cli.terminal.show import cell, seconds
from andon.cli.terminal.values import duration, json_object, moment, setting


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("15m", 900), ("1.5h", 5400), ("30d", 30 * 86400), (" 1w ", 7 * 86400)]
)
def test_a_duration_has_a_unit(text: str, expected: float) -> None:
    assert duration(text).total_seconds() == expected


@pytest.mark.parametrize("text", ["", "30", "-1d", "1y", "1d2h", "inf s", "9999999d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a duration such as 90s"):
        duration(text)


def test_a_moment_is_a_time_or_how_long_ago() -> None:
    assert moment("2026-01-31T09:00:00Z") == dt.datetime(2026, 1, 31, 9, tzinfo=dt.UTC)
    assert moment("2026-01-31").utcoffset() is not None
    assert abs((dt.datetime.now(dt.UTC) - moment("2h")).total_seconds() - 7200) < 5


def test_a_json_object_comes_from_the_argument_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps({"from": "a file"}))
    assert json_object('{"a": [1]}') == {"a": [1]}
    assert json_object(f"@{file}") == {"from": "a file"}
    with pytest.raises(typer.BadParameter, match="can't be read"):
        json_object(f"@{file}.gone")


@pytest.mark.parametrize(
    ("text", "value"), [("n=5", 5), ("n=five", "five"), ("n=[1]", [1]), ("n=", ""), ("n=a=b", "a=b")]
)
def test_a_setting_is_json_where_it_can_be(text: str, value: object) -> None:
    assert setting(text) == ("n", value)


def test_nothing_that_is_shown_can_steer_the_terminal() -> None:
    assert cell("\x1b[2Jgone\x07 [red]x[/red]").plain == "\ufffd[2Jgone\ufffd [red]x[/red]"


@pytest.mark.parametrize(
    ("number", "text"), [(0.0123, "12 ms"), (59.94, "59.9 s"), (150, "2 min 30 s"), (7260, "2 h 1 min")]
)
def test_a_duration_is_told_as_people_tell_it(number: float, text: str) -> None:
    assert seconds(number) == text
