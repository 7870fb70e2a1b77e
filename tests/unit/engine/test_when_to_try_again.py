"""The back-off, for every attempt and error."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon import NonRetriable, RetryAfter
from andon.engine.errors import InvalidResult
from andon.engine.steps.retries import LIMIT_SECONDS, delay
from andon.engine.steps.sleeps import LONGEST_SECONDS

attempts = st.integers(1, 10_000)


@given(attempts, st.integers(0, 10_000))
def test_there_are_as_many_tries_after_the_first_as_retries(attempt: int, retries: int) -> None:
    assert (delay(ValueError(), attempt, retries) is None) == (attempt > retries)


@given(attempts)
def test_the_pause_is_within_half_of_a_ceiling_that_doubles_up_to_the_limit(attempt: int) -> None:
    pause = delay(ValueError(), attempt, attempt)
    ceiling = min(LIMIT_SECONDS, 2.0 ** min(attempt - 1, 30))
    assert pause is not None
    assert ceiling / 2 <= pause <= ceiling


@given(attempts, st.floats(0, 1))
def test_the_jitter_spreads_over_the_whole_half(attempt: int, luck: float) -> None:
    least = delay(ValueError(), attempt, attempt, uniform=lambda low, high: low)
    most = delay(ValueError(), attempt, attempt, uniform=lambda low, high: high)
    some = delay(ValueError(), attempt, attempt, uniform=lambda low, high: low + luck * (high - low))
    assert least is not None
    assert some is not None
    assert most == 2 * least
    assert least <= some <= most


@given(attempts, st.floats(-1e6, 1e6))
def test_retry_after_says_when_and_never_in_the_past(attempt: int, seconds: float) -> None:
    assert delay(RetryAfter(seconds), attempt, attempt) == max(seconds, 0.0)
    assert delay(RetryAfter(seconds), attempt + 1, attempt) is None


@pytest.mark.parametrize("error", [NonRetriable("no"), InvalidResult("x", "not JSON")])
def test_some_errors_are_never_tried_again(error: Exception) -> None:
    assert delay(error, 1, 100) is None


@pytest.mark.parametrize(("seconds", "waits"), [(math.inf, LONGEST_SECONDS), (1e300, LONGEST_SECONDS), (math.nan, 0.0)])
def test_a_step_that_asks_for_no_time_that_there_is_gets_one_that_there_is(seconds: float, waits: float) -> None:
    assert delay(RetryAfter(seconds), 1, 1) == waits
