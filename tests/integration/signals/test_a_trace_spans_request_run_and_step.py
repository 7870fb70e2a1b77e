"""Traces of real processes, as a collector gets them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import httpx
import pytest
from redis import Redis

from tests.conftest import StartSystem
from tests.integration.signals.collector import Collector, Seen, collecting
from tests.support.polling import wait_until
from tests.support.process import Process
from tests.support.system import System

FUNCTIONS = ("tests.integration.signals.functions",)


ROOT = ""


@pytest.fixture(scope="module")
def collected() -> Iterator[Collector]:
    """A collector for the tests that look at traces of their own."""
    with collecting() as made:
        yield made


@pytest.fixture(scope="module")
def traced(shared_system: StartSystem, collected: Collector) -> System:
    """A system that sends its spans there."""
    return shared_system(functions=FUNCTIONS, env=collected.env)


def one(collector: Collector, name: str, *, parent: Seen | str | None = None) -> Seen:
    """The span of this name, below this one (or its id) where it is given; waits for it."""
    above = parent.id if isinstance(parent, Seen) else parent

    def found() -> list[Seen]:
        return [each for each in collector.named(name) if above is None or each.parent == above]

    wait_until(found, what=f"a span {name!r} among {sorted({each.name for each in collector.spans()})}")
    [span] = found()
    return span


def send(system_url: str, name: str, word: str, **headers: str) -> None:
    event = {"name": name, "data": {"word": word}}
    answer = httpx.post(f"{system_url}/api/v1/events", json=event, headers=headers, trust_env=False)
    assert answer.status_code == 202


def test_a_callers_trace_goes_through_request_batch_run_step_and_statement(
    traced: System, collected: Collector
) -> None:
    trace, caller = uuid.uuid4().hex, "b7" * 8
    send(traced.url, "signals/counting.requested", "chairs", traceparent=f"00-{trace}-{caller}-01")

    request = one(collected, "POST /api/v1/events", parent=caller)
    assert (request.trace, request.parent, request.service) == (trace, caller, "andon-api")
    assert request.attributes["http.response.status_code"] == 202
    assert request.attributes["andon.tenant"] == "default"
    recorded = one(collected, "INSERT andon.events", parent=request)
    published = one(collected, "PIPELINE XADD", parent=request)
    assert {recorded.attributes["db.system.name"], published.attributes["db.system.name"]} == {"postgresql", "redis"}

    batch = one(collected, "batch", parent=request)
    assert batch.service == "andon-dispatcher"
    one(collected, "INSERT andon.runs", parent=batch)
    run = one(collected, "run signals-counting", parent=request)
    assert run.service == "andon-worker"
    assert run.attributes["andon.run.status"] == "completed"
    uuid.UUID(str(run.attributes["andon.run.id"]))

    step = one(collected, "step count", parent=run)
    one(collected, "SELECT andon.runs", parent=step)
    apart = one(collected, "step count-apart", parent=run)
    one(collected, "SELECT andon.runs", parent=apart)
    inside = one(collected, "step count-inside", parent=run)
    one(collected, "SELECT andon.steps", parent=inside)
    one(collected, "INSERT andon.steps", parent=inside)
    assert {each.trace for each in (recorded, published, batch, run, step, apart, inside)} == {trace}


def test_a_request_and_an_entry_without_a_trace_begin_one(traced: System, collected: Collector) -> None:
    send(traced.url, "signals/failing.requested", "by-http")
    request = one(collected, "POST /api/v1/events", parent=ROOT)
    failed = one(collected, "run signals-failing", parent=request)
    assert failed.attributes["andon.run.status"] == "failed"
    step = one(collected, "step fail", parent=failed)
    assert step.attributes["error.type"] == "ValueError"
    assert one(collected, "run signals-afterwards").trace == request.trace, "what a run starts is in its trace"

    with Redis.from_url(traced.env["ANDON_REDIS_URL"]) as redis:
        redis.xadd("andon:events", {"name": "signals/counting.requested", "data": '{"word": "by-redis"}'})

    def begun() -> list[Seen]:
        roots = {each.id for each in collected.named("batch") if not each.parent}
        return [each for each in collected.named("run signals-counting") if each.parent in roots]

    [run] = wait_until(begun, what="a run whose trace begins with its batch")
    assert run.attributes["andon.run.status"] == "completed"


def test_a_cancelled_runs_span_is_linked_to_the_request_that_cancelled_it(traced: System, collected: Collector) -> None:
    send(traced.url, "signals/waiting.requested", "chairs", traceparent=f"00-{uuid.uuid4().hex}-{'b8' * 8}-01")
    with traced.client() as client:
        wait_until(lambda: client.get("/runs?status=running").json()["items"], what="the run is running")
        [run] = client.get("/runs?status=running").json()["items"]
        asked = uuid.uuid4().hex
        answer = client.post(f"/runs/{run['id']}/cancel", headers={"traceparent": f"00-{asked}-{'c1' * 8}-01"})
        assert answer.status_code == 202
    span = one(collected, "run signals-waiting")
    assert span.attributes["andon.run.status"] == "cancelled"
    assert span.links == {asked}
    assert one(collected, "step wait", parent=span).attributes["error.type"] in {"Cancelled", "Interrupted"}


def test_events_of_several_traces_are_one_batch_linked_to_each(
    system: StartSystem, collector: Collector, redis: Redis
) -> None:
    traces = {uuid.uuid4().hex for _ in range(3)}
    for trace in traces:
        # Before there is a dispatcher: it reads them together.
        redis.xadd("andon:events", {"name": "signals/nobody.listens", "traceparent": f"00-{trace}-{'d2' * 8}-01"})
    system(functions=FUNCTIONS, env=collector.env, workers=0)
    batch = one(collector, "batch")
    assert batch.links == traces
    assert batch.attributes["andon.batch.events"] == 3


def test_an_idle_system_makes_no_spans_but_of_its_probes(system: StartSystem, collector: Collector) -> None:
    started = system(functions=FUNCTIONS, env=collector.env)
    for process in started.processes.values():
        assert process.stop() == 0  # which sends what there is
    roots = [each for each in collector.spans() if not each.parent]
    assert {each.name for each in roots} == {"GET /readyz"}
    assert {each.service for each in collector.spans()} == {"andon-api"}


def test_without_the_variables_nothing_of_it_is_imported(system: StartSystem) -> None:
    started = system(functions=("tests.integration.signals.imports",))
    with started.client() as client:
        send(started.url, "signals/imports.requested", "chairs")
        wait_until(lambda: client.get("/runs?status=completed").json()["items"], what="the run has completed")
        [run] = client.get("/runs").json()["items"]
        assert client.get(f"/runs/{run['id']}").json()["output"] == {"here": []}


@pytest.mark.parametrize("env", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_TRACES_EXPORTER": "none"}])
def test_traces_are_off_where_the_standard_says_so(
    system: StartSystem, collector: Collector, env: dict[str, str]
) -> None:
    started = system(functions=FUNCTIONS, workers=0, env={**collector.env, **env})
    send(started.url, "signals/nobody.listens", "chairs")
    for process in started.processes.values():
        assert process.stop() == 0
    assert collector.bodies == []


@pytest.mark.slow
def test_a_collector_that_is_away_keeps_nobody(system: StartSystem) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    started = system(functions=FUNCTIONS, env=env)
    send(started.url, "signals/failing.requested", "chairs")
    with started.client() as client:
        wait_until(lambda: client.get("/runs?status=failed").json()["items"], what="the run has ended")
    for process in started.processes.values():
        assert process.stop(timeout=40) == 0


def test_an_exporter_that_is_not_installed_is_a_line_in_the_log(system: StartSystem) -> None:
    started = system(functions=FUNCTIONS, workers=0, env={"OTEL_TRACES_EXPORTER": "pigeon"})
    process: Process = started["dispatcher-1"]
    wait_until(lambda: "no exporter 'pigeon' is installed" in process.output)
    said = [json.loads(line) for line in process.output.splitlines() if "no exporter 'pigeon'" in line]
    assert {each["level"] for each in said} == {"error"}
