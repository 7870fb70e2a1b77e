"""Fair between tenants: whatever one has queued, another's run is next but for its share, in every line alike."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from andon.adapters.postgres.cancels import wide
from andon.adapters.postgres.connect import Connection, connect
from andon.adapters.postgres.doors import turns
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.declared.functions import Registry
from andon.engine.events import Event
from andon.engine.ids import new_id
from andon_worker.dispatcher.batches.batch import record_batch
from andon_worker.dispatcher.duties.ending import reclaim

REGISTRY = Registry.load(["tests.functions", "tests.heavy_functions"])
_QUEUED = "SELECT count(*) FROM andon.runs WHERE tenant = %s AND status = 'queued'"
_HINTED = "SELECT id FROM andon.runs WHERE tenant = %s AND line = %s ORDER BY id DESC"
# As many as the test wants, at once: by the dispatcher they would take minutes.
_MANY = """
WITH made AS (
    INSERT INTO andon.events (tenant, id, name, data, ts)
    SELECT 'noisy', 'many-' || n, 'walk/requested', '{}', now() FROM generate_series(1, %s) n RETURNING seq)
INSERT INTO andon.runs (id, tenant, function_id, event_seq, sent_at, line, turn)
SELECT gen_random_uuid(), 'noisy', 'walk', seq, now(), 'default', row_number() OVER (ORDER BY seq) FROM made
"""
_READ = "SELECT idx_tup_read FROM pg_stat_user_indexes WHERE indexrelname = 'ix_runs_line'"


class Tenants:
    """Tenants that send events, and workers that follow hints."""

    def __init__(self, database: Connection, url: str) -> None:
        self.database = database
        self.url = url
        self.hints: list[uuid.UUID] = []

    def send(self, tenant: str, count: int = 1, *, name: str = "walk/requested", case: str = "a") -> None:
        """Have the dispatcher handle so many events of this tenant."""
        events = [Event(name, {"case": case}, id=str(new_id()), tenant=tenant) for _ in range(count)]
        with self.database.transaction():
            effects = record_batch(self.database, REGISTRY, events, [None] * count)
        self.hints += [id for id, _ in effects.started]

    def upkeep(self) -> None:
        """The dispatcher's upkeep, until nothing is left to hint."""
        while True:
            with self.database.transaction():
                hints = hinted.wake(self.database) + hinted.unsent(self.database)
            if not hints:
                return
            self.hints += [id for id, _ in hints]

    def claim(self, *, hosted: Sequence[uuid.UUID] = ()) -> Claimed | None:
        """A worker takes the oldest hint."""
        return leases.claim(self.database, self.hints.pop(0), worker="me", lease=60, hosted=hosted)

    def serve(self, count: int) -> list[str]:
        """Whose runs are claimed by the next so many hints."""
        return [claimed.tenant if (claimed := self.claim()) else "" for _ in range(count)]

    def queued(self, tenant: str) -> int:
        """How many runs of a tenant wait."""
        [count] = self.database.execute(_QUEUED, [tenant]).fetchone() or [0]
        return int(count)

    def lose(self, run: uuid.UUID, *, times: int) -> None:
        """Let this run lose its worker, again and again at the same step."""
        expire = "UPDATE andon.runs SET status = 'running', lease_until = now() - interval '1 s' WHERE id = %s"
        for _ in range(times):
            self.database.execute(expire, [run])
            reclaim(self.database, 9)

    def cancel_running(self, hint: uuid.UUID) -> None:
        """Claim by this hint a run that is cancelled while its code runs."""
        claimed = leases.claim(self.database, hint, worker="me", lease=60)
        assert claimed is not None
        mark = "UPDATE andon.runs SET cancel_requested_at = now(), status = 'cancelling' WHERE id = %s"
        self.database.execute(mark, [claimed.id])
        settle_held(self.database, [End(claimed.id, claimed.fence, "cancelled")])


@pytest.fixture
def tenants(database_url: str) -> Iterator[Tenants]:
    with connect(database_url, name="test") as connection:
        yield Tenants(connection, database_url)


