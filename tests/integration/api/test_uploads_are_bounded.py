"""Uploads that are large in an odd direction: refused in a sentence, in time, and nobody else waits for them."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pytest

from andon.settings import Settings
from andon_api.asks.inspections import Inspections
from andon_api.http.problems import Problem
from tests.conftest import StartSystem
from tests.integration.api.conftest import CSV, Client, MakeApp
from tests.support.polling import wait_until

API = "/api/v1"
GENEROUS = 200 << 20


@pytest.fixture
def client(make_app: MakeApp, settings: Settings) -> Client:
    """A client of an app that takes large files."""
    large = replace(settings, upload_limit_bytes=GENEROUS, unpacked_limit_bytes=2 << 30)
    return make_app(large, Inspections).test_client()


def upload(client: Client, content: bytes, name: str) -> Any:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
    body = head + content + b"\r\n--b--\r\n"
    return client.post(f"{API}/datasets", data=body, content_type="multipart/form-data; boundary=b")


def parquet_of(columns: int, folder: Path) -> bytes:
    path = folder / "wide.parquet"
    chosen = ", ".join(f"{number} AS c{number}" for number in range(columns))
    duckdb.sql(f"COPY (SELECT {chosen}) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


@pytest.mark.parametrize("columns", [2001, 20_000])
@pytest.mark.parametrize("kind", ["a.csv", "one line.jsonl", "many lines.jsonl", "a.jsonl.gz", "a.parquet"])
def test_too_many_columns_are_too_many_in_every_format(client: Client, tmp_path: Path, kind: str, columns: int) -> None:
    names = [f"c{number}" for number in range(columns)]
    if kind == "a.csv":
        content = (",".join(names) + "\n" + ",".join("1" for _ in names) + "\n").encode()
    elif kind == "a.parquet":
        content = parquet_of(columns, tmp_path)
    elif kind == "many lines.jsonl":
        content = "".join(json.dumps({name: 1}) + "\n" for name in names).encode()
    else:
        content = (json.dumps(dict.fromkeys(names, 1)) + "\n").encode()
    answer = upload(client, gzip.compress(content) if kind.endswith(".gz") else content, kind)
    assert answer.status_code == 422
    assert "expected at most 2,000 columns" in answer.json["detail"]
    assert answer.json["errors"][0]["pointer"] == "/file"


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.csv.gz"])
def test_a_line_that_is_too_long_is_named(client: Client, name: str) -> None:
    head = b'{"a": "b"}\n{"a": "' if "jsonl" in name else b"a\nb\n"
    content = head + b"x" * (20 << 20)
    answer = upload(client, gzip.compress(content, 1) if name.endswith(".gz") else content, name)
    line = 2 if "jsonl" in name else 3
    assert (answer.status_code, f"line {line}: expected at most" in answer.json["detail"]) == (422, True), answer.text
    assert "bytes in a line" in answer.json["detail"]


@pytest.mark.parametrize("depth", [5_000, 200_000])
def test_very_deep_json_is_refused(client: Client, depth: int) -> None:
    for line in ('{"a": ' + "[" * depth + "]" * depth + "}", "[" * depth, '{"a":' * depth + "1" + "}" * depth):
        answer = upload(client, (line + "\n").encode() * 2, "deep.jsonl")
        assert answer.status_code in {201, 422}, answer.text


def test_a_form_of_too_many_parts_or_too_long_fields_is_refused_for_that(client: Client) -> None:
    file = (io.BytesIO(CSV), "sales.csv")
    for fields in ({f"field{n}": "x" for n in range(200)}, {"reading": "x" * 505_000}):
        answer = client.post(f"{API}/datasets", data={**fields, "file": file})
        assert (answer.status_code, "at most 100 parts" in answer.json["detail"]) == (413, True), answer.text
        file = (io.BytesIO(CSV), "sales.csv")


def test_a_small_gzip_that_unpacks_to_very_much_is_refused_and_leaves_nothing_behind(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    piece = gzip.compress(b"a,b\n" + b"1,2\n" * (1 << 20), 9)
    answer = upload(client, piece * 400, "bomb.csv.gz")  # 1.6 GiB out of 2 MB: members follow each other
    assert answer.status_code == 413
    assert "1,073,741,824 bytes when unpacked" in answer.json["detail"]
    assert list(tmp_path.glob("andon-*")) == []


def test_a_file_that_takes_too_long_is_given_up(make_app: MakeApp, settings: Settings) -> None:
    client = make_app(replace(settings, inspection_seconds=0.01), Inspections).test_client()
    answer = upload(client, CSV, "sales.csv")
    assert (answer.status_code, "seconds to be read" in answer.json["detail"]) == (413, True)


def test_a_file_that_takes_too_much_memory_is_given_up_and_the_next_one_is_read(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("andon_api.asks.inspections.MEMORY_BYTES", 64 << 20)
        answer = upload(client, CSV, "sales.csv")
        assert (answer.status_code, "memory" in answer.json["detail"]) == (413, True)
    assert upload(client, CSV, "sales.csv").status_code == 201


class Slow:
    """A client of `Inspections` that holds a place until it is told to leave."""

    def __init__(self, inspections: Inspections, tenant: str, path: Path, left: threading.Event) -> None:
        self.problem: Problem | None = None
        self._thread = threading.Thread(target=self._go, args=(inspections, tenant, path, left))
        self._thread.start()

    def _go(self, inspections: Inspections, tenant: str, path: Path, left: threading.Event) -> None:
        try:
            inspections.inspect(path, "a.csv", {}, tenant=tenant, left=left.is_set)
        except Problem as problem:
            self.problem = problem

    def join(self) -> Problem | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.problem


@contextmanager
def endless(folder: Path) -> Iterator[Path]:
    """A file that takes as long to be read as it is looked at: a pipe into which nobody writes."""
    path = folder / "pipe"
    os.mkfifo(path)
    yield path


def test_no_tenant_takes_every_place_nor_all_the_room_to_wait(settings: Settings, tmp_path: Path) -> None:
    inspections = Inspections(replace(settings, auth="on", api_threads=16))
    good = tmp_path / "good.csv"
    good.write_bytes(CSV)
    left = threading.Event()
    with endless(tmp_path) as pipe:
        acme = [Slow(inspections, "acme", pipe, left) for _ in range(6)]
        wait_until(lambda: sum(each.problem is not None for each in acme) == 3, what="those for whom there is no room")
        assert inspections.inspect(good, "a.csv", {}, tenant="rival", left=lambda: False)["rows"] == 28
        left.set()
        problems = [each.join() for each in acme]
    assert sorted(problem.status for problem in problems if problem) == [408, 408, 408, 503, 503, 503]


def test_tenants_that_fill_the_room_to_wait_keep_no_other_out(settings: Settings, tmp_path: Path) -> None:
    inspections = Inspections(replace(settings, auth="on", api_threads=16))
    good = tmp_path / "good.csv"
    good.write_bytes(CSV)
    left = {tenant: threading.Event() for tenant in ("acme", "bolt")}
    with endless(tmp_path) as pipe:
        each = {tenant: [Slow(inspections, tenant, pipe, left[tenant]) for _ in range(4)] for tenant in left}
        wait_until(
            lambda: all(any(slow.problem for slow in theirs) for theirs in each.values()),
            what="both tenants with all that they may have",
        )
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(inspections.inspect, good, "a.csv", {}, tenant="rival", left=lambda: False)
            wait_until(
                lambda: found.done() or sum(bool(slow.problem) for slow in each["acme"] + each["bolt"]) == 3,
                what="the rival's upload in the place of another's second",
            )
            left["acme"].set()
            assert found.result(30)["rows"] == 28
        left["bolt"].set()
        problems = [slow.join() for slow in each["acme"] + each["bolt"]]
    assert sorted(problem.status for problem in problems if problem) == [408] * 5 + [503] * 3


def test_work_for_a_client_that_has_left_is_ended(system: StartSystem, tmp_path: Path) -> None:
    running = system(env={"ANDON_API_THREADS": "4"}, dispatchers=0, workers=0)
    rows = b"".join(b"%d,%d,%d\n" % (n, n * 7, n * 13) for n in range(2_000_000))
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\na,b,c\n' + rows + b"\r\n--b--\r\n"
    )
    head = (
        b"POST /api/v1/datasets HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    api = psutil.Process(running["api"].pid)

    def inspects(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):  # it has just ended
            return "andon.reports.inspection" in " ".join(process.cmdline())
        return False

    def inspecting() -> list[psutil.Process]:
        return [each for each in api.children(recursive=True) if inspects(each)]

    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", running.port))) for _ in range(2)]
        for each in clients:
            each.sendall(head + body)
        wait_until(inspecting, what="an inspection")

        def stands_back() -> bool:
            with suppress(psutil.NoSuchProcess):
                return any(each.nice() > api.nice() for each in inspecting())
            return False

        wait_until(stands_back, what="an inspection that leaves the processors to those who answer")
    wait_until(lambda: not inspecting(), what="the inspections ended with their clients")
    with running.client() as api_client:
        assert api_client.post("/datasets", files={"file": ("a.csv", CSV)}).status_code == 201


@pytest.mark.parametrize("path", ["/login", "/reports", f"{API}/events", f"{API}/datasets"])
def test_a_form_of_very_many_files_opens_none_where_none_is_taken(client: Client, path: str) -> None:
    before = psutil.Process().num_fds()
    files = {f"f{number}": (io.BytesIO(b"x"), f"a{number}") for number in range(90)}
    answer = client.post(path, data=files)
    assert 400 <= answer.status_code < 500
    assert psutil.Process().num_fds() - before < 20


def test_a_form_of_more_parts_than_any_has_is_refused(client: Client) -> None:
    files = {f"f{number}": (io.BytesIO(b"x"), f"a{number}") for number in range(900)}
    assert client.post("/login", data=files).status_code in {413, 422}


def test_what_anybody_may_send_is_small(client: Client) -> None:
    assert client.post("/login", data={"key": "x" * 100_000}).status_code == 413
