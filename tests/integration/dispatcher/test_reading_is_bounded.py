"""Entries are read so many and so many bytes at a time, whatever producers add."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from andon.adapters.redis.bounded import ReplyTooLarge
from andon.adapters.redis.bus import GROUP, STREAM, decode
from andon.adapters.redis.connect import connect, connect_blocking
from andon.adapters.redis.stream.reading import LARGEST, BoundedReader, Entry, size, tenant_of
from andon.engine.errors import EventError
from andon_worker.dispatcher.batches.size import FEWEST_BESIDE, MOST, BatchSize


@pytest.fixture
def reader(redis_url: str, redis: Redis) -> Iterator[BoundedReader]:
    """A reader of a stream that has a group."""
    redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    commands, blocking = connect(redis_url, name="test"), connect_blocking(redis_url, name="test", bounded=True)
    yield BoundedReader(commands, blocking, STREAM, GROUP)
    commands.close()
    blocking.close()


def read(reader: BoundedReader, most_bytes: int = 4 * 1024**2, count: int = 500) -> list[tuple[int, int]]:
    """What each read brings until there is no more: how many entries, and how many bytes."""
    found: list[tuple[int, int]] = []
    for _ in range(100):
        entries = reader.new("me", count=count, most_bytes=most_bytes, block_ms=1)
        if not entries and found and not found[-1][0]:
            return found[:-1]
        found.append((len(entries), sum(map(size, entries))))
    return found


def drain(reader: BoundedReader) -> list[Entry]:
    """Everything that is there: what was too large to come with others is pending, as all is."""
    for _ in range(9):
        with suppress(ReplyTooLarge):
            reader.new("me", count=500, most_bytes=4 * 1024**2, block_ms=1)
    found: list[Entry] = []
    while more := reader.pending(f"({found[-1][0]}" if found else "-", count=500, most_bytes=4 * 1024**2)[0]:
        found += more
    return found


def test_large_entries_come_a_few_at_a_time_in_their_order(reader: BoundedReader, redis: Redis) -> None:
    ids = [redis.xadd(STREAM, {"name": "a/b", "data": "x" * 240 * 1024}) for _ in range(100)]
    found = read(reader)
    assert sum(entries for entries, _ in found) == 100
    assert max(total for _, total in found) <= 4 * 1024**2 + 8 * 241 * 1024
    pending, gone = reader.pending(count=500, most_bytes=1024**2)
    assert [id for id, _ in pending] == ids[:5]
    assert gone == []


def test_small_entries_come_by_the_number(reader: BoundedReader, redis: Redis) -> None:
    for _ in range(1_200):
        redis.xadd(STREAM, {"name": "a/b"})
    assert [entries for entries, _ in read(reader) if entries] == [500, 500, 200]


@pytest.mark.parametrize("before", [0, 9], ids=["waited for", "found"])
def test_an_entry_that_no_event_can_be_comes_cut_and_says_how_large_it_was(
    reader: BoundedReader, redis: Redis, before: int
) -> None:
    for _ in range(before):
        redis.xadd(STREAM, {"name": "a/b"})
    redis.xadd(STREAM, {"name": "a/b", "data": "x" * 20_000_000, "more": "y" * 20_000_000})
    redis.xadd(STREAM, {"name": "a/b", **{f"field-{n}": "x" * 1_000 for n in range(5_000)}})
    entries = drain(reader)
    assert len(entries) == before + 2
    for entry in entries[before:]:
        assert size(entry) < LARGEST + 1_000
        with pytest.raises(EventError, match=r"expected at most (256 KiB, got [0-9]{7,8} bytes|.*, got far more)"):
            decode(*entry)


@pytest.mark.parametrize("fields", [999, 20_000, 300_000])
def test_an_entry_of_too_many_fields_says_so_however_it_is_read(
    reader: BoundedReader, redis: Redis, fields: int
) -> None:
    many: dict[Any, Any] = {"name": "a/b", "tenant": "acme", **{f"{n:x}": "" for n in range(fields)}}
    for _ in range(3):
        redis.xadd(STREAM, {"name": "a/b"})
        redis.xadd(STREAM, many)
    entries = drain(reader)
    assert [entry[1][b"name"] for entry in entries] == [b"a/b"] * 6
    for entry in entries[1::2]:
        assert size(entry) < 20_000
        assert tenant_of(entry) == "acme"
        with pytest.raises(EventError, match=r"entry: expected at most 1000 fields"):
            decode(*entry)


def test_behind_one_entry_of_too_many_fields_no_script_takes_others_apart(reader: BoundedReader, redis: Redis) -> None:
    for _ in range(10):
        redis.xadd(STREAM, {"name": "a/b", **{f"{n:x}": "" for n in range(20_000)}})
        redis.xadd(STREAM, {"name": "a/b"})
    redis.config_resetstat()
    assert len(drain(reader)) == 20
    commands: Any = redis.info("commandstats")
    assert "cmdstat_evalsha" not in commands


def test_pending_entries_that_are_gone_are_named(reader: BoundedReader, redis: Redis) -> None:
    ids = [str(redis.xadd(STREAM, {"name": "a/b"})) for _ in range(3)]
    assert len(reader.new("me", count=10, most_bytes=1_000, block_ms=1)) == 3
    redis.xdel(STREAM, ids[1])
    pending, gone = reader.pending(count=10, most_bytes=1_000)
    assert ([id for id, _ in pending], gone) == ([ids[0], ids[2]], [ids[1]])


def test_a_stream_without_a_group_is_told_as_redis_tells_it(reader: BoundedReader, redis: Redis) -> None:
    for _ in range(20):
        redis.xadd(STREAM, {"name": "a/b"})
    assert len(reader.new("me", count=10, most_bytes=1_000_000, block_ms=1)) == 10
    redis.xgroup_destroy(STREAM, GROUP)
    for _ in range(2):
        with pytest.raises(ResponseError, match="NOGROUP"):
            reader.new("me", count=10, most_bytes=1_000_000, block_ms=1)


def test_a_batch_shrinks_with_failure_and_time_and_grows_again() -> None:
    batch = BatchSize()
    batch.was_too_much(500)
    assert batch.now == 250
    batch.was_too_much(1)
    assert batch.now == 1
    for _ in range(20):
        batch.went_well(batch.now, 0.1)
    assert batch.now == MOST
    batch.went_well(300, 5.0)
    assert batch.now == 150
    batch.went_well(3, 0.1)
    assert batch.now == 150, "a few that went well say nothing of many"


def test_a_batch_takes_less_time_where_others_wait_and_is_never_tiny() -> None:
    batch = BatchSize()
    batch.went_well(100, 0.2)
    assert batch.now == MOST
    batch.went_well(100, 0.2, beside=True)
    assert batch.now == 50
    for _ in range(9):
        batch.went_well(batch.now, 0.2, beside=True)
    assert batch.now == FEWEST_BESIDE
    for _ in range(9):
        batch.went_well(batch.now, 0.05, beside=True)
    assert batch.now == MOST
