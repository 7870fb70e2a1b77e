"""What a caller writes by hand: a URL, the fields of a change."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from andon.client import Andon, NotAllowed
from andon.client.transport import base_of

REPORT = {"id": "r", "title": "t", "status": "idle", "createdAt": "2026-01-01T00:00:00Z"}


def client(answer: Any, seen: list[httpx.Request], status: int = 200) -> Andon:
    """A client whose every call gets this answer; a text is what a stream says."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        stream = {"Content-Type": "text/event-stream"}
        if isinstance(answer, str):
            return httpx.Response(status, content=answer, headers=stream)
        return httpx.Response(status, json=answer)

    return Andon("http://andon.test", transport=httpx.MockTransport(handle))


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ("http://a", "http://a"),
        ("https://a:8443/", "https://a:8443"),
        ("http://a/api/v1", "http://a"),
        ("http://a/api/v1/", "http://a"),
        ("https://a/andon/api/v1", "https://a/andon"),
        (" http://[::1]:8000 ", "http://[::1]:8000"),
    ],
)
def test_a_url_is_understood_as_people_write_it(written: str, understood: str) -> None:
    assert base_of(written) == understood


@pytest.mark.parametrize(
    "written", ["", "localhost:8000", "andon.example.com", "ftp://a", "http://", "http://a?x=1", "/a"]
)
def test_a_url_that_is_none_is_refused_in_a_sentence(written: str) -> None:
    with pytest.raises(ValueError, match=r"expected the API's URL, such as https://andon.example.com, got "):
        Andon(written)


def test_a_change_sends_what_is_given_and_nothing_else() -> None:
    seen: list[httpx.Request] = []
    with client(REPORT, seen) as andon:
        andon.reports.update("r", title="new")
        andon.reports.update("r", dataset_id=None)
        andon.reports.update("r", options={})
    assert [json.loads(each.content) for each in seen] == [{"title": "new"}, {"datasetId": None}, {"options": {}}]


def test_a_misspelt_field_is_the_callers_error_at_once() -> None:
    seen: list[httpx.Request] = []
    with client(REPORT, seen) as andon, pytest.raises(TypeError, match="titel"):
        andon.reports.update("r", titel="new")  # type: ignore[call-arg]
    assert seen == []


def test_several_statuses_are_several_parameters() -> None:
    seen: list[httpx.Request] = []
    with client({"items": [], "nextCursor": None}, seen) as andon:
        list(andon.runs.list(status=["failed", "cancelled"]))
        list(andon.reports.list(status="idle"))
    assert [each.url.params.get_list("status") for each in seen] == [["failed", "cancelled"], ["idle"]]


def test_a_stream_that_is_refused_says_why() -> None:
    problem = {"title": "Unauthorized", "status": 401, "detail": "the key is revoked"}
    seen: list[httpx.Request] = []
    told = f"event: report\nid: 1\ndata: {json.dumps(REPORT | {'status': 'generating'})}\n\n"
    with client(f"{told}event: problem\ndata: {json.dumps(problem)}\n\n", seen) as andon:
        watched = andon.reports.watch("r")
        assert next(watched).generating
        with pytest.raises(NotAllowed, match="the key is revoked"):
            next(watched)
