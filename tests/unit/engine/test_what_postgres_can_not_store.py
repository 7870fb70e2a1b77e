"""Half a surrogate pair, NUL and nan: a run that says such things harms itself at most, and clearly."""

from __future__ import annotations

import math

import pytest

from andon import Event, Step, function
from andon.engine.errors import InvalidResult
from andon.engine.memos import describe, encode_result, plain
from andon.engine.steps.progress import bounded_progress
from andon.testing import run_function

BROKEN = "a\ud800b\x00c"


class Evil(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_a_result_with_half_a_surrogate_pair_is_refused_and_names_its_step() -> None:
    with pytest.raises(InvalidResult, match="'fetch'"):
        encode_result("fetch", {"text": "a\ud800b"})


def test_an_error_is_described_in_words_that_can_be_stored() -> None:
    described = describe(ValueError(BROKEN))
    assert described["message"] == "a?b\ufffdc"
    assert plain(described["traceback"]) == described["traceback"]


def test_an_error_without_words_is_described_by_its_type() -> None:
    assert describe(Evil())["message"] == "Evil"


def test_a_step_whose_error_has_no_words_fails_with_its_type() -> None:
    @function(id="evil", trigger="test/evil.requested", retries=0)
    def evil(event: Event, step: Step) -> None:
        def body() -> None:
            raise Evil

        step.run("do", body)

    ended = run_function(evil, Event("test/evil.requested"))
    assert ended.error is not None
    assert ended.error["type"] == "Evil"


def test_progress_keeps_only_what_can_be_shown() -> None:
    fraction, note = bounded_progress(0.25, BROKEN)
    assert fraction == 0.25
    assert note == plain(BROKEN)
    assert bounded_progress(math.nan, "x" * 10_000) == (None, "x" * 500)
    assert bounded_progress(7, None) == (1.0, None)
