"""Artifacts: stored by a step or as one, kept with its result, and refused where they can't be meant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from andon import AsyncStep, Event, NonRetriable, Step, StepError, function
from andon.engine.artifacts import check_file, named
from andon.engine.states import Status
from andon.testing import ManualCancelCheck, MemoryJournal, run_function


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text("a,b\n")
    return path


def run(handler: Any, **options: Any) -> Any:
    made = function(id="f", trigger="a/b", retries=0)(handler)
    return run_function(made, Event("a/b", {}), **options)


def test_in_the_handler_it_is_a_step_of_its_own_and_a_replay_recalls_it(file: Path) -> None:
    def handler(event: Event, step: Step) -> list[Any]:
        first = step.artifact(file)
        file.unlink(missing_ok=True)  # a replay on another machine has no such file
        step.sleep("night", 60)
        return [first]

    ended = run(handler)
    assert ended.output == [{"name": "sales.csv", "bytes": 4, "mediaType": "text/csv"}]
    assert list(ended.steps) == ["artifact sales.csv", "night"]
    assert ended.artifacts == {"sales.csv": b"a,b\n"}


def test_in_a_steps_function_it_is_part_of_that_step(file: Path) -> None:
    def write(step: Step) -> int:
        return sum(step.artifact(file, name, "text/x")["bytes"] for name in ("b.csv", "a.csv"))

    ended = run(lambda event, step: step.run("write", write, step))
    assert (ended.output, list(ended.steps)) == (8, ["write"])
    assert set(ended.artifacts) == {"a.csv", "b.csv"}


def test_an_async_function_awaits_it_and_in_a_step_there_is_nothing_to_await(file: Path) -> None:
    async def write(step: AsyncStep) -> dict[str, Any]:
        return await step.artifact(file, "async.csv")

    def write_plainly(step: Any) -> dict[str, Any]:
        return dict(step.artifact(file, "plain.csv"))

    async def handler(event: Event, step: AsyncStep) -> list[Any]:
        return [
            await step.artifact(file, media_type="text/plain; charset=utf-8"),
            await step.run("write", write, step),
            await step.run("write-plainly", write_plainly, step),
        ]

    ended = run(handler)
    assert [each["name"] for each in ended.output] == ["sales.csv", "async.csv", "plain.csv"]
    assert set(ended.artifacts) == {"sales.csv", "async.csv", "plain.csv"}


def test_what_a_failed_step_has_stored_is_nobodys_and_its_name_is_free(file: Path) -> None:
    def fails(step: Step) -> None:
        step.artifact(file)
        raise ValueError("after it was stored")

    def handler(event: Event, step: Step) -> None:
        with pytest.raises(StepError, match="after it was stored"):
            step.run("fails", fails, step)
        file.write_text("second")
        step.artifact(file)

    assert run(handler).artifacts == {"sales.csv": b"second"}


def test_of_a_cancelled_and_of_a_failed_run_nothing_is_published(file: Path) -> None:
    flag, journal = ManualCancelCheck(), MemoryJournal()

    def handler(event: Event, step: Step) -> None:
        step.artifact(file)
        flag.cancel()
        step.artifact(file, "second")

    ended = run(handler, cancel_check=flag, journal=journal)
    assert (ended.status, ended.artifacts, list(journal.artifacts)) == (Status.CANCELLED, {}, ["sales.csv"])

    def broken(event: Event, step: Step) -> None:
        step.artifact(file)
        raise ValueError

    assert (run(broken).status, run(broken).artifacts) == (Status.FAILED, {})


def test_a_name_is_used_once_in_a_run(file: Path) -> None:
    def twice(event: Event, step: Step) -> None:
        step.run("write", lambda: step.artifact(file))
        step.artifact(file)

    assert "step 'write' has stored an artifact of this name" in run(twice).error["message"]

    def after_a_replay(event: Event, step: Step) -> None:
        step.run("write", lambda: step.artifact(file))
        step.sleep("night", 60)
        step.run("write-again", lambda: step.artifact(file))

    assert "'sales.csv'" in run(after_a_replay).error["message"]


def test_a_transactions_function_stores_nothing(file: Path) -> None:
    from contextlib import nullcontext

    def handler(event: Event, step: Step) -> None:
        step.transaction("save", lambda session: step.artifact(file))

    error = run(handler, journal=MemoryJournal(session=nullcontext)).error
    assert "is called while step 'save' runs" in error["message"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        *(((path, None, None), "expected the path of a file") for path in ("", None, 7, b"x", "a\0b")),
        *((("p", name, None), "without a folder") for name in ("a/b", "a\\b", "..", ".", " a", "a ")),
        *((("p", name, None), "expected a text of 1 to 150") for name in ("", 7, "x" * 151, "a\nb", "a\0", "\ud800")),
        *((("p", "a", kind), "expected one such as") for kind in ("csv", "", 7, "a/b\r\nx: y", "a/" + "b" * 300)),
        (("folder/", None, None), "expected a text of 1 to 150"),
    ],
)
def test_what_can_not_be_meant_is_refused_by_name(said: tuple[Any, Any, Any], words: str) -> None:
    with pytest.raises(NonRetriable, match=words):
        named(*said)


def test_a_path_that_is_no_file_is_refused_and_says_why(tmp_path: Path, file: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused = [
        (tmp_path / "gone.csv", "No such file or directory. What another step wrote is lost with its process"),
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "is no file"),
        (file, "has 4 bytes, and an artifact has at most 3 .ANDON_ARTIFACT_LIMIT_BYTES"),
    ]
    for path, words in refused:
        with pytest.raises(NonRetriable, match=words):
            check_file(str(path), 3)
    check_file(str(file), 4)


def test_a_missing_file_fails_its_step_at_once(tmp_path: Path) -> None:
    made = function(id="f", trigger="a/b", retries=5)(lambda event, step: step.artifact(tmp_path / "gone"))
    ended = run_function(made, Event("a/b", {}))
    assert (ended.status, ended.waited) == (Status.FAILED, 0)
    assert ended.steps["artifact gone"].attempt == 1