def test_a_newcomer_is_next_behind_a_flood(tenants: Tenants) -> None:
    tenants.send("noisy", 500)
    tenants.send("noisy", 500)
    tenants.serve(100)
    tenants.send("newcomer")
    assert "newcomer" in tenants.serve(2)


def test_runs_whose_time_has_come_are_queued_in_turns(tenants: Tenants) -> None:
    tenants.database.execute(_MANY, [hinted.CHUNK + 100])
    tenants.send("newcomer")
    tenants.database.execute(
        "UPDATE andon.runs SET status = 'waiting', line = NULL, turn = NULL, sent_at = NULL,"
        " wake_at = now() - CASE tenant WHEN 'noisy' THEN interval '1 h' ELSE interval '1 s' END"
    )
    newcomer = tenants.hints.pop()
    with tenants.database.transaction():
        hints = hinted.wake(tenants.database)
    assert len(hints) == hinted.CHUNK
    assert newcomer in {id for id, _ in hints}


def test_of_many_floods_each_gets_its_share_and_a_newcomer_its_own(tenants: Tenants) -> None:
    for number in range(5):
        tenants.send(f"noisy-{number}", 100)
    tenants.serve(50)
    tenants.send("newcomer", 20)
    served = Counter(tenants.serve(60))
    assert served["newcomer"] == pytest.approx(10, abs=1)
    assert all(served[f"noisy-{number}"] == pytest.approx(10, abs=1) for number in range(5))


def test_a_flood_gets_no_more_than_its_share_beside_a_backlog_that_was_there(tenants: Tenants) -> None:
    tenants.send("steady", 100)
    tenants.serve(40)
    tenants.send("noisy", 300)
    assert Counter(tenants.serve(100))["steady"] == pytest.approx(50, abs=1)


def test_a_tenant_that_sends_one_run_after_the_other_takes_no_more_than_half(tenants: Tenants) -> None:
    tenants.send("noisy", 100)
    served: list[str] = []
    for _ in range(20):
        tenants.send("steady")
        served += tenants.serve(2)
    assert Counter(served) == {"noisy": 20, "steady": 20}


def test_within_a_tenant_the_order_is_that_of_the_events(tenants: Tenants) -> None:
    for number in range(30):
        tenants.send("noisy" if number % 3 else "other")
    seqs: dict[str, list[int]] = {}
    while tenants.hints:
        if claimed := tenants.claim():
            seqs.setdefault(claimed.tenant, []).append(claimed.event.seq)
    assert sum(map(len, seqs.values())) == 30
    assert all(each == sorted(each) for each in seqs.values())


def test_what_was_cancelled_counts_for_nothing(tenants: Tenants) -> None:
    tenants.send("noisy", 200)
    tenants.send("other", 100)
    tenants.send("noisy", name="walk/cancelled")
    assert tenants.queued("noisy") == 0
    tenants.send("noisy", case="b")
    served = tenants.serve(4)
    assert served.count("noisy") == 1, "neither at the end, nor more than its share"
    while tenants.hints:
        tenants.claim()
    assert tenants.queued("other") == tenants.queued("noisy") == 0, "the flood's hints lead to others' runs, or nowhere"


def test_a_flood_that_a_bulk_cancel_is_to_sweep_holds_up_nobody_and_none_of_it_is_claimed(tenants: Tenants) -> None:
    tenants.send("noisy", 300)
    bulk = Event("andon/runs.cancelled", {"functionId": "walk"}, id=str(new_id()), tenant="noisy")
    with tenants.database.transaction():
        record_batch(tenants.database, REGISTRY, [bulk], [None])
    tenants.send("newcomer", 2)
    assert tenants.serve(2) == ["newcomer", "newcomer"]
    assert tenants.serve(3) == ["", "", ""]
    unsent = "SELECT count(*) FROM andon.runs WHERE status = 'queued' AND sent_at IS NULL"
    assert tenants.database.execute(unsent).fetchone() == (3,), "hints that led nowhere are sent again"
    while True:
        with tenants.database.transaction():
            if wide.sweep(tenants.database) is None:
                break
    assert tenants.queued("noisy") == 0
    tenants.send("noisy")
    assert "noisy" in tenants.serve(len(tenants.hints))


