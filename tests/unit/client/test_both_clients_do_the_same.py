"""`AsyncAndon` beside `Andon`: the same calls with the same arguments, sent in the same way."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from andon.adapters.postgres.access.tokens import SCOPES
from andon.adapters.postgres.runs.run_logs import LEVELS
from andon.client import Andon, AsyncAndon, Changed, Conflict, Unreachable, errors, models
from andon_api import schemas
from andon_api.http import problems
from tests.unit.client.test_calls_are_tried_again import ASKED, Server, problem

URL = "http://andon.test"
REPORT = {"id": "r", "title": "t", "status": "idle", "createdAt": "2026-01-01T00:00:00Z"}
DATASET = {
    "id": "d",
    "name": "n",
    "format": "csv",
    "mediaType": "text/csv",
    "bytes": 8,
    "rows": 1,
    "columns": [],
    "sha256": "0",
    "createdAt": "2026-01-02T03:04:05Z",
}


def verbs(client: object) -> Iterator[tuple[str, inspect.Signature]]:
    """What one can call, by name."""
    parts = {"": client, **{name: each for name, each in vars(client).items() if name[0] != "_"}}
    for name, part in parts.items():
        for verb, call in inspect.getmembers(part, inspect.ismethod):
            if verb[0] != "_":
                yield f"{name}.{verb}", inspect.signature(call)


def test_both_have_the_same_calls_with_the_same_arguments() -> None:
    blocking, awaited = dict(verbs(Andon(URL))), dict(verbs(AsyncAndon(URL)))
    assert len(blocking) > 40
    assert {name: list(each.parameters.values()) for name, each in blocking.items()} == {
        name: list(each.parameters.values()) for name, each in awaited.items()
    }
    for name, each in blocking.items():
        told = str(awaited[name].return_annotation).replace("Async", "")
        assert str(each.return_annotation) == told, name


def test_the_async_one_tries_again_under_the_same_key() -> None:
    server = Server(problem(503), httpx.ReadError("cut"), httpx.Response(202, json=ASKED))

    async def generate() -> str:
        async with server.async_client() as andon:
            return (await andon.reports.generate("r1")).event_id

    assert asyncio.run(generate()) == "e1"
    assert len({each.headers["Idempotency-Key"] for each in server.requests}) == 1
    assert len(server.pauses) == 2


def test_tasks_of_one_loop_go_on_beside_each_other() -> None:
    asked, both = [], asyncio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        if len(asked) == 2:
            both.set()
        await both.wait()  # neither is answered before both have asked
        return httpx.Response(200, json=REPORT)

    async def main() -> list[str]:
        async with AsyncAndon(URL, transport=httpx.MockTransport(handle)) as andon:
            return [each.id for each in await asyncio.gather(andon.reports.get("a"), andon.reports.get("b"))]

    assert asyncio.run(main()) == ["r", "r"]


def test_the_blocking_one_works_where_an_event_loop_runs() -> None:
    async def main() -> str:
        with Server(httpx.Response(200, json=REPORT)).client() as andon:
            return andon.reports.get("r").id

    assert asyncio.run(main()) == "r"


def test_who_stops_in_the_middle_of_a_stream_closes_it() -> None:
    closed = []

    class Told(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                yield f"data: {json.dumps(REPORT | {'status': 'generating'})}\n\n".encode()

        def close(self) -> None:
            closed.append(True)

    said = httpx.Response(200, stream=Told(), headers={"Content-Type": "text/event-stream"})
    with Server(said).client() as andon:
        watched = andon.reports.watch("r")
        assert next(watched).generating
        watched.close()  # type: ignore[attr-defined]
    assert closed


def test_a_call_of_ones_own_patience_shares_the_connections() -> None:
    server = Server(httpx.Response(200, json=REPORT))
    with server.client() as andon:
        andon.with_options(timeout=3).reports.get("r")
        andon.reports.get("r")
    assert [each.extensions["timeout"]["read"] for each in server.requests] == [3, 60]


def test_one_that_waits_for_an_effect_is_waited_for_longer() -> None:
    server = Server(httpx.Response(202, json=ASKED))
    with server.client() as andon:
        andon.reports.cancel("r", prefer_wait=30)
    [request] = server.requests
    assert (request.headers["Prefer"], request.extensions["timeout"]["read"]) == ("wait=30", 90)


def test_a_tag_that_was_read_guards_a_change() -> None:
    server = Server(
        httpx.Response(200, json=REPORT, headers={"ETag": '"r.1.x"'}),
        httpx.Response(412, json={"status": 412, "code": "changed"}),
    )
    with server.client() as andon:
        report = andon.reports.get("r")
        with pytest.raises(Changed):
            andon.reports.update("r", title="new", if_match=report.etag)
    assert server.requests[1].headers["If-Match"] == '"r.1.x"'


def test_each_problem_has_a_class() -> None:
    assert set(errors.BY_CODE) == set(problems.KINDS)
    for code, kind in problems.KINDS.items():
        raised = errors.error_from({"title": "t", "status": kind.status, "code": code})
        assert (raised.code, raised.status, type(raised)) == (code, kind.status, errors.BY_CODE[code])
        assert f"`{code}`" in (inspect.getdoc(type(raised)) or "")


def test_a_problem_that_is_not_known_yet_is_of_its_statuss_class() -> None:
    assert type(errors.error_from({"status": 409, "code": "newer"})) is Conflict


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (models.ReportStatus, schemas.REPORT_STATUSES),
        (models.RunStatus, schemas.RUN_STATUSES),
        (models.SubjectStatus, schemas.SUBJECT_STATUSES),
        (models.RunKind, schemas.RUN_KINDS),
        (models.Level, LEVELS),
        (models.Scope, SCOPES),
    ],
)
def test_the_types_name_what_the_api_names(typed: Any, shown: tuple[str, ...]) -> None:
    assert set(get_args(typed)) == set(shown)


def upload(file: Any, **options: Any) -> Server:
    """What is sent for it; the first try fails."""
    server = Server(problem(503), httpx.Response(201, json=DATASET))
    with server.client() as andon:
        andon.datasets.upload(file, **options)
    return server


def test_an_open_file_is_uploaded_from_its_beginning_at_each_try_and_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with path.open("rb") as file:
        file.read()
        sent = upload(file)
        assert not file.closed
    memory = upload(io.BytesIO(b"a,b\n1,2\n"), name="sales.csv")
    for request in (*sent.requests, *memory.requests):
        assert b"a,b\n1,2\n" in request.content
        assert b'filename="sales.csv"' in request.content


class Flow(io.BytesIO):
    """Bytes that can't be wound back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: Any) -> int:
        raise io.UnsupportedOperation

    tell: Callable[..., int] = seek


def test_one_that_can_not_be_wound_back_is_sent_once() -> None:
    server = Server(httpx.ConnectError("refused"))
    with server.client() as andon, pytest.raises(Unreachable):
        andon.datasets.upload(Flow(b"a\n1\n"), name="a.csv")
    [request] = server.requests
    assert b"a\n1\n" in request.content
    assert request.headers["Transfer-Encoding"] == "chunked"


def test_a_file_without_a_name_needs_one() -> None:
    with pytest.raises(ValueError, match="expected `name=`"):
        upload(io.BytesIO(b"a\n1\n"))
