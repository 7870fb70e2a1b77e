from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from functools import partial

import pytest
from redis import Redis

from andon.client import Andon, Run
from tests.integration.cli.conftest import Command, interrupt
from tests.support.ledger import Ledger
from tests.support.polling import wait_until
from tests.support.system import System


def has_ended(andon: Andon, run: Run) -> bool:
    return andon.runs.get(run.id).ended


GATED = {"step-1": {"gate": True}}


@pytest.fixture
def walk(command: Command, andon: Andon) -> Callable[[str], Run]:
    """Asks for a walk by the command line, and returns its run."""

    def start(case: str) -> Run:
        data = json.dumps({"case": case, "steps": 2, "plan": GATED})
        sent = command("events", "send", "walk/requested", data)
        assert sent.code == 0, sent.err
        return wait_until(lambda: next(andon.runs.list(event_id=sent.out.strip()), None))

    return start


def test_a_run_is_shown_with_its_steps_and_run_again(
    command: Command, andon: Andon, ledger: Ledger, walk: Callable[[str], Run]
) -> None:
    run = walk("shown")
    ledger.open("shown")
    wait_until(lambda: andon.runs.get(run.id).ended)
    shown = command("runs", "show", run.id)
    assert "status completed " in shown.words
    assert [line.split()[:2] for line in shown.out.splitlines()[-2:]] == [
        ["step-1", "completed"],
        ["step-2", "completed"],
    ]
    part = command("rerun", run.id, "--from", "step-2", "--json")
    [second] = wait_until(lambda: list(andon.runs.list(event_id=part.json["eventId"])))
    wait_until(lambda: andon.runs.get(second.id).ended)
    assert (second.origin_run_id, second.origin_step) == (run.id, "step-2")
    assert [len(ledger.begins("shown", step)) for step in ("step-1", "step-2")] == [1, 2]
    again = command("runs", "rerun", run.id, "--json")
    wait_until(lambda: list(andon.runs.list(event_id=again.json["eventId"])))
    assert command("runs", "cancel", run.id).code == 4


def test_an_event_is_sent_and_the_ends_of_its_runs_are_waited_for(command: Command, andon: Andon) -> None:
    done = command("events", "send", "walk/requested", '{"case": "awaited", "steps": 2}', "--wait")
    assert done.code == 0, done.err
    _, run = done.out.splitlines()
    assert run.startswith("completed walk ")
    assert "step-2  completed" in done.err
    run_id = run.split()[2]
    assert command("runs", "wait", run_id).out == f"completed {run_id}\n"
    watched = command("runs", "watch", run_id)
    assert (watched.code, "status completed" in watched.words, "step-1  completed" in watched.err) == (0, True, True)
    assert andon.runs.wait(run_id).status == "completed"
    unheard = command("events", "send", "walk/reqested", "--wait")
    assert unheard.code == 0
    assert "Did you mean walk/requested" in unheard.err


def test_a_run_that_is_waited_for_and_cancelled_exits_with_1(
    command: Command, andon: Andon, ledger: Ledger, walk: Callable[[str], Run]
) -> None:
    run = walk("waited")
    wait_until(lambda: ledger.begins("waited"))
    assert command("runs", "wait", run.id, "--timeout", "0.2").code == 7
    cancelled = command("runs", "cancel", run.id, "--wait", "--reason", "enough")
    assert cancelled.code == 0
    assert cancelled.out.startswith(f"cancelled {run.id}\n")
    assert "code stopped" in cancelled.out
    waited = command("runs", "wait", run.id)
    assert (waited.code, waited.err) == (1, f"andon: Run {run.id} is cancelled: enough\n")


def test_runs_that_failed_show_their_line_and_are_repeated_together_once(command: Command, andon: Andon) -> None:
    since = dt.datetime.now(dt.UTC)
    for case in ("fails-1", "fails-2"):
        data = json.dumps({"case": case, "steps": 1, "plan": {"step-1": {"fail": 3}}})
        sent = command("events", "send", "walk/requested", data, "--wait")
        assert sent.code == 1
    failed = next(andon.runs.list(function_id="walk", limit=1))
    assert re.search(
        r'at \S*functions\.py:\d+ in act\n +raise RuntimeError\(f"', command("runs", "show", failed.id).out
    )

    those = ("rerun", "--function", "walk", "--after", since.isoformat())
    assert command(*those, "--dry-run").out == "2 runs match; nothing was repeated\n"
    repeated = command(*those)
    assert (repeated.code, len(repeated.out.splitlines())) == (0, 2), repeated.err
    completed = partial(andon.runs.list, function_id="walk", status="completed", queued_after=since)
    wait_until(lambda: len(list(completed())) == 2)
    assert command(*those, "--dry-run").out == "0 runs match; nothing was repeated\n"
    assert command("rerun").code == 2


