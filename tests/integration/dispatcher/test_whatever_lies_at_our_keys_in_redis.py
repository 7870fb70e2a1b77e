"""Whoever may write to Redis can put anything at Andon's keys: that is put aside, and the dispatcher goes on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from redis import Redis

from andon import Event
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.events import inbox
from andon.adapters.redis import flags
from andon.adapters.redis.bus import STREAM
from andon.adapters.redis.stream.reading import place_of
from andon_worker.broker import kinds
from andon_worker.dispatcher.duties.new_redis import ASIDE
from andon_worker.dispatcher.service import DispatcherService
from tests.support.polling import wait_until

KEYS = [STREAM, flags.EPOCH, *kinds(["default"])]
HINTS = "andon:hints:default"


def made(database: Connection) -> list[str]:
    """`data.k` of the events of which runs were made, in their order."""
    rows = database.execute(
        "SELECT e.data->>'k' FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq ORDER BY r.event_seq"
    ).fetchall()
    return [k for (k,) in rows]


def test_what_is_none_of_ours_at_our_keys_is_put_aside_and_what_was_accepted_takes_effect(
    dispatcher: Callable[[], AbstractContextManager[DispatcherService]], redis_url: str, database: Connection
) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as redis, dispatcher():
        wait_until(lambda: redis.exists(flags.EPOCH), what="a dispatcher that leads")
        inbox.accept(database, [Event("thing/made", {"k": "accepted"})])
        for key in KEYS:
            redis.delete(key)
            redis.sadd(key, "x")
        wait_until(lambda: made(database) == ["accepted"], what="a run of what was accepted")
        redis.xadd(STREAM, {"name": "thing/made", "data": '{"k": "later"}'})
        wait_until(lambda: made(database) == ["accepted", "later"], what="a run of what came later")
        wait_until(lambda: redis.llen(HINTS) == 2, what="their hints")
        assert all(redis.smembers(key + ASIDE) == {"x"} for key in KEYS)
    assert database.execute("SELECT reason FROM andon.dead_events").fetchall() == []


@pytest.mark.parametrize("id", [f"{2**64 - 1}-{2**64 - 1}", "9999999999999-0"])
def test_a_bus_that_somebody_brought_to_its_last_id_or_to_days_to_come_is_handled_and_made_anew(
    dispatcher: Callable[[], AbstractContextManager[DispatcherService]], redis_url: str, database: Connection, id: str
) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        redis.xadd(STREAM, {"name": "thing/made", "data": '{"k": "before"}'})
        redis.xadd(STREAM, {"name": "thing/made", "data": '{"k": "last"}'}, id=id)
        with dispatcher():
            wait_until(lambda: redis.exists(STREAM + ASIDE), what="the bus put aside")
            inbox.accept(database, [Event("thing/made", {"k": "accepted"})])
            wait_until(lambda: made(database) == ["before", "last", "accepted"], what="a run of what was accepted")
            later = str(redis.xadd(STREAM, {"name": "thing/made", "data": '{"k": "later"}'}))
            wait_until(lambda: made(database)[3:] == ["later"], what="a run of what came later")
        assert place_of(later) < place_of(id)


def test_a_flag_that_is_none_keeps_no_other_from_being_raised(redis_url: str) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        redis.set(flags.PREFIX + "a", "junk")
        redis.rpush(flags.PREFIX + "b", "junk")
        redis.set(flags.PREFIX + "c", "9")
        flags.raise_flags(redis, {"a": 5, "b": 5, "c": 5, "d": 5})
        assert redis.mget([flags.PREFIX + each for each in "abcd"]) == ["5", "5", "9", "5"]
