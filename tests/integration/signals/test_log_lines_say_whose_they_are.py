"""Each line of a log is JSON, and one that was said on behalf of a run or of a request says so."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.conftest import StartSystem
from tests.support.polling import wait_until
from tests.support.process import Process
from tests.support.system import System

FUNCTIONS = ("tests.integration.signals.functions",)
TRACE = uuid.uuid4().hex
HEADERS = {"traceparent": f"00-{TRACE}-{'b7' * 8}-01"}


def lines(process: Process) -> list[dict[str, Any]]:
    """What a process has said. Raises where a line is not JSON."""
    return [json.loads(line) for line in process.output.splitlines()]


def said(process: Process, event: str) -> list[dict[str, Any]]:
    return [each for each in lines(process) if each["event"].startswith(event)]


def failures(worker: Process) -> list[dict[str, Any]]:
    """The lines of runs that have failed."""
    return [each for each in said(worker, "run ") if each["level"] == "error"]


@pytest.fixture(scope="module")
def started(shared_system: StartSystem) -> System:
    """A system whose lines are read."""
    return shared_system(functions=FUNCTIONS)


def test_lines_of_user_code_and_of_ours_name_tenant_run_function_step_and_trace(started: System) -> None:
    worker = started["worker-1"]
    with started.client() as client:
        for function in ("counting", "failing"):
            event = {"name": f"signals/{function}.requested", "data": {"word": "chairs"}}
            assert client.post("/events", json=event, headers=HEADERS).status_code == 202
        wait_until(
            lambda: len(said(worker, "counting structured")) == 2 and failures(worker), what="both runs have spoken"
        )
        runs = {each["functionId"]: each["id"] for each in client.get("/runs").json()["items"]}

    of_run = {"process": "worker", "tenant": "default", "trace_id": TRACE}
    counting = of_run | {"run": runs["signals-counting"], "function": "signals-counting"}
    [between] = said(worker, "between steps")
    assert between.items() >= counting.items()
    assert "step" not in between
    [counted, apart] = said(worker, "counting chairs")
    [structured, _] = said(worker, "counting structured")
    assert counted.items() >= (counting | {"step": "count", "logger": "acme.reports", "level": "info"}).items()
    assert structured.items() >= (counting | {"step": "count", "word": "chairs"}).items()
    assert apart.items() >= (counting | {"step": "count-apart"}).items()
    [failed] = failures(worker)
    assert failed.items() >= (of_run | {"run": runs["signals-failing"], "function": "signals-failing"}).items()


def test_the_apis_lines_name_the_route_the_tenant_and_the_trace(system: StartSystem) -> None:
    started = system(dispatchers=0, workers=0, env={"ANDON_STORAGE_URL": "file:///dev/null/nowhere"})
    with started.client() as client:
        answer = client.post("/datasets", files={"file": ("a.csv", b"a,b\n1,2\n")}, headers=HEADERS)
    assert answer.status_code == 503
    [line] = said(started["api"], "the storage")
    assert (
        line.items()
        >= {
            "process": "api",
            "method": "POST",
            "route": "/api/v1/datasets",
            "tenant": "default",
            "trace_id": TRACE,
        }.items()
    )


def test_every_process_says_json_alone(system: StartSystem) -> None:
    started = system(functions=FUNCTIONS, env={"ANDON_LOG_LEVEL": "DEBUG"})
    for name, process in started.processes.items():
        wait_until(lambda process=process: lines(process), what=f"{name} says something")  # type: ignore[misc]
        assert process.stop() == 0
        assert {each["process"] for each in lines(process)} == {name.partition("-")[0]}


def test_each_answered_request_is_a_line_with_ids_and_without_path_or_query(started: System) -> None:
    nobody = str(uuid.uuid4())
    with started.client() as client:
        answer = client.get(f"/runs/{nobody}", headers=HEADERS)
        client.get("/runs", params={"functionId": "private"})
        client.get(f"{started.url}/healthz")
    requests = said(started["api"], "request")
    [line] = [each for each in requests if each["status"] == 404]
    assert (
        line.items()
        >= {
            "logger": "andon.api.access",
            "level": "info",
            "method": "GET",
            "route": "/api/v1/runs/<id>",
            "tenant": "default",
            "trace_id": TRACE,
            "request_id": answer.headers["X-Request-Id"],
            "things": {"id": nobody},
            "address": "127.0.0.1",
        }.items()
    )
    assert line["milliseconds"] >= 0
    assert not [each for each in requests if each["route"] == "/healthz"]
    assert "private" not in started["api"].output


def test_the_key_in_an_inngest_clients_path_is_in_no_line(started: System) -> None:
    with started.client() as client:
        client.post(f"{started.url}/e/andon_secret-in-the-path", json={"name": "a/b"})
    [line] = [each for each in said(started["api"], "request") if each["route"] == "/e/<key>"]
    assert "things" not in line or not line["things"]
    assert "andon_secret-in-the-path" not in started["api"].output
