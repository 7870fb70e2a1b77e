"""Whatever a tenant has put on the bus, another's few entries are handled next, and each tenant's in their order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from andon import Event
from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.events.own_events import parse_bulk
from andon.adapters.redis import bus
from andon.adapters.redis.bus import GROUP, STREAM
from andon.adapters.redis.sending import send
from andon.engine.events import RUNS_CANCELLED
from tests.integration.dispatcher.conftest import REFUSING, Bench


def flood(bench: Bench, data: list[Any], tenant: str) -> None:
    """An entry of that tenant for each."""
    pipe = bench.redis.pipeline(transaction=False)
    for each in data:
        entry: dict[Any, Any] = {"name": "thing/made", "data": json.dumps(each), "tenant": tenant}
        pipe.xadd(STREAM, entry)
    pipe.execute()


def made(bench: Bench, tenant: str) -> list[Any]:
    """`data.k` of the events of which the tenant's runs were made, in their order."""
    rows = bench.db.execute(
        "SELECT e.data->'k' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
        " WHERE r.tenant = %s ORDER BY r.event_seq",
        [tenant],
    ).fetchall()
    return [k for (k,) in rows]


def test_the_few_of_one_tenant_are_handled_before_the_many_of_another_that_came_first(bench: Bench) -> None:
    flood(bench, [{"k": k} for k in range(300)], "many")
    flood(bench, [{"k": k} for k in range(3)], "few")
    for _ in range(2):
        bench.intake.step(block_ms=0)
    assert made(bench, "few") == [0, 1, 2]
    assert len(made(bench, "many")) < 300
    bench.handle_all()
    assert made(bench, "many") == list(range(300))
    assert bench.redis.xpending(STREAM, GROUP)["pending"] == 0


def test_nobody_waits_for_the_bus_while_entries_are_held(bench: Bench) -> None:
    flood(bench, [{"k": k} for k in range(1_200)], "many")
    for _ in range(2):
        assert bench.intake.step(block_ms=0)
    with bench.redis.monitor() as monitor:  # type: ignore[no-untyped-call]
        assert bench.intake.step(block_ms=50), "some are held"
        bench.redis.echo("over")
        commands = iter(lambda: monitor.next_command()["command"], "ECHO over")
        said = [each for each in commands if "XREADGROUP" in each]
    assert said
    assert not [each for each in said if "BLOCK" in each]


def test_a_cancel_comes_through_beside_a_flood_and_stops_what_was_asked_for_before_it(bench: Bench) -> None:
    flood(bench, [{"k": 1}], "few")
    flood(bench, [{"k": k} for k in range(300)], "many")
    bench.add("thing/dropped", {"k": 1}, tenant="few")
    for _ in range(2):
        bench.intake.step(block_ms=0)
    statuses = bench.db.execute("SELECT status FROM andon.runs WHERE tenant = 'few'").fetchall()
    assert statuses == [("cancelled",)]


@pytest.mark.parametrize("state", ["22000", "53200"], ids=["dead", "too much"])
def test_what_fails_in_one_tenants_batch_is_not_in_anothers(bench: Bench, state: str) -> None:
    bench.sql(REFUSING)
    flood(bench, [{"k": k, "refuse": state} if k % 2 else {"k": k} for k in range(60)], "many")
    flood(bench, [{"k": k} for k in range(2)], "few")
    bench.intake.step(block_ms=0)
    assert made(bench, "few") == [0, 1]


def test_what_was_read_ahead_and_not_handled_is_handled_by_whoever_leads_next(bench: Bench) -> None:
    flood(bench, [{"k": k} for k in range(300)], "many")
    flood(bench, [{"k": 1}], "few")
    bench.intake.step(block_ms=0)
    bench.intake.step(block_ms=0)
    assert bench.redis.xpending(STREAM, GROUP)["pending"] > 0
    bench.intake.pending_first = True  # as after a change of the leader, or a failure
    bench.handle_all()
    assert made(bench, "many") == list(range(300))
    assert bench.redis.xpending(STREAM, GROUP)["pending"] == 0


def test_what_was_accepted_of_another_tenant_overtakes_a_bus_that_is_longer_than_is_read_ahead(bench: Bench) -> None:
    flood(bench, [{"k": k} for k in range(300)], "many")
    accepted = [Event("thing/made", {"k": k}, tenant=tenant) for tenant in ("few", "many") for k in range(3)]
    with bench.db.transaction():
        events = inbox.accept(bench.db, accepted)
    send(bench.redis, bus.publishing(events))
    bench.intake.step(block_ms=0)
    assert not bench.intake.behind
    bench.intake.overtake()
    assert made(bench, "few") == [0, 1, 2]
    bench.handle_all()
    assert made(bench, "few") == [0, 1, 2]
    assert len(made(bench, "many")) == 303