def test_sleepers_that_are_all_due_at_once_take_turns(tenants: Tenants) -> None:
    tenants.send("noisy", 300)
    while tenants.hints:
        claimed = tenants.claim()
        assert claimed is not None
        assert leases.suspend(tenants.database, claimed.id, claimed.fence, seconds=0)
    tenants.upkeep()
    tenants.send("newcomer")
    assert "newcomer" in tenants.serve(2)


def test_runs_that_were_handed_over_or_lost_their_worker_take_turns(tenants: Tenants) -> None:
    tenants.send("noisy", 200)
    while tenants.hints:
        claimed = tenants.claim()
        assert claimed is not None
        if len(tenants.hints) % 2:
            assert leases.suspend(tenants.database, claimed.id, claimed.fence)
    tenants.database.execute("UPDATE andon.runs SET lease_until = now() - interval '1 s' WHERE status = 'running'")
    reclaim(tenants.database, 3)
    tenants.upkeep()
    assert len(tenants.hints) == 200
    tenants.send("newcomer")
    assert "newcomer" in tenants.serve(2)


def test_cleanup_runs_take_turns_in_a_line_of_their_own(tenants: Tenants) -> None:
    functions.register(tenants.database, REGISTRY)
    for tenant, count in (("noisy", 100), ("newcomer", 1)):
        tenants.send(tenant, count)
        ordinary, tenants.hints = tenants.hints, []
        for hint in ordinary:
            tenants.cancel_running(hint)
        tenants.upkeep()
        tenants.hints = []
    tenants.send("noisy", 10, case="b")
    tenants.hints = [id for (id,) in tenants.database.execute(_HINTED, ["noisy", "default.urgent"]).fetchall()]
    assert len(tenants.hints) == 100
    claimed = [each for _ in range(2) if (each := tenants.claim())]
    assert [each.kind for each in claimed] == ["on_cancel", "on_cancel"]
    assert "newcomer" in [each.tenant for each in claimed]


def test_a_hint_leads_into_no_other_queue(tenants: Tenants) -> None:
    tenants.send("noisy", 50, name="haul/requested")
    tenants.send("noisy", 50)
    tenants.send("newcomer", 1)
    tenants.send("newcomer", 1, name="haul/requested")
    heavy = [id for (id,) in tenants.database.execute(_HINTED, ["noisy", "heavy"]).fetchall()]
    tenants.hints = heavy[:2]
    claimed = [each for _ in range(2) if (each := tenants.claim())]
    assert {each.function_id for each in claimed} == {"haul"}
    assert "newcomer" in {each.tenant for each in claimed}


def test_a_run_whose_body_is_still_here_is_left_to_another_worker(tenants: Tenants) -> None:
    tenants.send("a", 2)
    first, second = tenants.hints
    claimed = tenants.claim(hosted=[first])
    assert claimed is not None
    assert claimed.id == second
    assert leases.claim(tenants.database, first, worker="me", lease=60, hosted=[first]) is None
    tenants.upkeep()
    claimed = tenants.claim()
    assert claimed is not None
    assert claimed.id == first


def test_a_hint_of_long_ago_leads_to_no_run_that_is_to_be_tried_alone(tenants: Tenants) -> None:
    tenants.send("a", 2)
    stale = tenants.hints[0]
    assert tenants.serve(2) == ["a", "a"]
    tenants.lose(stale, times=2)
    assert leases.claim(tenants.database, stale, worker="me", lease=60) is None
    tenants.upkeep()
    assert leases.claim(tenants.database, stale, worker="me", lease=60) is None, "it has a line of its own"
    claimed = leases.claim(tenants.database, stale, worker="me", lease=60, alone=True)
    assert claimed is not None
    assert (claimed.id, claimed.lost) == (stale, 2)


