from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from andon.client import (
    Andon,
    AsyncAndon,
    Conflict,
    InvalidRequest,
    NotAllowed,
    RateLimited,
    Retries,
    Unavailable,
    Unreachable,
)

ASKED = {"id": "r1", "status": "generating", "eventId": "e1"}


class Server:
    """Answers each request with the next of `answers`; the last one counts for all that follow."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.answer: Callable[[httpx.Request], httpx.Response | Exception] = self.next
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answer(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def next(self, request: httpx.Request) -> httpx.Response | Exception:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def client(self, attempts: int = 3) -> Andon:
        retries, transport = Retries(attempts=attempts), httpx.MockTransport(self)
        return Andon("http://andon.test/", "secret", retries=retries, transport=transport, sleep=self.pauses.append)

    def async_client(self, attempts: int = 3) -> AsyncAndon:
        retries, transport = Retries(attempts=attempts), httpx.MockTransport(self)
        return AsyncAndon("http://andon.test/", "secret", retries=retries, transport=transport, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def problem(status: int, **headers: str) -> httpx.Response:
    body = {"title": "Not now", "status": status, "detail": "Not now: come back"}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json", **headers})


@pytest.mark.parametrize(
    "passing",
    [problem(502), problem(503), problem(504), problem(429), httpx.ConnectError("refused"), httpx.ReadError("cut")],
    ids=["502", "503", "504", "429", "no connection", "reply lost"],
)
def test_what_passes_by_itself_is_tried_again_under_the_same_idempotency_key(
    passing: httpx.Response | Exception,
) -> None:
    server = Server(passing, httpx.Response(202, json=ASKED))
    with server.client() as andon:
        assert andon.reports.generate("r1").event_id == "e1"
    first, second = server.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert len(server.pauses) == 1


def test_two_calls_have_two_idempotency_keys_and_a_given_one_is_used() -> None:
    server = Server(httpx.Response(202, json=ASKED))
    with server.client() as andon:
        andon.reports.generate("r1")
        andon.reports.generate("r1")
        andon.reports.generate("r1", idempotency_key="mine")
    keys = [each.headers["Idempotency-Key"] for each in server.requests]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_pauses_have_jitter_and_grow_up_to_a_cap() -> None:
    server = Server(httpx.ConnectError("refused"))
    with server.client(attempts=12) as andon, pytest.raises(Unreachable):
        andon.reports.get("r1")
    assert len(server.requests) == 12
    assert len(set(server.pauses)) == 11
    assert all(pause <= min(5.0, 0.2 * 2**number) for number, pause in enumerate(server.pauses))


def test_a_pause_is_at_least_what_the_api_says() -> None:
    server = Server(problem(503, **{"Retry-After": "7"}), httpx.Response(202, json=ASKED))
    with server.client() as andon:
        andon.reports.generate("r1")
    assert server.pauses[0] >= 7


def test_a_409_of_a_call_that_is_still_being_handled_is_tried_again_and_any_other_is_not() -> None:
    server = Server(problem(409, **{"Retry-After": "1"}), problem(409))
    with server.client() as andon, pytest.raises(Conflict) as refused:
        andon.reports.generate("r1")
    assert len(server.requests) == 2
    assert refused.value.status == 409


@pytest.mark.parametrize("lost", [httpx.ReadError("cut"), problem(502), problem(504)], ids=["cut", "502", "504"])
def test_a_delete_whose_reply_was_lost_is_not_sent_again(lost: httpx.Response | Exception) -> None:
    server = Server(lost, httpx.Response(204))
    with server.client() as andon, pytest.raises(Unavailable):
        andon.reports.delete("r1")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidRequest), (401, NotAllowed), (403, NotAllowed), (422, InvalidRequest), (429, RateLimited)],
)
def test_a_refusal_is_an_exception_of_its_kind(status: int, kind: type[Exception]) -> None:
    with Server(problem(status)).client() as andon, pytest.raises(kind, match="Not now: come back"):
        andon.reports.get("r1")


def test_a_refusal_names_the_fields_that_are_wrong() -> None:
    errors = [{"pointer": "/title", "detail": "expected a title"}]
    server = Server(httpx.Response(422, json={"title": "Unprocessable", "detail": "title", "errors": errors}))
    with server.client() as andon, pytest.raises(InvalidRequest) as refused:
        andon.reports.create("")
    assert (refused.value.title, refused.value.detail) == ("Unprocessable", "title")
    assert refused.value.errors == tuple(errors)
    assert str(refused.value) == "Unprocessable: title"


def test_a_proxys_error_page_is_an_error_too() -> None:
    with Server(httpx.Response(500, text="<h1>sorry</h1>")).client() as andon, pytest.raises(Unavailable) as failed:
        andon.reports.get("r1")
    assert str(failed.value) == "500 Internal Server Error"


def test_another_servers_page_is_not_taken_for_an_answer() -> None:
    page = httpx.Response(200, html="<h1>welcome</h1>")
    with Server(page).client() as andon, pytest.raises(Exception, match="is the URL right"):
        andon.reports.get("r1")


def test_an_upload_that_is_tried_again_sends_the_whole_file_again(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_bytes(b"a,b\n1,2\n")
    shown = {
        "id": "d1",
        "name": "sales.csv",
        "format": "csv",
        "mediaType": "text/csv",
        "bytes": 8,
        "rows": 1,
        "columns": [{"name": "a", "type": "integer"}],
        "sha256": "0",
        "createdAt": "2026-01-02T03:04:05.000006Z",
    }
    server = Server(problem(503), httpx.Response(201, json=shown))
    with server.client() as andon:
        dataset = andon.datasets.upload(file)
    assert all(b"a,b\n1,2\n" in each.content for each in server.requests)
    assert (dataset.columns[0].name, dataset.created_at.microsecond) == ("a", 6)


def test_the_key_is_sent_as_a_bearer_token() -> None:
    server = Server(httpx.Response(202, json=ASKED))
    with server.client() as andon:
        andon.runs.cancel("r/1", reason="enough")
    [request] = server.requests
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.url.raw_path == b"/api/v1/runs/r%2F1/cancel"
    assert json.loads(request.content) == {"reason": "enough"}


def test_a_list_is_asked_for_page_by_page_as_far_as_it_is_read() -> None:
    def event(number: int) -> dict[str, object]:
        ts = "2026-01-02T03:04:05.000006Z"
        return {"id": f"e{number}", "name": "a/b.c", "data": {}, "ts": ts, "user": None, "seq": number}

    server = Server(
        httpx.Response(200, json={"items": [event(3), event(2)], "nextCursor": "here"}),
        httpx.Response(200, json={"items": [event(1)], "nextCursor": None}),
    )
    with server.client() as andon:
        events = andon.events.list(name="a/b.c")
        assert next(events).seq == 3
        assert len(server.requests) == 1
        assert [each.id for each in events] == ["e2", "e1"]
    assert [each.url.params.get("cursor") for each in server.requests] == [None, "here"]
