"""Whatever an entry holds: it is dead with its reason, or waits with its place, and its neighbours are handled."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from andon.adapters.postgres.away import Away, why_away
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events import inbox
from andon.engine.events import Event
from andon.engine.ids import new_id
from tests.integration.dispatcher.conftest import REFUSING, Bench
from tests.support.polling import wait_until


def good(bench: Bench, *numbers: int) -> None:
    for number in numbers:
        bench.add("thing/made", {"k": number})


@pytest.mark.parametrize("depth", [900, 970, 975, 980, 985, 990, 5_000, 100_000])
def test_an_entry_that_is_nested_too_deep_is_dead_and_alone(bench: Bench, depth: int) -> None:
    good(bench, 1)
    bench.add("thing/made", '{"k":%s}' % ("[" * depth + "]" * depth))
    good(bench, 2, 3)
    bench.handle_all()
    assert [k for k in bench.runs() if isinstance(k, int)] == [1, 2, 3]
    assert len(bench.runs()) + len(bench.dead()) == 4


STRANGE: dict[str, dict[Any, Any]] = {
    "a tenant that is not text": {"tenant": b"\xff\xfe"},
    "a tenant of a megabyte": {"tenant": "t" * 1_000_000},
    "an id of a megabyte": {"id": "i" * 1_000_000},
    "NUL in the id": {"id": "a\x00b"},
    "NUL in the tenant": {"tenant": "a\x00b"},
    "half of a pair": {"data": '{"k": "\\ud800"}'},
    "NUL in the data": {"data": '{"k": "\\u0000"}'},
    "NUL in the user": {"user": '{"k": "\\u0000"}'},
    "a number of 5,000 digits": {"data": '{"k": %s}' % ("9" * 5_000)},
    "a number that is none": {"data": '{"k": 1e999}'},
    "a time before all": {"ts": "-99999999999999"},
    "a time after all": {"ts": "9" * 30},
    "a time of 5,000 digits": {"ts": "9" * 5_000},
    "data that are a list": {"data": "[]"},
    "a field without a name": {"": "x"},
    "bytes": {"data": bytes(range(256))},
    "another version": {"v": "2"},
    "a name of a megabyte": {"name": "n" * 1_000_000},
    "many fields": {f"f{n}": "x" * 100 for n in range(20_000)},
    "a few fields too many": {f"f{n}": "" for n in range(999)},
    "half a million empty fields": {f"f{n}": "" for n in range(500_000)},
    "30 MiB": {"data": "x" * 30 * 1024**2},
}


@pytest.mark.parametrize("fields", STRANGE.values(), ids=STRANGE)
def test_strange_entries_among_good_ones(bench: Bench, fields: dict[Any, Any]) -> None:
    good(bench, 1)
    bench.redis.xadd("andon:events", {"name": "thing/made", "data": '{"k": 0}', **fields})
    good(bench, 2)
    bench.handle_all()
    assert [k for k in bench.runs() if k in {1, 2}] == [1, 2]
    assert len(bench.runs()) + len(bench.dead()) == 3
    size = bench.db.execute("SELECT coalesce(max(pg_column_size(fields)), 0) FROM andon.dead_events").fetchone()
    assert size is not None
    assert size[0] < 2 * 1024**2, "an entry is not kept larger than it may be"


def test_entries_of_very_many_fields_stop_nobody(bench: Bench) -> None:
    for number in range(12):
        good(bench, number)
        bench.redis.xadd("andon:events", {**STRANGE["half a million empty fields"], "name": "thing/made", "data": "{}"})
    bench.handle_all()
    assert bench.runs() == list(range(12))
    assert bench.dead() == ["entry: expected at most 1000 fields and 512 KiB, got far more"] * 12


@pytest.mark.parametrize("state", ["22003", "22P05", "23505", "23514", "54000", "54001", "P0001", "XX000"])
def test_what_the_database_refuses_because_of_one_entry_is_dead_and_the_rest_is_handled(
    bench: Bench, state: str
) -> None:
    bench.sql(REFUSING)
    good(bench, *range(1, 30))
    bench.add("thing/made", {"k": "bad", "refuse": state})
    good(bench, *range(30, 60))
    bench.handle_all()
    assert bench.runs() == list(range(1, 60))
    [reason] = bench.dead()
    assert "refused for the test" in reason
    assert bench.failures("entry") == (0 if state.startswith("22") else pytest.approx(1))
    assert bench.redis.xpending("andon:events", "andon")["pending"] == 0


@pytest.mark.parametrize("state", ["55P03", "57014", "53200", "40P01"])
def test_what_is_too_much_for_now_is_put_by_with_its_place_and_takes_effect_later(bench: Bench, state: str) -> None:
    bench.sql(REFUSING)
    good(bench, 1)
    bench.add("thing/made", {"k": "late", "refuse": state})
    bench.add("thing/made", {"k": "cancelled", "refuse": state})
    bench.add("thing/dropped", {"k": "cancelled"})
    good(bench, 2)
    bench.handle_all()
    assert bench.runs() == [1, 2]
    assert (bench.dead(), bench.open()) == ([], 2)
    bench.db.execute("DROP TRIGGER refuse ON andon.runs")
    for event in inbox.send_open(bench.db, inbox.find_open(bench.db, older_than=-600, limit=10)):
        bench.add(event.name, dict(event.data), id=event.id)
    bench.handle_all()
    assert bench.runs() == [1, "late", "cancelled", 2], "in the order in which they came"
    statuses = bench.db.execute("SELECT status FROM andon.runs ORDER BY event_seq").fetchall()
    assert [each for (each,) in statuses] == ["queued", "queued", "cancelled", "queued"], "the cancel came after it"
    assert bench.open() == 0


@pytest.mark.parametrize(("state", "dead"), [("53200", True), ("57014", True), ("55P03", False)])
def test_what_is_too_much_time_after_time_is_dead_unless_it_is_a_lock(bench: Bench, state: str, dead: bool) -> None:
    bench.sql(REFUSING)
    for _ in range(6):
        bench.add("thing/made", {"k": "bad", "refuse": state}, id="same")
        bench.handle_all()
    good(bench, 1)
    bench.handle_all()
    assert bench.runs() == [1]
    assert (len(bench.dead()), bench.open()) == ((1, 0) if dead else (0, 1))


def test_a_batch_that_is_too_much_is_halved_until_it_is_not(bench: Bench) -> None:
    bench.sql("""CREATE FUNCTION public.most() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM new) > 20 THEN RAISE 'too many' USING ERRCODE = '53200'; END IF;
            RETURN NULL; END $$;
        CREATE TRIGGER most AFTER INSERT ON andon.runs REFERENCING NEW TABLE AS new
            FOR EACH STATEMENT EXECUTE FUNCTION public.most()""")
    good(bench, *range(300))
    bench.handle_all()
    assert bench.runs() == list(range(300))
    assert bench.dead() == []


def test_a_table_that_somebody_has_locked_is_waited_for_and_nothing_is_put_by(bench: Bench, database_url: str) -> None:
    good(bench, *range(5))
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE andon.runs IN ACCESS EXCLUSIVE MODE")
        errors = []
        for _ in range(6):
            try:
                bench.intake.step(block_ms=0)
            except psycopg.Error as error:
                errors.append(why_away(error))
                break
    assert errors == [Away.LOCKED]
    assert bench.db.execute("SELECT count(*) FROM andon.events").fetchone() == (0,)
    bench.handle_all()
    assert bench.runs() == list(range(5))


def test_a_row_that_somebody_has_locked_keeps_one_entry_waiting_and_no_other(bench: Bench, database_url: str) -> None:
    good(bench, 1)
    bench.handle_all()
    with psycopg.connect(database_url) as holder:
        holder.execute("SELECT FROM andon.runs FOR UPDATE")
        bench.add("thing/dropped", {"k": 1})
        good(bench, 2)
        bench.handle_all()
        assert bench.runs() == [1, 2]
        assert bench.open() == 1
    [event] = inbox.send_open(bench.db, inbox.find_open(bench.db, older_than=-600, limit=10))
    bench.add(event.name, dict(event.data), id=event.id)
    bench.handle_all()
    assert bench.db.execute("SELECT status FROM andon.runs ORDER BY event_seq").fetchall() == [
        ("cancelled",),
        ("queued",),
    ]


def test_an_accepted_event_takes_effect_whatever_its_entry_looks_like(bench: Bench) -> None:
    [event] = inbox.accept(bench.db, [Event("thing/made", {"k": "mine"}, id="e1")])
    bench.add("thing/made", "no json", id="e1", tenant="default")
    bench.handle_all()
    assert (bench.runs(), bench.open(), bench.dead()) == (["mine"], 0, [])
    bench.add("thing/made", json.dumps({"k": "mine"}), id=event.id)
    bench.handle_all()
    assert bench.runs() == ["mine"]


def test_an_accepted_event_that_can_not_take_effect_is_dead_and_waits_no_more(bench: Bench) -> None:
    bench.sql(REFUSING)
    [event] = inbox.accept(bench.db, [Event("thing/made", {"k": 1, "refuse": "XX000"}, id="e1")])
    bench.add("thing/made", {}, id="e1")
    good(bench, 2)
    bench.handle_all()
    assert (bench.runs(), bench.open()) == ([2], 0)
    assert bench.db.execute("SELECT event_seq FROM andon.dead_events").fetchall() == [(event.seq,)]


def test_what_the_schema_lacks_makes_nothing_dead(bench: Bench) -> None:
    good(bench, 1)
    bench.db.execute("ALTER TABLE andon.runs RENAME COLUMN queue TO tail")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        bench.handle_all()
    bench.db.execute("ALTER TABLE andon.runs RENAME COLUMN tail TO queue")
    bench.handle_all()
    assert (bench.runs(), bench.dead()) == ([1], [])


def test_a_read_only_server_makes_nothing_dead(bench: Bench, database_url: str) -> None:
    good(bench, 1)
    bench.db.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    bench.db.execute("SELECT pg_reload_conf()")
    try:
        wait_until(lambda: read_only(database_url), what="a server that is read-only")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            bench.handle_all()
    finally:
        bench.db.execute("SET default_transaction_read_only = off")
        bench.db.execute("ALTER SYSTEM RESET default_transaction_read_only")
        bench.db.execute("SELECT pg_reload_conf()")
    wait_until(lambda: not read_only(database_url), what="a server that takes writes")
    bench.handle_all()
    assert (bench.runs(), bench.dead()) == ([1], [])


def read_only(url: str) -> bool:
    with psycopg.connect(url) as connection:
        return connection.execute("SHOW transaction_read_only").fetchone() == ("on",)


def test_a_dispatcher_outlives_what_fails_in_it_and_tells(
    dispatcher: Any, database: Connection, redis_url: str, bench: Bench
) -> None:
    bench.db.execute("UPDATE andon.dispatcher_leases SET lease_until = now()")
    bench.sql(REFUSING)
    bench.sql("""CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'a duty fails'; END $$;
        CREATE TRIGGER no BEFORE UPDATE ON andon.runs FOR EACH ROW WHEN (OLD.status = 'waiting')
            EXECUTE FUNCTION public.no()""")
    asleep, told = inbox.record(database, [Event("thing/made", {"k": "asleep"}), Event("thing/made", {"k": "asleep"})])
    for seq, status in ((asleep.seq, "waiting"), (told.seq, "queued")):
        database.execute(
            "INSERT INTO andon.runs (id, tenant, function_id, event_seq, status, wake_at)"
            " VALUES (%s, 'default', 'made', %s, %s, now())",
            [new_id(), seq, status],
        )
    database.execute(
        "INSERT INTO andon.events (tenant, id, name, data, ts) VALUES ('default', 'odd', 'a/b', '{}',"
        " '0001-01-01 00:00:00+14')"
    )
    database.execute("INSERT INTO andon.outbox SELECT seq, now() - interval '1 h' FROM andon.events WHERE id = 'odd'")
    inbox.accept(database, [Event("thing/made", {"k": "relayed"})])
    with dispatcher() as service:
        good(bench, 1)
        wait_until(lambda: {1, "relayed"} <= {k for k in bench.runs() if k != "asleep"})
        unsent = "SELECT count(*) FROM andon.runs WHERE status = 'queued' AND sent_at IS NULL"
        wait_until(lambda: database.execute(unsent).fetchone() == (0,), what="duties after the one that fails")
        wait_until(lambda: bench.open() == 0)
        assert any("can't be published" in each for each in bench.dead())
        sample = service.metrics.registry.get_sample_value
        wait_until(lambda: (sample("andon_dispatcher_failures_total", {"part": "wake"}) or 0) >= 2)
        assert service.leads
        assert service.stuck_for < 60


def test_an_entry_that_is_larger_than_is_read_is_dead_with_the_reason_and_keeps_nobody(bench: Bench) -> None:
    bench.add("thing/made", {"k": 1})
    bench.add("thing/made", b"x" * 30_000_000)
    bench.add("thing/made", {"k": 2})
    bench.handle_all()
    assert bench.runs() == [1, 2]
    [reason] = bench.dead()
    assert reason == "entry: expected at most 1000 fields and 512 KiB, got far more"