def test_what_few_have_further_ahead_than_is_read_is_handled_in_its_order_and_once(bench: Bench) -> None:
    flood(bench, [{"k": 0}], "few")
    bench.handle_all()
    flood(bench, [{"k": k} for k in range(3_000)], "many")
    flood(bench, [{"k": 1}, {"k": 2}], "few")
    bench.add("thing/dropped", {"k": 2}, tenant="few")
    flood(bench, [{"k": k} for k in range(3_000, 3_200)], "many")
    bench.add("thing/dropped", {"k": 0}, tenant="few")
    bench.intake.step(block_ms=0)
    bench.intake.overtake()
    assert statuses(bench, "few") == {0: "cancelled", 1: "queued", 2: "cancelled"}
    assert len(made(bench, "many")) <= 500
    bench.handle_all()
    assert statuses(bench, "few") == {0: "cancelled", 1: "queued", 2: "cancelled"}
    assert made(bench, "many") == list(range(3_200))
    assert bench.redis.xpending(STREAM, GROUP)["pending"] == 0


def test_what_is_held_of_them_comes_before_what_lies_ahead(bench: Bench) -> None:
    flood(bench, [{"k": 0}], "few")
    bench.handle_all()
    with bench.db.transaction():  # what it sends next fails for now, and stays held
        bench.sql(REFUSING)
    flood(bench, [{"k": k} for k in range(2_000)], "many")
    bench.intake.step(block_ms=0)
    flood(bench, [{"k": 1}], "few")
    bench.intake.step(block_ms=0)
    flood(bench, [{"k": k} for k in range(2_000, 5_000)], "many")
    bench.add("thing/dropped", {"k": 1}, tenant="few")
    bench.intake.overtake()
    assert statuses(bench, "few") == {0: "queued", 1: "cancelled"}


def statuses(bench: Bench, tenant: str) -> dict[int, str]:
    """Of the tenant's runs, by `data.k`."""
    rows = bench.db.execute(
        "SELECT (e.data->>'k')::int, r.status FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
        " WHERE r.tenant = %s",
        [tenant],
    ).fetchall()
    return dict(rows)


CHEAP_ALONE = """
CREATE FUNCTION public.at_most() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM new WHERE tenant = 'many') > 3 THEN RAISE 'too many' USING ERRCODE = '53200'; END IF;
    RETURN NULL; END $$;
CREATE TRIGGER at_most AFTER INSERT ON andon.runs REFERENCING NEW TABLE AS new
    FOR EACH STATEMENT EXECUTE FUNCTION public.at_most()
"""


def test_while_a_tenants_entries_are_too_much_those_of_others_that_come_are_handled(bench: Bench) -> None:
    bench.sql(CHEAP_ALONE)
    flood(bench, [{"k": k} for k in range(24)], "many")
    flood(bench, [{"k": 0}], "few")
    for k in range(1, 4):
        bench.intake.step(block_ms=0)
        flood(bench, [{"k": k}], "few")
        bench.intake.step(block_ms=0)
        assert made(bench, "few") == list(range(k + 1)), "what came is handled by the next step"
    assert len(made(bench, "many")) < 24
    bench.handle_all()
    assert made(bench, "many") == list(range(24))
    assert bench.redis.xpending(STREAM, GROUP)["pending"] == 0


@pytest.mark.slow
def test_a_cancel_that_costs_too_much_for_a_batch_keeps_its_own_tenants_entries_alone(bench: Bench) -> None:
    costly = "event.data.l.all(x, event.data.l.all(y, event.data.l.all(z, x + y + z > -1))) && false"
    requests = [Event("thing/made", {"k": k, "l": [*range(21)]}, tenant="many") for k in range(20)]
    cancels = [
        Event(RUNS_CANCELLED, {"functionId": "made", "if": f"{costly} || {n} < 0"}, tenant="many") for n in range(6)
    ]
    with bench.db.transaction():
        accepted = inbox.accept(bench.db, [*requests, *cancels])
        for event in accepted[20:]:
            wide.store(bench.db, event, parse_bulk(event))
    send(bench.redis, bus.publishing(accepted))
    sent = 0
    while len(made(bench, "many")) < 20:
        flood(bench, [{"k": sent}], "few")
        bench.intake.step(block_ms=0)
        sent += 1
        assert made(bench, "few") == [*range(sent)], "each step handles what has come of others"
    assert sent > 2
    assert statuses(bench, "many") == dict.fromkeys(range(20), "queued")
