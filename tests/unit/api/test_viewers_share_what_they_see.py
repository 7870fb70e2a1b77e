"""Looks and listeners: what many viewers of one thing cost, and what each is woken for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from redis import ConnectionError, Redis

from andon.adapters.redis.live import announcing
from andon.engine.declared.subjects import subject_id
from andon_api.console.live import _messages
from andon_api.http.streaming import Viewer
from andon_api.live_feed import LiveFeed, TooManyStreams
from andon_api.looks import Look, Looks, Seen
from andon_api.serving.bell import Bell
from andon_api.share import Share


def test_all_who_were_woken_by_one_change_share_one_read() -> None:
    reads = list[int]()
    looks = Looks()
    look, since = looks.of("a"), time.monotonic()

    def read() -> Seen:
        reads.append(1)
        return Seen(str(len(reads)))

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(lambda _: looks.of("a").at(since, read), range(50)))
    assert {each.text for each in seen} == {"1"}
    assert look.at(time.monotonic(), read).text == "2"


def test_a_read_that_fails_is_not_what_others_see() -> None:
    look = Look()

    def fail() -> Seen:
        raise OSError

    with pytest.raises(OSError):
        look.at(1, fail)
    assert look.at(1, lambda: Seen("now")).text == "now"


@contextmanager
def feed(streams: Share) -> Iterator[LiveFeed]:
    """A feed whose Redis is away."""

    def connect() -> Redis:
        raise ConnectionError

    made = LiveFeed(connect, streams=streams, waits=Share(1))
    yield made
    made.close()


def test_a_listener_is_told_what_changed_and_of_nothing_else() -> None:
    with feed(Share(9)) as live, live.listen("report:1", "run:2", of=live.streams) as ear:
        assert ear.named() == {"report:1", "run:2"}, "at first it has to look at all"
        live._deliver(b'{"run": "3", "report": "4"}')
        assert not ear.bell.hear()
        live._deliver(b'{"run": "2", "report": null}')
        assert ear.named() == {"run:2"}
        assert ear.named() == set()


def test_who_listens_to_a_subject_or_report_is_told_of_requests_by_their_rows() -> None:
    ids = [subject_id("default", "video", "7"), subject_id("default", "report", "1"), subject_id("acme", "video", "7")]
    with feed(Share(9)) as live, live.listen("subject:video:7", "report:1", of=live.streams) as ear:
        ear.named()
        for id in ids:
            [(_, _, said)] = announcing([], [id])
            live._deliver(str(said).encode())
        assert ear.named() == {"subject:video:7", "report:1"}
        live._deliver(b'{"subjects": 1}')
        assert ear.named() == set()


def test_no_tenant_takes_the_share_of_all_and_what_is_given_back_is_free() -> None:
    with feed(Share(3, 2)) as live:
        with live.listen("a", tenant="t", of=live.streams), live.listen("a", tenant="t", of=live.streams):
            with pytest.raises(TooManyStreams), live.listen("a", tenant="t", of=live.streams):
                pass
            with live.listen("a", tenant="u", of=live.streams):
                assert live.open_streams == 3
        assert live.open_streams == 0
        with live.listen("a", tenant="t", of=live.streams):
            assert live.open_streams == 1


def test_a_page_looks_at_once_after_a_rest_and_more_seldom_the_longer_changes_go_on() -> None:
    now, pauses = 0.0, list[float]()
    rests = [0.0, 0.01, 0.0, 0.0, 0.3, 0.0, 0.0]
    with feed(Share(9)) as live, live.listen("run:1", of=live.streams) as ear:

        def park(bell: Bell, seconds: float) -> None:
            nonlocal now
            if bell is ear.bell:
                now += rests[len(pauses) - 1]
                bell.ring()
            else:
                now += seconds
                pauses.append(seconds)

        def left() -> bool:
            return len(pauses) == len(rests)

        said = [*_messages(Viewer(ear, live, left, park, clock=lambda: now), None, 0.05)]
    assert pauses == [0.01, 0.02, 0.04, 0.05, 0.05, 0.01, 0.02]
    assert sum(each.startswith("event: changed") for each in said) == len(rests)
