"""What lies on the bus isn't published again, and what doesn't is, each tenant's in turn."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from andon import Event
from andon.adapters.postgres.events import inbox
from andon.adapters.redis import bus
from andon.adapters.redis.bus import GROUP, STREAM
from andon.adapters.redis.sending import send
from andon_worker.dispatcher.duties.unpublished import Relay
from tests.integration.dispatcher.conftest import Bench
from tests.support.polling import wait_until

STOOD_SECONDS = 600


def accept(bench: Bench, events: Sequence[Event], *, published: bool = True) -> None:
    """As the API does, but ten minutes ago, and, if not `published`, as if it had died after its commit."""
    with bench.db.transaction():
        accepted = inbox.accept(bench.db, events)
    bench.db.execute(
        "UPDATE andon.outbox SET created_at = created_at - %s * interval '1 s' WHERE event_seq = ANY(%s)",
        [STOOD_SECONDS, [each.seq for each in accepted]],
    )
    if published:
        then = int((time.time() - STOOD_SECONDS) * 1000)
        commands = [
            (*command[:2], f"{then}-{event.seq}", *command[3:])
            for event, command in zip(accepted, bus.publishing(accepted), strict=True)
        ]
        for start in range(0, len(commands), 20):
            send(bench.redis, commands[start : start + 20])


def of(tenant: str, count: int, *, size: int = 10) -> list[Event]:
    """So many events."""
    return [Event("thing/made", {"k": k, "text": "x" * size}, tenant=tenant) for k in range(count)]


def published(bench: Bench) -> Counter[str]:
    """How often each event lies on the bus, by its id."""
    entries: Any = bench.redis.xrange(STREAM)
    return Counter(fields[b"id"].decode() for _, fields in entries)


def test_what_lies_on_the_bus_for_long_is_not_published_again(bench: Bench) -> None:
    accept(bench, [*of("large", 70, size=240_000), *of("many", 3_000)])
    relay = Relay(bench.leader, bench.intake)
    while bench.intake.step(block_ms=0):
        relay.act()
    assert bench.open() == 0
    assert set(published(bench).values()) == {1}


def test_what_the_bus_has_lost_is_published_once_when_no_older_entry_is_left(bench: Bench) -> None:
    accept(bench, of("many", 600))
    accept(bench, of("orphan", 3), published=False)
    entries: Any = bench.redis.xrange(STREAM)
    bench.redis.xdel(STREAM, *[id for id, _ in entries[300:310]])
    relay = Relay(bench.leader, bench.intake)
    relay.act()
    assert bench.redis.xlen(STREAM) == 590, "all of them may be there"
    wait_until(lambda: turn(bench, relay) == 0, what="an outbox in which nothing is open")
    assert set(published(bench).values()) == {1}
    assert bench.redis.xlen(STREAM) == 603


def turn(bench: Bench, relay: Relay) -> int:
    """Let the intake and the relay have their turns; how much is open then."""
    bench.intake.step(block_ms=0)
    relay.act()
    return bench.open()


def test_what_is_lost_while_what_was_read_of_others_waits_is_published(bench: Bench) -> None:
    accept(bench, of("many", 3_000))
    bench.intake.step(block_ms=0)
    bench.intake.step(block_ms=0)
    assert bench.intake.unhandled()[1].keys() == {"many"}
    accept(bench, of("orphan", 3), published=False)
    Relay(bench.leader, bench.intake).act()
    assert bench.redis.xlen(STREAM) == 3_003


def test_what_a_flush_has_taken_is_published_the_tenants_in_turn_and_each_ones_in_its_order(bench: Bench) -> None:
    accept(bench, [*of("large", 30, size=240_000), *of("many", 300), *of("few", 2)])
    bench.redis.flushall()
    bench.intake.create_group()
    bench.handle_all()
    relay = Relay(bench.leader, bench.intake)
    relay.act()
    first: Any = bench.redis.xrange(STREAM, count=20)
    assert Counter(fields[b"tenant"] for _, fields in first) == {b"large": 9, b"many": 9, b"few": 2}
    wait_until(lambda: turn(bench, relay) == 0, what="an outbox in which nothing is open")
    assert set(published(bench).values()) == {1}
    for tenant, count in (("large", 30), ("many", 300), ("few", 2)):
        rows = bench.db.execute("SELECT data->'k' FROM andon.events WHERE tenant = %s ORDER BY seq", [tenant])
        assert rows.fetchall() == [(k,) for k in range(count)]


def test_beside_an_entry_of_days_to_come_nothing_is_published_until_it_is_handled(bench: Bench) -> None:
    accept(bench, of("orphan", 1), published=False)
    bench.redis.xadd(STREAM, {"name": "any/thing"}, id=f"{int((time.time() + 1_000) * 1000)}-0")
    relay = Relay(bench.leader, bench.intake)
    relay.act()
    assert not bench.runs()
    assert bench.redis.xlen(STREAM) == 1
    bench.handle_all()
    relay.act()
    bench.handle_all()
    assert bench.runs() == [0]


@pytest.mark.parametrize("held", [True, False], ids=["of which some is held", "of which none is held"])
def test_few_in_an_outbox_that_is_longer_than_is_looked_through_at_once_overtake(bench: Bench, held: bool) -> None:
    accept(bench, of("many", 300))
    bench.db.execute(
        "WITH flood AS (INSERT INTO andon.events (tenant, id, name, data, ts)"
        " SELECT 'many', n::text, 'thing/made', '{}', now() FROM generate_series(1, %s) n RETURNING seq)"
        " INSERT INTO andon.outbox (event_seq) SELECT seq FROM flood",
        [inbox.OUTBOX_AT_ONCE],
    )
    accept(bench, [*of("few", 3), Event("thing/made", {"k": "last"}, tenant="many")], published=False)
    if held:
        bench.intake.step(block_ms=0)
    wait_until(lambda: overtakes(bench) == [0, 1, 2], what="the few's runs")
    assert "last" not in bench.runs(), "within a tenant the order holds"


def overtakes(bench: Bench) -> list[Any]:
    """`data.k` of the runs of the few, after another look at what may overtake."""
    bench.intake.overtake()
    rows = bench.db.execute(
        "SELECT e.data->'k' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
        " WHERE r.tenant = 'few' ORDER BY r.event_seq"
    )
    return [k for (k,) in rows.fetchall()]


def test_who_leads_next_and_has_more_to_resume_than_it_may_hold_is_behind(bench: Bench) -> None:
    accept(bench, of("large", 80, size=240_000))
    accept(bench, of("few", 1))
    bench.redis.xreadgroup(GROUP, "former", {STREAM: ">"})
    bench.intake.step(block_ms=0)
    assert bench.intake.behind
    assert overtakes(bench) == [0]