def test_a_run_is_cancelled_by_its_id_and_says_who_and_why(
    command: Command, andon: Andon, ledger: Ledger, walk: Callable[[str], Run]
) -> None:
    run = walk("stopped")
    wait_until(lambda: ledger.begins("stopped"))
    assert command("runs", "cancel", run.id, "--reason", "enough").out == f"cancelling {run.id}\n"
    wait_until(lambda: andon.runs.get(run.id).status == "cancelled")
    shown = command("runs", "show", run.id).words
    assert "reason enough " in shown
    assert "after it was asked" in shown


def test_a_cancel_event_names_what_it_cancelled(
    command: Command, andon: Andon, ledger: Ledger, walk: Callable[[str], Run]
) -> None:
    run = walk("by event")
    wait_until(lambda: ledger.begins("by event"))
    sent = command("events", "send", "walk/cancelled", "-", "--json", stdin='{"case": "by event"}')
    [event] = sent.json["ids"]
    wait_until(lambda: andon.runs.get(run.id).status == "cancelled")
    assert andon.events.get(event).effects.cancelled == (run.id,)
    assert f"cancelled {run.id}" in command("events", "show", event).words


def test_many_runs_are_counted_first_and_then_cancelled_at_once(
    command: Command, andon: Andon, walk: Callable[[str], Run]
) -> None:
    runs = [walk(f"bulk-{number}") for number in range(3)] + [walk("other")]
    where = ("--function", "walk", "--where", "event.data.case.startsWith('bulk-')", "--started-after", "10m")
    counted = command("cancel", *where, "--dry-run", "--json")
    assert (counted.code, counted.json["matched"]) == (0, 3)
    done = command("cancel", *where, "--reason", "all of them", "--wait", "--json")
    assert (done.json["status"], done.json["matched"]) == ("done", 3)
    for run in runs[:3]:
        wait_until(partial(has_ended, andon, run))
        ended = andon.runs.get(run.id)
        assert ended.cancel is not None
        assert (ended.status, ended.cancel.reason) == ("cancelled", "all of them")
    assert not andon.runs.get(runs[3].id).ended
    andon.runs.cancel(runs[3].id)


def test_an_expression_that_cannot_be_used_is_refused_with_2(command: Command) -> None:
    refused = command("cancel", "--function", "walk", "--where", "event.data.case ==")
    assert refused.code == 2
    assert "if" in refused.err


def test_tail_follows_the_log_and_prints_each_event_once(command: Command, andon: Andon) -> None:
    first = andon.events.send("tail/seen", {"number": 0})
    tail = command.start("events", "tail", "--name", "tail/seen", "--follow", "--json")
    assert tail.stdout is not None
    assert json.loads(tail.stdout.readline())["id"] == first
    sent = andon.events.send_many([{"name": "tail/seen", "data": {"number": n}} for n in range(1, 4)])
    assert [json.loads(tail.stdout.readline())["id"] for _ in sent] == list(sent)
    stopped = interrupt(tail)
    assert (stopped.code, stopped.out) == (130, "")


def test_an_event_with_an_id_that_was_used_has_no_second_effect(command: Command, andon: Andon) -> None:
    for _ in range(2):
        assert command("events", "send", "twice/sent", "--id", "the-only", "--user", "ann").out == "the-only\n"
    [event] = andon.events.list(name="twice/sent")
    assert event.user == "ann"


def test_functions_are_listed_with_what_cancels_them(command: Command) -> None:
    listed = command("functions").out
    assert "walk/cancelled by data.case" in listed
    assert "walk" in [each["id"] for each in command("functions", "--json").json]


def test_runs_are_filtered(command: Command, andon: Andon, walk: Callable[[str], Run]) -> None:
    run = walk("filtered")
    listed = command("runs", "list", "--function", "walk", "--after", "5m", "--limit", "1", "--json").json
    assert [each["id"] for each in listed] == [run.id]
    assert command("runs", "list", "--before", "2001-01-01T00:00:00Z", "--json").json == []
    andon.runs.cancel(run.id)


def test_dead_events_are_listed_shown_and_replayed(command: Command, running: System) -> None:
    with Redis.from_url(running.env["ANDON_REDIS_URL"]) as bus:
        bus.xadd("andon:events", {"name": "dead/on.arrival", "data": "{not json"})
    listed = wait_until(lambda: command("events", "dead", "list", "--json").json, what="the dead event")
    assert isinstance(listed, list)
    id = str(listed[0]["id"])
    assert "dead/on.arrival" in command("events", "dead", "list").out
    shown = command("events", "dead", "show", id)
    assert "field data {not json" in shown.words
    assert "expected JSON" in shown.out
    assert command("events", "dead", "replay", id).out == f"replayed {id}\n"
    assert command("events", "dead", "show", id, "--json").json["replayedAt"] is not None
    assert command("events", "dead", "show", "999999").code == 3
    assert command("events", "dead", "replay", "999999").code == 3