def test_what_a_worker_of_the_release_before_hands_over_gets_a_turn_that_is_to_come(tenants: Tenants) -> None:
    tenants.send("a", 20)
    first = tenants.hints[0]
    tenants.serve(10)
    turns.raise_floors(tenants.database)
    tenants.database.execute("UPDATE andon.runs SET status = 'queued', sent_at = NULL WHERE id = %s", [first])
    tenants.upkeep()
    assert tenants.serve(11) == ["a"] * 11
    assert tenants.queued("a") == 0


def test_workers_that_claim_at_once_get_a_run_each(tenants: Tenants) -> None:
    tenants.send("noisy", 200)
    tenants.send("other", 100)

    def follow(hints: list[uuid.UUID]) -> list[Claimed | None]:
        with connect(tenants.url, name="worker") as connection:
            return [leases.claim(connection, hint, worker="me", lease=60) for hint in hints]

    with ThreadPoolExecutor(6) as pool:
        found = [each for claimed in pool.map(follow, [tenants.hints[n::6] for n in range(6)]) for each in claimed]
    missed = found.count(None)
    assert len({each.id for each in found if each}) == 300 - missed
    tenants.upkeep()
    assert sum(tenants.claim() is not None for _ in range(missed)) == missed, "what led nowhere is hinted again"


def test_a_claim_looks_at_few_runs_however_many_wait_and_were_claimed_under_an_old_snapshot(tenants: Tenants) -> None:
    database = tenants.database
    database.execute(_MANY, [20_000])
    database.execute("INSERT INTO andon.lines (line, floor) VALUES ('default', 0)")
    database.execute("ANALYZE andon.runs")
    [hint] = database.execute("SELECT id FROM andon.runs LIMIT 1").fetchone() or [uuid.UUID(int=0)]
    with psycopg.connect(tenants.url) as backup:
        backup.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        backup.execute("SELECT FROM andon.runs LIMIT 1")
        for _ in range(20):
            for _ in range(100):
                assert leases.claim(database, hint, worker="me", lease=60)
            turns.raise_floors(database)
        database.execute("SELECT pg_stat_force_next_flush()")
        [before] = database.execute(_READ).fetchone() or [0]
        for _ in range(50):
            assert leases.claim(database, hint, worker="me", lease=60)
        database.execute("SELECT pg_stat_force_next_flush()")
        [after] = database.execute(_READ).fetchone() or [0]
    assert (after - before) / 50 < 100


def test_the_head_of_a_line_is_not_sought_among_all_tenants_where_nobody_has_analyzed_the_queue(
    tenants: Tenants,
) -> None:
    database = tenants.database
    database.execute("ANALYZE andon.runs")  # as it was when it was empty
    database.execute(_MANY, [3_000])
    database.execute("INSERT INTO andon.lines (line, floor) VALUES ('default', 0)")
    [hint] = database.execute("SELECT id FROM andon.runs LIMIT 1").fetchone() or [uuid.UUID(int=0)]
    read = _READ.replace("ix_runs_line", "ix_runs_tenants_turn")
    database.execute("SELECT pg_stat_force_next_flush()")
    [before] = database.execute(read).fetchone() or [0]
    for _ in range(20):
        assert leases.claim(database, hint, worker="me", lease=60)
        turns.give(database, [("default", "quiet")])
    database.execute("SELECT pg_stat_force_next_flush()")
    [after] = database.execute(read).fetchone() or [0]
    assert after - before < 100


def test_a_floor_is_never_above_a_run_that_is_queued(tenants: Tenants) -> None:
    below = (
        "SELECT count(*) FROM andon.runs r JOIN andon.lines l USING (line) WHERE r.status = 'queued' AND turn < floor"
    )
    for number in range(12):
        tenants.send(f"tenant-{number % 4}", 5)
        tenants.serve(3)
        turns.raise_floors(tenants.database)
        assert tenants.database.execute(below).fetchone() == (0,)
    tenants.database.execute("UPDATE andon.lines SET floor = floor + 1000")
    turns.find_floors(tenants.database)
    assert tenants.database.execute(below).fetchone() == (0,), "one who begins to lead believes nothing"
