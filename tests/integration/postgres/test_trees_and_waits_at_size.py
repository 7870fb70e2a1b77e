"""What many waits and large trees cost. The figures are printed (`-s`); what is asserted is what came of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from andon import Event, Wait
from andon.adapters.postgres.connect import connect
from andon.adapters.postgres.events.inbox import accept
from andon.adapters.postgres.runs.leases import Claimed, claim
from andon.engine.ids import new_id
from tests.support.family import Family

pytestmark = pytest.mark.slow
WAITS = 100_000
BATCHES = 40


@pytest.fixture
def family(database_url: str) -> Iterator[Family]:
    with connect(database_url, name="test") as connection:
        yield Family(connection)


def timed(events: list[list[Event]], family: Family, *, awaited: bool = True) -> float:
    """Milliseconds that a batch takes, the median."""
    took = []
    for each in events:
        began = time.perf_counter()
        family.take(*each, awaited=awaited)
        took.append(time.perf_counter() - began)
    return sorted(took)[len(took) // 2] * 1_000


def batches(case: str, size: int = 10) -> list[list[Event]]:
    return [[Event("a/b", {"case": f"{case}-{b}-{n}"}, id=str(new_id())) for n in range(size)] for b in range(BATCHES)]


def test_a_batch_beside_a_hundred_thousand_waits_costs_little_more(family: Family) -> None:
    run = family.wait(family.start(case="first"), Wait("a/b", "data.case"))
    family.look()
    family.db.execute(
        "INSERT INTO andon.waits (run_id, step, n, tenant, event, path, key, after_seq, looked)"
        " SELECT andon.uuid7(), 'come', 0, 'default', 'a/b', 'data.case', gen_random_uuid(), 0, true"
        " FROM generate_series(1, %s)",
        [WAITS],
    )
    family.db.execute("ANALYZE andon.waits")
    timed(batches("warm"), family)
    without = timed(batches("known"), family, awaited=False)
    beside = timed(batches("sought"), family)
    began = time.perf_counter()
    family.take(Event("a/b", {"case": "first"}, id="it"))
    woken = family.wake()
    took = (time.perf_counter() - began) * 1_000
    print(f"\nbatch of 10 events: {without:.2f} ms, beside {WAITS} waits {beside:.2f} ms; event to woken {took:.1f} ms")
    assert woken == [run.id]


def one_of(family: Family, started: list[uuid.UUID]) -> Claimed:
    """The first of these whose turn comes, taken up; those before it are taken up, too."""
    while (found := claim(family.db, started[0], worker="w", lease=60)) is None or found.id not in started:
        assert found is not None
    return found


@pytest.mark.parametrize(("levels", "wide"), [(1, 1_000), (10, 3)])
def test_a_large_tree_is_cancelled_at_once(family: Family, levels: int, wide: int) -> None:
    """In each level one has children of its own."""
    top = parent = family.start()
    for level in range(levels):
        sent = [family.asking(parent, f"{level}-{n}", "child").sends[0] for n in range(wide)]
        with family.db.transaction():
            accept(family.db, sent)
        started = [run_id for run_id, _ in family.take(*family.opened()).started]
        parent = one_of(family, started)
    family.cancel(top.id)
    events = family.opened()
    began = time.perf_counter()
    family.take(*events)
    family.cascade()
    took = (time.perf_counter() - began) * 1_000
    marked = family.db.execute("SELECT count(*) FROM andon.runs WHERE cancel_requested_at IS NOT NULL").fetchone()
    print(f"\n{levels} levels of {wide}: {levels * wide} runs below marked in {took:.0f} ms")
    assert marked == (levels * wide + 1,)
