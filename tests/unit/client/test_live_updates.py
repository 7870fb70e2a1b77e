"""Watching: told by the API, resumed where it was cut off, and polling where there is no stream."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from andon.client import NotFound, Report, Retries, WaitTimeout
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
    assert list(each_of(messages(one_by_one(lines)))) == [Message(), Message("a", "", "1\n2"), Message("", "", "3")]
