"""`andon runs show` says of a run that doesn't go what it waits for, and what has cancelled it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from andon.cli.terminal.run_shown import facts
from andon.client import Cancel, Run, Step
from andon.client.causes import CAUSES
from andon.client.models import EventRef, QueuedFor, Wait

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RUN = Run(
    id="r",
    function_id="f",
    status="queued",
    event=EventRef(id="e", name="a/b", data={}, ts=NOW),
    attempt=0,
    queued_at=NOW,
)
FAILED = Step(id="knock", status="retrying", attempt=7, started_at=NOW, error={"message": "away"})


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (RUN, "a free lane of a worker"),
        (
            replace(RUN, queued_for=QueuedFor(rule="pause", key="function f", place=2, of=3, holders=())),
            "the end of a pause: function f, place 2 of 3",
        ),
        (
            replace(RUN, queued_for=QueuedFor(rule="concurrency", key=None, place=1, of=1, holders=("x",))),
            "a limit of how many go at once, place 1 of 1, held by x",
        ),
        (
            replace(RUN, queued_for=QueuedFor(rule="one of a newer API", key=None, place=1, of=1, holders=())),
            "one of a newer API, place 1 of 1",
        ),
        (replace(RUN, status="waiting", steps=(FAILED,)), "another try of knock, after 7 that failed"),
        (replace(RUN, status="waiting", waits=(Wait(step="w", event="a/c"),)), "a/c"),
        (replace(RUN, status="running", steps=(FAILED,)), None),
    ],
)
def test_what_a_run_waits_for(run: Run, words: str | None) -> None:
    assert dict(facts(run))["waits for"] == words


@pytest.mark.parametrize(
    ("cause", "words"), [*CAUSES.items(), ("one of a newer API", "one of a newer API"), (None, None)]
)
def test_what_has_cancelled_a_run_where_nobody_asked(cause: str | None, words: str | None) -> None:
    assert dict(facts(replace(RUN, cancel=Cancel(requested_at=NOW, cause=cause))))["cause"] == words
