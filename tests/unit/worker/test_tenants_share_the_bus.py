"""A tenant's many entries on the bus keep nobody's few waiting; and each tenant's stay in their order."""

from __future__ import annotations

import random
from collections.abc import Sequence

from andon.adapters.redis.stream.reading import Entry
from andon_worker.dispatcher.batches.sharing import MANY_BESIDE_OTHERS, MOST_HELD, MOST_HELD_BYTES, Batch, Sharing

MIB = 1 << 20


def entries(tenants: Sequence[str], *, size: int = 10, start: int = 0) -> list[Entry]:
    """An entry of each, in this order."""
    return [
        (f"1-{start + place}", {b"tenant": tenant.encode(), b"data": b"x" * size})
        for place, tenant in enumerate(tenants)
    ]


def tenants(batch: Batch) -> list[str]:
    """Whose they are."""
    return [fields[b"tenant"].decode() for _, fields in batch]


def drain(sharing: Sharing, most: int = 500) -> list[Batch]:
    """All batches that come."""
    found: list[Batch] = []
    while sharing:
        found += sharing.take(most, 4 * MIB)
    return found


def test_what_is_read_of_one_tenant_or_of_all_is_one_batch_as_long_as_that_is_no_more_than_a_share() -> None:
    sharing = Sharing()
    sharing.add(entries(["a"] * 400))
    assert [len(batch) for batch in sharing.take(500, 4 * MIB)] == [400]
    sharing.add(entries(["a", "b", "c"] * 3))
    [batch] = sharing.take(500, 4 * MIB)
    assert tenants(batch) == ["a", "b", "c"] * 3
    assert not sharing


def test_the_few_come_before_the_many_whatever_was_sent_first() -> None:
    sharing = Sharing()
    sharing.add(entries([*["a"] * 3_000, "b", *["a"] * 500, "c", "b"]))
    first, rest = sharing.take(500, 4 * MIB)
    assert tenants(first) == ["b", "c", "b"]
    assert tenants(rest) == ["a"] * MANY_BESIDE_OTHERS


def test_after_others_were_seen_the_many_come_in_small_batches_for_a_while() -> None:
    now = [100.0]
    sharing = Sharing(lambda: now[0])
    sharing.add(entries([*["a"] * 2_000, "b"]))
    sharing.take(500, 4 * MIB)
    assert [len(batch) for batch in sharing.take(500, 4 * MIB)] == [MANY_BESIDE_OTHERS]
    now[0] += 60
    assert [len(batch) for batch in sharing.take(500, 4 * MIB)] == [500]


def test_tenants_that_send_much_take_turns() -> None:
    sharing = Sharing()
    sharing.add(entries(["a"] * 900 + ["b"] * 300))
    [batch] = sharing.take(500, 4 * MIB)
    assert tenants(batch).count("a") == tenants(batch).count("b") == MANY_BESIDE_OTHERS / 2


def test_one_large_entry_is_more_than_a_share_and_comes_all_the_same() -> None:
    sharing = Sharing()
    sharing.add(entries(["a"] * 3, size=3 * MIB) + entries(["b"], start=10))
    first, rest = sharing.take(500, 4 * MIB)
    assert (tenants(first), tenants(rest)) == (["b"], ["a"] * 2)
    assert [tenants(batch) for batch in sharing.take(1, 1)] == [["a"]]


def test_each_tenants_entries_come_once_and_in_their_order() -> None:
    rng = random.Random(12)
    for most in (1, 2, 7, 100, 500):
        sharing = Sharing()
        sent = entries(rng.choices("abcdefgh", weights=[500, 90, 9, 3, 1, 1, 1, 1], k=700))
        sharing.add(sent[:400])
        came = sharing.take(most, 4 * MIB)
        sharing.add(sent[400:])
        came += drain(sharing, most)
        assert max(map(len, came)) <= most
        flat = [entry for batch in came for entry in batch]
        for tenant in "abcdefgh":
            of = [id for id, fields in sent if fields[b"tenant"] == tenant.encode()]
            assert [id for id, fields in flat if fields[b"tenant"] == tenant.encode()] == of


def test_so_much_is_held_and_no_more() -> None:
    sharing = Sharing()
    sharing.add(entries(["a"] * (MOST_HELD - 1)))
    assert not sharing.full
    sharing.add(entries(["b"]))
    assert sharing.full
    sharing.clear()
    sharing.add(entries(["a"], size=MOST_HELD_BYTES))
    assert sharing.full
    sharing.clear()
    assert not sharing.full
    assert sharing.take(500, 4 * MIB) == []
