"""Runs in a few words, small charts, and why something was refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

from andon_api.console.parts import charts
from andon_api.console.parts.gist import gist
from andon_api.console.parts.refusals import fields, why
from andon_api.http.problems import FieldErrors, Problem

NOW = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def at(minutes: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=minutes)


def test_what_is_andons_in_a_childs_data_is_not_shown() -> None:
    assert gist({"page": 3, "_andon": {"runId": "r", "functionId": "render"}}) == [("page", "3")]


def test_a_run_is_told_from_its_neighbours_by_ids_first() -> None:
    data = {"region": "north", "lines": [1], "orderId": "o1", "deep": {}, "n": 3, "none": None, "report_id": "r"}
    assert gist(data) == [("orderId", "o1"), ("report_id", "r"), ("region", "north"), ("n", "3")]
    assert gist({"text": "x" * 100, "yes": True}) == [("text", "x" * 47 + "…"), ("yes", "true")]
    assert gist({}) == []


def test_where_all_lies_deeper_a_run_is_told_from_its_neighbours_by_what_is_inside() -> None:
    assert gist({"order": {"total": 9, "id": 7, "lines": [1]}}) == [
        ("order.id", "7"),
        ("order.total", "9"),
        ("order.lines", "[1]"),
    ]
    assert gist({"names": ["Ada", "Zoë"] * 50}) == [("names", '["Ada", "Zoë", "Ada", "Zoë", "Ada", "Zoë", "Ada…')]


def test_the_depth_of_a_queue_is_what_was_queued_and_not_taken() -> None:
    times: list[dict[str, Any]] = [{"queued_at": at(30), "taken_at": at(10)}, {"queued_at": at(20), "taken_at": None}]
    chart = charts.depth(times, NOW)
    assert (len(chart.bars), chart.bars[0], chart.bars[-1], max(chart.bars)) == (
        60,
        0,
        charts.HEIGHT / 2,
        charts.HEIGHT,
    )
    assert chart.words == "1 now, 2 at most"
    assert charts.depth([], NOW).words == "0 now, 0 at most"


def test_the_latency_of_cancels_is_told_in_words_and_bars() -> None:
    chart = charts.latency([0.02, 0.04, 1.5])
    assert chart.words == "half within 40 ms, 1.5 s at most, of 3"
    assert chart.bars[-1] == charts.HEIGHT
    assert charts.latency([]).bars == []


def test_a_refusal_has_a_why_and_names_its_fields_as_forms_do() -> None:
    wrong = FieldErrors([("/title", "expected a text"), ("/options/resamples", "expected a number"), ("?after", "no")])
    assert fields(wrong) == "title resamples after"
    assert "Nothing was done" in why(wrong)
    assert "ended meanwhile" in why(Problem(409, "Run has ended"))
    assert why(Problem(400, "no")) == ""
