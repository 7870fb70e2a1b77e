"""What goes into a child and what comes back: values, errors, and what can't be sent."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from andon import NonRetriable, RetryAfter, StepError
from andon.engine.errors import InvalidResult
from andon.engine.retries import delay
from tests.unit.isolation import work
from tests.unit.isolation.conftest import Caller


def test_a_call_runs_elsewhere_and_returns_its_value(call: Caller) -> None:
    assert call(work.add, 1, second=2) == 3
    assert call(work.process_id) != os.getpid()


def test_a_child_that_ended_cleanly_serves_the_next_call(call: Caller) -> None:
    assert len({call(work.process_id) for _ in range(5)}) == 1


def test_the_modules_to_preload_are_there_before_the_first_call(call: Caller) -> None:
    assert call(work.is_loaded, "colorsys")


def test_a_child_ignores_ctrl_c_and_leads_its_own_group(call: Caller) -> None:
    assert call(work.signal_dispositions) == {
        "ignores_interrupt": True,
        "blocks_none": True,
        "leads_its_group": True,
    }


def test_megabytes_cross_both_ways(call: Caller) -> None:
    assert call(work.length, bytes(20_000_000)) == 20_000_000
    assert len(call(work.text_of, 4_000_000)) == 4_000_000


def test_many_threads_call_at_once(call: Caller) -> None:
    calls = [call.later(work.sleep_for, 1.0)[0] for _ in range(4)]
    assert len({each.result(timeout=20) for each in calls}) == 4


@pytest.mark.parametrize(
    ("kind", "expected", "words"),
    [
        ("value", ValueError, "no such column"),
        ("file", FileNotFoundError, "data.csv"),
        ("refused", work.Refused, "7: closed"),
        ("final", NonRetriable, "never"),
        ("later", RetryAfter, "later"),
        ("exit", SystemExit, "3"),
        ("unsendable", StepError, "Unsendable: holds a lock"),
    ],
)
def test_an_error_comes_back_as_itself_with_the_childs_traceback(
    call: Caller, kind: str, expected: type[BaseException], words: str
) -> None:
    with pytest.raises(expected, match=words) as caught:
        call(work.fail, kind)
    assert type(caught.value) is expected
    assert any("in fail\n    raise errors[kind]" in note for note in caught.value.__notes__)


def test_an_error_keeps_its_attributes(call: Caller) -> None:
    with pytest.raises(work.Refused) as refused:
        call(work.fail, "refused")
    with pytest.raises(RetryAfter) as later:
        call(work.fail, "later")
    assert (refused.value.code, later.value.seconds) == (7, 5.0)


def nested() -> Callable[[], None]:
    def local() -> None: ...

    return local


@pytest.mark.parametrize(
    ("fn", "args", "culprit"),
    [
        (lambda: None, (), "the function"),
        (nested(), (), "the function"),
        (work.add, (1, threading.Lock()), r"argument 2 \(lock\)"),
    ],
)
def test_what_cannot_be_sent_is_named_and_not_tried_again(
    call: Caller, fn: Callable[..., Any], args: tuple[Any, ...], culprit: str
) -> None:
    with pytest.raises(NonRetriable, match=f"step 'x'.*{culprit}") as caught:
        call(fn, *args)
    assert delay(caught.value, 1, retries=9) is None


def test_an_unsendable_keyword_argument_is_named(call: Caller) -> None:
    with pytest.raises(NonRetriable, match=r"argument 'second' \(lock\)"):
        call(work.add, 1, second=threading.Lock())


@pytest.mark.parametrize(
    ("fn", "args", "words"), [(work.not_json, (), "not JSON"), (work.text_of, (5_000_000,), "4 MiB")]
)
def test_a_result_that_cannot_be_kept_is_refused_in_the_child(
    call: Caller, fn: Callable[..., Any], args: tuple[Any, ...], words: str
) -> None:
    with pytest.raises(InvalidResult, match=f"Step 'x' returned .*{words}") as caught:
        call(fn, *args)
    assert delay(caught.value, 1, retries=9) is None
