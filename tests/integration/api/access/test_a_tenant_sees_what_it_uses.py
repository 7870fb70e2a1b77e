"""Usage by tenant: what each one sees of its own, and what the operator sees of the largest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from redis import Redis

from andon.adapters.postgres.upkeep.files import Usage as Stored
from andon.adapters.postgres.upkeep.files import record_usage
from andon.engine.ids import new_id
from andon.settings import Settings
from andon_worker.dispatcher.gauges.tenants import LARGEST, TenantGauges
from tests.integration.api.access.conftest import API, Caller, MakeKey
from tests.integration.api.conftest import MakeApp
from tests.integration.cli.conftest import Command

Database = psycopg.Connection[Any]


def run(database: Database, tenant: str, status: str, *, waits: int = 0, steps: int = 0) -> None:
    """A run of this tenant, queued so many seconds ago, with steps of three seconds each and a sleep."""
    id = new_id()
    database.execute(
        "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, queued_at)"
        " VALUES (%s, %s, %s, 1, %s, clock_timestamp() - make_interval(secs => %s))",
        [id, tenant, str(id), status, waits],
    )
    for number in range(steps + 1):
        database.execute(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at, ended_at)"
            " VALUES (%s, %s, 1, %s, 1, 1, now(), now() + interval '3 seconds')",
            [id, f"step-{number}", "completed" if number else "sleeping"],
        )


@pytest.fixture
def busy(database: Database) -> Database:
    run(database, "acme", "queued", waits=90)
    run(database, "acme", "running")
    run(database, "acme", "completed", steps=4)
    run(database, "other", "queued", waits=5)
    record_usage(database, {"acme": Stored(2, 2000), "other": Stored(1, 5)})
    return database


def test_a_tenant_sees_its_own_and_no_other(caller: Callable[..., Caller], busy: Database) -> None:
    mine = caller("acme", ["read"]).open(f"{API}/usage").json
    assert mine["openRuns"] == {"queued": 1, "running": 1}
    assert 90 <= mine["queueAgeSeconds"] < 200
    assert mine["stored"] == {"files": 2, "bytes": 2000}
    assert mine["lastDay"]["runs"] == {"queued": 1, "running": 1, "completed": 1}
    assert mine["lastDay"]["threadSeconds"] == 12, "a sleep takes no thread"
    page = caller("acme", ["read"]).open("/usage").text
    assert "2 files" in page
    nobody = caller("nobody", ["read"]).open(f"{API}/usage").json
    assert (nobody["openRuns"], nobody["stored"]["bytes"], nobody["lastDay"]["threadSeconds"]) == ({}, 0, 0)


def test_what_was_refused_is_counted_for_who_was_refused(
    make_app: MakeApp, guarded: Settings, make_key: MakeKey, redis: Redis
) -> None:
    client = make_app(replace(guarded, rate_limit=2)).test_client()
    acme, other = Caller(client, make_key("acme")), Caller(client, make_key("other"))
    answers = [acme.open(f"{API}/runs").status_code for _ in range(5)]
    refused = answers.count(429)
    assert refused >= 2
    assert other.open(f"{API}/usage").json["lastDay"]["refused"] == {"tooMany": 0, "noStream": 0}
    [family] = TenantGauges().of_redis(redis)
    shown = {(each.labels["tenant"], each.labels["reason"]): each.value for each in family.samples}
    assert shown == {("acme", "tooMany"): refused, ("acme", "noStream"): 0}


def test_only_the_ten_largest_tenants_are_metrics(database: Database) -> None:
    for number in range(LARGEST + 3):
        for _ in range(number + 1):
            run(database, f"tenant-{number:02d}", "waiting")
    runs, age, stored = TenantGauges().of_postgres(database)
    assert {each.labels["tenant"] for each in runs.samples} == {f"tenant-{number:02d}" for number in range(3, 13)}
    assert len(age.samples) == LARGEST
    assert stored.samples == []


def test_the_operator_lists_the_largest(busy: Database, settings: Settings) -> None:
    andon = Command({"ANDON_DATABASE_URL": settings.database_url, "ANDON_REDIS_URL": settings.redis_url})
    shown = andon("tenants", "--json")
    assert shown.code == 0, shown.err
    first, second = shown.json
    assert (first["tenant"], second["tenant"]) == ("acme", "other")
    assert first["lastDay"]["threadSeconds"] == 12
    assert first["lastDay"]["refused"] == {"tooMany": 0, "noStream": 0}
    assert "acme" in andon("tenants", "-n", "1").out
