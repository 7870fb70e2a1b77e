"""Report options: defaults, round trip, and errors that name the field."""

from __future__ import annotations

from typing import Any

import pytest

from andon.reports import SECTIONS, Column, InvalidOptions, ReportOptions, check_columns, parse_options
from andon.reports.overrides import parse_overrides


def columns(types: dict[str, str]) -> list[Column]:
    return [Column(name, type_) for name, type_ in types.items()]


def test_no_options_mean_every_section_and_a_thousand_resamples() -> None:
    options = parse_options({})
    assert (options.sections, options.resamples) == (SECTIONS, 1_000)


def test_options_survive_the_way_to_json_and_back() -> None:
    options = parse_options(
        {"sections": ["groups", "overview"], "resamples": 0, "measures": ["x"], "groupBy": ["g"], "timeColumn": "t"}
    )
    assert options.sections == ("overview", "groups")
    assert parse_options(options.to_json()) == options


@pytest.mark.parametrize(
    ("raw", "pointer", "expected"),
    [
        ({"resamples": -1}, "/options/resamples", "from 0 to 10,000,000"),
        ({"resamples": 10_000_001}, "/options/resamples", "from 0 to 10,000,000"),
        ({"resamples": "many"}, "/options/resamples", "whole number"),
        ({"resamples": True}, "/options/resamples", "whole number"),
        ({"resamples": 1.5}, "/options/resamples", "whole number"),
        ({"confidence": float("nan")}, "/options/confidence", "from 0.5 to 0.999"),
        ({"sections": []}, "/options/sections", "list of 1 to 8"),
        ({"sections": "overview"}, "/options/sections", "list"),
        ({"sections": ["overview", "horoscope"]}, "/options/sections/1", "one of overview"),
        ({"sections": ["overview", "overview"]}, "/options/sections/1", "twice"),
        ({"measures": [""]}, "/options/measures/0", "column's name"),
        ({"timeColumn": 3}, "/options/timeColumn", "column's name"),
        ({"question": ""}, "/options/question", "column's name"),
        ({"locale": "tlh"}, "/options/locale", "one of en, en-US"),
        ({"columns": {"d": {"order": "ydm"}}}, "/options/columns/d/order", "one of dmy, mdy, ymd"),
        ({"columns": {"d": {"order": "dmy", "type": "number"}}}, "/options/columns/d/order", "of a date"),
        ({"columns": {"d": {"order": "ms", "type": "date"}}}, "/options/columns/d/order", "is of a number"),
        ({"columns": {"x": {"decimal": ";"}}}, "/options/columns/x/decimal", "one of ., ,"),
        (
            {"columns": {"x": {"decimal": ",", "type": "text"}}},
            "/options/columns/x/decimal",
            "of an integer",
        ),
        ({"resample": 3}, "/options/resample", "unknown option"),
        ({"a/b~c": 3}, "/options/a~1b~0c", "unknown option"),
    ],
)
def test_a_bad_option_is_named_with_what_was_expected(raw: dict[str, Any], pointer: str, expected: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        parse_options(raw)
    [(at, message)] = caught.value.problems
    assert at == pointer
    assert expected in message


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(InvalidOptions) as caught:
        parse_options({"resamples": -1, "seed": -1})
    assert [at for at, _ in caught.value.problems] == ["/options/resamples", "/options/seed"]


def test_options_may_only_name_columns_that_exist_and_serve() -> None:
    types = {"a": "integer", "b": "text", "t": "date"}
    options = ReportOptions(measures=("a", "x", "b"), group_by=("y", "b"), time_column="a")
    with pytest.raises(InvalidOptions) as caught:
        check_columns(options, columns(types))
    assert [at for at, _ in caught.value.problems] == [
        "/options/measures/1",
        "/options/measures/2",
        "/options/groupBy/0",
        "/options/timeColumn",
    ]
    check_columns(ReportOptions(measures=("a",), group_by=("b",), time_column="t"), columns(types))


def test_what_is_said_of_a_file_is_taken_as_it_is() -> None:
    said = {"delimiter": ";", "comment": "", "header": False, "lastLine": 30, "ragged": True}
    assert parse_overrides(said) == said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"comment": "a remark, rather"}, "what lines begin with"),
        ({"lastLine": 0}, "the number of the line that the table ends on, from 1"),
        ({"lastLine": True}, "the number of the line"),
        ({"firstLine": 0}, "the number of the line that the table begins on"),
        ({"firstColumn": "B"}, "the number of the column that the table begins in"),
        ({"ragged": "yes"}, "true or false"),
        ({"delimiter": ";;"}, "one character"),
        ({"encoding": "klingon"}, "the name of an encoding"),
        (
            {"footer": 3},
            "one of encoding, delimiter, quote, comment, header, sheet, firstLine, firstColumn, lastLine",
        ),
    ],
)
def test_what_is_said_wrong_of_a_file_is_named(said: dict[str, Any], expected: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        parse_overrides(said)
    [(at, message)] = caught.value.problems
    assert at == f"/reading/{next(iter(said))}"
    assert expected in message


@pytest.mark.parametrize(
    ("name", "summed"),
    [
        *(("amount", True), ("Total price", True), ("revenue", True), ("unit_price", False), ("gdpPercap", False)),
        *(
            ("Saldo nach Buchung", False),
            ("package", True),
            ("population", False),
            ("Unit cost", False),
            ("age", False),
        ),
    ],
)
def test_a_total_is_told_of_what_adds_up(name: str, summed: bool) -> None:
    assert Column(name, "number", "money").summed is summed
