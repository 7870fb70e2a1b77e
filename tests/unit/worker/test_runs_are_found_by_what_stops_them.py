"""Which runs a worker hosts: what a flag names, what the heartbeat extends, and when there is none left."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from andon import Event, Function, Step, function
from andon.adapters.postgres.runs.leases import Claimed
from andon_worker.supervisor.hosting.hosts import Hosts, Run
from andon_worker.supervisor.output.lines import RunOutput


@function(id="work", trigger="work/asked")
def work(event: Event, step: Step) -> None:
    """Nothing."""


def run(seq: int, *flags: str, declared: Function = work) -> Run:
    """A run of an event with this seq, that these flags stop."""
    event: Event = Event("work/asked", {}, seq=seq)
    claimed = Claimed(uuid.uuid4(), "default", "work", "function", None, None, 1, 1, 0, event, {}, 0)
    return Run(claimed, declared, flags, RunOutput(lambda *_: None), lambda: None)


def hosting(*runs: Run) -> Hosts:
    """A worker that hosts these."""
    hosts = Hosts()
    for each in runs:
        hosts.add(each)
    return hosts


def test_a_flag_names_the_runs_that_have_it_and_whose_event_is_older() -> None:
    first, second, other = run(1, "a", "b"), run(5, "a"), run(1, "c")
    hosts = hosting(first, second, other)
    assert hosts.named("a", 5) == [first]
    assert hosts.named("a", 6) == [first, second]
    assert hosts.named("b", 6) == [first]
    assert hosts.named("nobody's", 6) == []


def test_a_run_that_is_done_is_named_by_no_flag_any_more() -> None:
    first, second = run(1, "a"), run(1, "a")
    hosts = hosting(first, second)
    hosts.remove(first)
    hosts.remove(first)
    assert (hosts.named("a", 2), hosts.all(), hosts.get(first.id)) == ([second], [second], None)


def test_who_waits_for_the_last_run_hears_of_its_end() -> None:
    last = run(1)
    hosts = hosting(last)
    assert not hosts.wait_until_empty(0)
    heard: list[Any] = []
    waiting = threading.Thread(target=lambda: heard.append(hosts.wait_until_empty(30)))
    waiting.start()
    hosts.remove(last)
    waiting.join()
    assert heard == [True]


def test_code_of_a_run_that_was_given_up_is_known_until_it_has_ended() -> None:
    lost = run(1)
    hosts = hosting(lost)
    hosts.linger(lost)
    hosts.remove(lost)
    assert (hosts.all(), hosts.lingering()) == ([], [lost])
    hosts.forget(lost)
    assert hosts.lingering() == []


def test_a_run_without_a_lane_has_nothing_new_to_show() -> None:
    hosted = run(1)
    assert not hosted.changed
    assert hosted.beat()[:3] == (hosted.id, 1, None)
