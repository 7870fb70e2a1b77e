"""Retention: what is old goes, what anything refers to stays, and what was forgotten doesn't start again."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.events import skips
from andon.adapters.postgres.events.skips import Reason, Skip
from andon.adapters.postgres.upkeep.retention import Pruning, raise_low_water
from andon.adapters.redis.bus import GROUP, STREAM
from andon.adapters.redis.retention import handled_below, trim
from andon.engine.ids import new_id
from tests.faults.conftest import stage_in
from tests.integration.cli.conftest import Command
from tests.support.polling import wait_until
from tests.support.scene import Scene

DAY = dt.timedelta(days=1)
MONTH = 30 * DAY


def ago(time_ago: dt.timedelta) -> int:
    """Milliseconds since 1970, as stream ids have them."""
    return int((time.time() - time_ago.total_seconds()) * 1000)


@pytest.fixture
def scene(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield stage_in(tmp_path, stack, database_url, redis_url)()


@pytest.fixture
def andon(database_url: str, redis_url: str) -> Command:
    return Command({"ANDON_DATABASE_URL": database_url, "ANDON_REDIS_URL": redis_url})


@pytest.fixture
def database(database_url: str) -> Iterator[Connection]:
    with connect(database_url, name="test") as connection:
        yield connection


def test_a_group_made_anew_at_the_beginning_starts_no_run_that_was_forgotten(scene: Scene, andon: Command) -> None:
    fields: Any = {"name": "walk/requested", "data": '{"case": "old", "steps": 1}'}
    old: list[Any] = [fields, {**fields, "id": "named"}, {"data": "nameless"}]
    for number, entry in enumerate(old):
        scene.redis.xadd(STREAM, entry, id=f"{ago(40 * DAY) + number}-{number}")
    scene.request("new", steps=1)
    scene.wait_run("new", "completed")
    scene.wait_quiet()
    assert len(scene.runs("old")) == 2
    scene.rows(
        "UPDATE andon.events SET received_at = received_at - interval '40 days' WHERE data->>'case' = 'old'"
        " RETURNING seq"
    )
    scene.rows("UPDATE andon.dead_events SET created_at = created_at - interval '40 days' RETURNING id")

    pruned = andon("prune", "--keep-runs", "0s", "--json")
    assert pruned.code == 0, pruned.err
    assert pruned.json["deleted"]["runs"] == 3
    assert (pruned.json["deleted"]["events"], pruned.json["deleted"]["dead events"]) == (2, 1)
    left: Any = scene.redis.xrange(STREAM, max=pruned.json["lowWater"])
    assert len(left) == 3, "a node that is not full is not trimmed"

    scene.redis.xgroup_destroy(STREAM, GROUP)
    scene.request("after", steps=1)
    scene.wait_run("after", "completed")
    scene.wait_quiet()
    assert scene.runs("old") == []
    assert scene.runs("new") == [], "its event is remembered, so it has no second effect"
    assert scene.one("SELECT count(*) AS n FROM andon.dead_events") == 0
    wait_until(lambda: "3 entries lie below the low-water mark" in scene.system["dispatcher-1"].output)


def test_an_event_of_ours_that_was_never_handled_counts_wherever_its_entry_lies(
    scene: Scene, database: Connection
) -> None:
    scene.wait_leader()
    raise_low_water(database, f"{ago(-DAY)}-0")  # as if Redis' clock were a day behind what it was
    scene.post("walk/requested", {"case": "accepted", "steps": 1})
    assert scene.wait_run("accepted", "completed")


def test_the_stream_is_trimmed_below_what_is_old_read_and_acknowledged_and_never_above(redis_url: str) -> None:
    with Redis.from_url(redis_url) as redis:
        assert handled_below(redis, MONTH) is None
        month_ago, day_ago = ago(40 * DAY), ago(DAY)
        old = [f"{month_ago + number}-0" for number in range(1000)]
        recent = [f"{day_ago + number}-0" for number in range(300)]
        for id in [*old, *recent]:
            redis.xadd(STREAM, {"name": "a/b.c"}, id=id)
        assert handled_below(redis, MONTH) is None
        redis.xgroup_create(STREAM, GROUP, id="0")
        assert handled_below(redis, MONTH) == "0-1", "nothing was read"

        redis.xreadgroup(GROUP, "me", {STREAM: ">"}, count=500)
        redis.xack(STREAM, GROUP, *old[:200], *old[300:500])
        assert handled_below(redis, MONTH) == old[200], "what was not acknowledged is needed"
        assert trim(redis, old[200]) > 0
        assert redis.xrange(STREAM, min=old[200], max=old[200])

        redis.xack(STREAM, GROUP, *old[200:300])
        assert handled_below(redis, MONTH) == old[499].replace("-0", "-1"), "what was not read is needed"

        redis.xreadgroup(GROUP, "me", {STREAM: ">"})
        redis.xack(STREAM, GROUP, *old, *recent)
        mark = handled_below(redis, MONTH)
        assert mark is not None
        assert int(old[-1][:-2]) < int(mark[:-2]) <= ago(MONTH), "what is young stays"
        trim(redis, mark)
        assert redis.xlen(STREAM) < 300 + 100
        assert redis.xrange(STREAM, min=recent[0], max=recent[0])


def test_the_low_water_mark_never_falls_and_needs_a_dispatcher_that_has_led(database: Connection) -> None:
    assert raise_low_water(database, "5-0") == "0-0"
    database.execute(
        "INSERT INTO andon.dispatcher_leases (partition, holder, lease_until) VALUES (0, 'me', clock_timestamp())"
    )
    assert raise_low_water(database, "900-7") == "900-7"
    assert raise_low_water(database, "900-10") == "900-10"
    assert raise_low_water(database, "1000-0") == "1000-0"
    assert raise_low_water(database, "999-9") == "1000-0"


class Rows:
    """Rows of a given age, written as the dispatcher would have."""

    def __init__(self, database: Connection) -> None:
        self._database = database

    def event(self, age: dt.timedelta) -> int:
        row = self._database.execute(
            "INSERT INTO andon.events (tenant, id, name, data, ts, received_at)"
            " VALUES ('default', %s, 'a/b.c', '{}', clock_timestamp(), clock_timestamp() - %s) RETURNING seq",
            [str(new_id()), age],
        ).fetchone()
        assert row is not None
        return int(row[0])

    def run(self, status: str, age: dt.timedelta, *, event: int = 0, **columns: Any) -> uuid.UUID:
        id = uuid.UUID(int=ago(age + DAY) << 80 | uuid.uuid4().int >> 48)
        values = {
            "id": id,
            "tenant": "default",
            "function_id": str(id),
            "event_seq": event or self.event(age),
            "status": status,
            "ended_at": None if status in ("queued", "running") else dt.datetime.now(dt.UTC) - age,
            **columns,
        }
        names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
        self._database.execute(f"INSERT INTO andon.runs ({names}) VALUES ({marks})".encode(), list(values.values()))
        return id

    def left(self, table: str, column: str = "id") -> set[Any]:
        return {id for (id,) in self._database.execute(f"SELECT {column} FROM andon.{table}".encode())}


@pytest.fixture
def rows(database: Connection) -> Rows:
    return Rows(database)


def prune(database: Connection, batch: int = 2) -> dict[str, int]:
    counts: dict[str, int] = {}

    def count(what: str, number: int) -> None:
        counts[what] = counts.get(what, 0) + number

    pruning = Pruning(database, batch=batch, deleted=count)
    pruning.runs(MONTH)
    pruning.events(MONTH, f"{ago(MONTH)}-0")
    pruning.rates()
    pruning.answers(MONTH)
    return counts


def test_only_runs_that_ended_long_ago_are_forgotten_with_their_steps(database: Connection, rows: Rows) -> None:
    gone = [rows.run(status, 40 * DAY) for status in ("completed", "failed", "cancelled") for _ in range(3)]
    young, still_open = rows.run("completed", 29 * DAY), rows.run("running", 40 * DAY)
    parent = rows.run("cancelled", 40 * DAY)
    cleanup = rows.run("queued", 40 * DAY, kind="on_cancel", parent_run_id=parent)
    for id in (*gone, young):
        database.execute(
            "INSERT INTO andon.steps (run_id, id, position, status, attempt, fence, started_at)"
            " VALUES (%s, 'one', 1, 'completed', 1, 1, now())",
            [id],
        )
    assert prune(database)["runs"] == 9
    assert rows.left("runs") == {young, still_open, parent, cleanup}
    assert rows.left("steps", "run_id") == {young}


def test_events_that_anything_refers_to_stay(database: Connection, rows: Rows) -> None:
    nothing = [rows.event(40 * DAY) for _ in range(5)]
    young = rows.event(30 * DAY)  # old enough, but an entry of it may have been published a day later
    started, cancelled, unhandled, remembered = (rows.event(40 * DAY) for _ in range(4))
    rows.run("running", 40 * DAY, event=started)
    trigger = rows.event(40 * DAY)
    rows.run("cancelled", 10 * DAY, event=trigger, cancel_event_seq=cancelled)
    database.execute("INSERT INTO andon.outbox (event_seq) VALUES (%s)", [unhandled])
    database.execute(
        "INSERT INTO andon.cancellations (event_seq, key, function_id, event_id, requested_at, remember_until)"
        " VALUES (%s, %s, 'walk', 'e', now() - interval '40 days', now() + interval '1 day')",
        [remembered, uuid.uuid4()],
    )
    assert prune(database)["events"] == len(nothing)
    assert rows.left("events", "seq") == {young, started, cancelled, unhandled, remembered, trigger}


def test_a_cancellation_stays_for_as_long_as_an_older_request_may_become_a_run(
    database: Connection, rows: Rows
) -> None:
    early, request, late = (rows.event(40 * DAY) for _ in range(3))
    database.execute("INSERT INTO andon.outbox (event_seq) VALUES (%s)", [request])
    for seq in (early, late):
        database.execute(
            "INSERT INTO andon.cancellations (event_seq, key, function_id, event_id, requested_at)"
            " VALUES (%s, %s, 'walk', 'e', now() - interval '40 days')",
            [seq, uuid.uuid4()],
        )
        database.execute(
            "INSERT INTO andon.wide_cancellations (id, event_seq, tenant, function_id, requested_at, status)"
            " VALUES (%s, %s, 'default', 'walk', now() - interval '40 days', 'done')",
            [uuid.uuid4(), seq],
        )
    assert prune(database)["cancellations"] == 2
    assert rows.left("cancellations", "event_seq") == rows.left("wide_cancellations", "event_seq") == {late}
    database.execute("DELETE FROM andon.outbox")
    assert prune(database)["cancellations"] == 2


def test_without_a_low_water_mark_no_event_is_forgotten(database: Connection, rows: Rows) -> None:
    event = rows.event(400 * DAY)
    Pruning(database, batch=10, deleted=lambda what, count: None).events(DAY, "0-0")
    assert rows.left("events", "seq") == {event}


def test_why_an_event_started_nothing_is_forgotten_with_the_event(database: Connection, rows: Rows) -> None:
    old, young = rows.event(40 * DAY), rows.event(DAY)
    skips.record(database, [Skip(seq, "walk", Reason.RATE_LIMITED) for seq in (old, young)])
    database.execute("UPDATE andon.skips SET at = now() - interval '40 days' WHERE event_seq = %s", [old])
    assert prune(database)["skips"] == 1
    assert rows.left("skips", "event_seq") == {young}


def test_keys_of_rates_whose_time_is_over_are_forgotten(database: Connection) -> None:
    database.execute(
        "INSERT INTO andon.tats (key, tat) SELECT gen_random_uuid(), clock_timestamp() - interval '1 second'"
        " FROM generate_series(1, 7)"
    )
    database.execute("INSERT INTO andon.tats (key, tat) VALUES (gen_random_uuid(), clock_timestamp() + interval '1 h')")
    assert prune(database, batch=3)["keys of rates"] == 7
    assert database.execute("SELECT count(*) FROM andon.tats").fetchall() == [(1,)]


def test_old_answers_to_idempotency_keys_are_forgotten(database: Connection, rows: Rows) -> None:
    for key, age in (("old", 40 * DAY), ("young", DAY)):
        database.execute(
            "INSERT INTO andon.idempotency_keys (tenant, key, request_hash, status, headers, created_at)"
            " VALUES ('default', %s, '', 202, '{}', now() - %s)",
            [key, age],
        )
    assert prune(database)["idempotency keys"] == 1
    assert rows.left("idempotency_keys", "key") == {"young"}
