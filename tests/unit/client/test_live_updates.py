"""Watching: told by the API, resumed where it was cut off, and polling where there is no stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from andon.client import NotFound, Report, Retries, TokenEnded, Unavailable, WaitTimeout
from andon.client.blocking import each as each_of
from andon.client.live import Follower, Message, messages
from andon.client.transport import Transport
from andon.client.wire import BlockingWire
from tests.unit.client.test_calls_are_tried_again import Server, problem

STREAM, SHOWN = "/api/v1/reports/r1/stream", "/api/v1/reports/r1"


def state(status: str = "generating", progress: float = 0.0) -> dict[str, Any]:
    return {"id": "r1", "title": "T", "status": status, "createdAt": "2026-01-01T00:00:00Z", "progress": progress}


def said(*states: dict[str, Any], end: bool = False) -> Iterator[bytes]:
    """A stream of these states; cut off after them, unless it has an end."""
    yield b"retry: 2000\n\n: still here\n\n"
    for each in states:
        yield f"event: report\nid: at-{each['progress']}\ndata: {json.dumps(each)}\n\n".encode()
    if not end:
        raise httpx.ReadError("cut")
    yield b"event: end\ndata: {}\n\n"


def stream(*states: dict[str, Any], end: bool = False) -> httpx.Response:
    return httpx.Response(200, content=said(*states, end=end), headers={"Content-Type": "text/event-stream"})


def opened() -> httpx.Response:
    """A stream that is cut off before there was anything to tell."""

    def retry() -> Iterator[bytes]:
        yield b"retry: 2000\n\n"
        raise httpx.ReadError("cut")

    return httpx.Response(200, content=retry(), headers={"Content-Type": "text/event-stream"})


def mute() -> httpx.Response:
    """A stream of which something between keeps every word to itself."""

    def kept() -> Iterator[bytes]:
        raise httpx.ReadTimeout("nothing came")
        yield b""

    return httpx.Response(200, content=kept(), headers={"Content-Type": "text/event-stream"})


async def one_by_one(lines: list[str]) -> AsyncIterator[str]:
    for line in lines:
        yield line


class Watching:
    """A follower whose time passes only while it sleeps."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.server = Server(*answers)
        self.now = 0.0
        wire = BlockingWire("http://andon.test/api/v1", {}, httpx.MockTransport(self.server), self.sleep)
        transport = Transport("http://andon.test", wire, timeout=5, retries=Retries(1))
        self.follower = Follower(transport, lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def lines(self) -> list[dict[str, Any]]:
        return list(each_of(self.follower.lines("/runs/r1/logs/stream")))

    def progress(self, timeout: float | None = None) -> list[float | None]:
        found = self.follower.watch("/reports/r1", Report, lambda report: not report.generating, timeout)
        return [each.progress for each in each_of(found)]

    @property
    def asked(self) -> list[tuple[str, str | None]]:
        return [(each.url.path, each.headers.get("Last-Event-ID")) for each in self.server.requests]


def test_each_change_is_told_until_the_end() -> None:
    watching = Watching(stream(state(), state(progress=0.5), state("generated", 1.0), end=True))
    assert watching.progress() == [0.0, 0.5, 1.0]
    assert watching.asked == [(STREAM, None)]


def test_a_stream_that_is_cut_off_is_resumed_behind_what_was_told() -> None:
    watching = Watching(stream(state(), state(progress=0.5)), stream(state("cancelled", 0.7), end=True))
    assert watching.progress() == [0.0, 0.5, 0.7]
    assert watching.asked == [(STREAM, None), (STREAM, "at-0.5")]


def test_an_api_with_enough_streams_is_polled() -> None:
    shown = [httpx.Response(200, json=state("generating", n / 4)) for n in (1, 1, 2)]
    watching = Watching(problem(503), *shown, httpx.Response(200, json=state("generated", 1.0)))
    assert watching.progress() == [0.25, 0.5, 1.0]
    assert [path for path, _ in watching.asked] == [STREAM, *[SHOWN] * 4]


def test_one_that_stays_away_is_polled_too_and_nothing_is_told_twice() -> None:
    gone = [httpx.ConnectError("refused")] * 5
    shown = [httpx.Response(200, json=state(each)) for each in ("generating", "failed")]
    watching = Watching(stream(state()), *gone[1:], *shown)
    assert watching.progress() == [0.0, 0.0]
    assert [path for path, _ in watching.asked] == [STREAM] * 5 + [SHOWN] * 2


def test_a_stream_that_opens_is_there_although_nothing_changes() -> None:
    watching = Watching(*[opened() for _ in range(20)], stream(state("generated", 1.0), end=True))
    assert watching.progress() == [1.0]
    assert {path for path, _ in watching.asked} == {STREAM}


def test_a_stream_that_says_nothing_is_polled_and_then_tried_again() -> None:
    streams = iter([mute(), stream(state("generated", 1.0), end=True)])
    watching = Watching()
    watching.server.answer = lambda request: (
        next(streams) if request.url.path == STREAM else httpx.Response(200, json=state(progress=0.5))
    )
    assert watching.progress() == [0.5, 1.0]
    first, *between, last = [path for path, _ in watching.asked]
    assert (first, set(between), last) == (STREAM, {SHOWN}, STREAM)
    assert 15 <= watching.now < 20


def test_where_something_else_than_a_stream_is_answered_it_is_polled() -> None:
    page = httpx.Response(200, html="<p>Wait.</p>\n\n<p>Wait.</p>\n\n")
    watching = Watching(page, httpx.Response(200, json=state("generated", 1.0)))
    assert watching.progress() == [1.0]
    assert [path for path, _ in watching.asked] == [STREAM, SHOWN]


def test_a_token_that_runs_out_while_it_watches_is_an_error_and_not_an_outage() -> None:
    ended = {"title": "Unauthorized", "status": 401, "code": "token-ended", "detail": "get a new one"}
    told = f"event: problem\ndata: {json.dumps(ended)}\n\n".encode()
    said = httpx.Response(200, content=told, headers={"Content-Type": "text/event-stream"})
    with pytest.raises(TokenEnded, match="get a new one"):
        Watching(said).progress()
    with pytest.raises(TokenEnded):
        Watching(problem(503), httpx.Response(401, json=ended)).progress()


def test_a_gateways_time_out_while_it_polls_is_waited_for() -> None:
    watching = Watching(problem(503), problem(504), problem(502), httpx.Response(200, json=state("failed")))
    assert watching.progress() == [0.0]


def test_what_a_quiet_run_says_is_waited_for_over_streams_that_are_cut_off_again_and_again() -> None:
    watching = Watching(*[opened() for _ in range(90)], stream(state(progress=0.5), end=True))
    assert [each["progress"] for each in watching.lines()] == [0.5]
    assert watching.now == 90


def test_lines_that_nothing_lets_through_are_an_error_after_a_minute() -> None:
    with pytest.raises(Unavailable):
        Watching(*[mute() for _ in range(90)]).lines()


def test_a_time_out_is_kept_to() -> None:
    watching = Watching(httpx.Response(200, json=state()))
    with pytest.raises(WaitTimeout, match="Report r1 has not ended within 3 s"):
        watching.progress(timeout=3)
    assert watching.now == pytest.approx(3)
    assert {path for path, _ in watching.asked} == {SHOWN}


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(NotFound):
        Watching(problem(404)).progress()


def test_a_stream_is_read_as_its_format_says() -> None:
    lines = [": x", "event: a", "data: 1", "data:2", "", "id: 7", "", "data: 3", "", "data: cut off"]
    told = [Message(), Message("a", "", "1\n2"), Message(), Message("", "", "3")]
    assert list(each_of(messages(one_by_one(lines)))) == told
