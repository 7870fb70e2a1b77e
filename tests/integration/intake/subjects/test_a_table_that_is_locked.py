"""A followed table that somebody has locked, or is changing: what was accepted waits for it, and nobody else does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg
import pytest

from andon import Event
from andon.adapters.postgres.asks import accepting
from andon.adapters.postgres.events import inbox
from andon.adapters.postgres.runs import making
from andon.adapters.postgres.subjects import rows_owed
from andon.adapters.postgres.subjects.subjects import RowAway
from andon.engine.events import Again
from tests.integration.intake.conftest import Desk
from tests.integration.intake.subjects.videos import (
    ask,
    cancel,
    claim,
    publish,
    row,
    run_ids,
    send,
    settle,
    skips,
    state,
)


@contextmanager
def locked(url: str, mode: str = "ACCESS EXCLUSIVE") -> Iterator[None]:
    with psycopg.connect(url) as holder:
        holder.execute(f"LOCK TABLE public.videos IN {mode} MODE".encode())
        yield


@contextmanager
def changed(url: str) -> Iterator[None]:
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("ALTER TABLE public.videos RENAME COLUMN error TO mistake")
        yield
        owner.execute("ALTER TABLE public.videos RENAME COLUMN mistake TO error")


def bring_again(desk: Desk) -> None:
    """As the relay does with what waits, once its time has come."""
    for each in inbox.send_open(desk.db, inbox.find_open(desk.db, older_than=-600, limit=10)):
        desk.bus.xadd("andon:events", {"name": each.name, "data": json.dumps(each.data), "id": each.id})
    desk.handle_all()


def open_events(desk: Desk) -> list[str]:
    """The ids of those that wait."""
    found = desk.db.execute(
        "SELECT e.id FROM andon.outbox JOIN andon.events e ON seq = event_seq WHERE name LIKE 'video/%' ORDER BY seq"
    )
    return [id for (id,) in found.fetchall()]


@pytest.mark.parametrize("blocked", [locked, changed])
def test_an_accepted_event_waits_with_its_place_and_takes_effect_once(
    desk: Desk, video: str, shared_url: str, blocked: Callable[[str], AbstractContextManager[None]]
) -> None:
    desk.db.execute("INSERT INTO public.videos (id) VALUES (43)")
    asked = Event("video/render.requested", {"videoId": 43}, id="api")
    with blocked(shared_url):
        with desk.db.transaction():
            accepting.accept_effects(desk.db, [asked], {})
        for name, id, data in (
            (asked.name, asked.id, asked.data),
            ("video/render.cancelled", "early", {"videoId": 42}),
            ("video/render.requested", "bus", {"videoId": 42}),
            ("job/requested", "job", {"job": {"id": 1}}),
            ("video/render.cancelled", "late", {"videoId": 43}),
        ):
            desk.bus.xadd("andon:events", {"name": name, "id": id, "data": json.dumps(data)})
        desk.handle_all()
        assert (open_events(desk), skips(desk), desk.dead(), desk.statuses()) == (["api", "bus"], [], [], ["queued"])
        bring_again(desk)
        assert open_events(desk) == ["api", "bus"], "it waits on"
    bring_again(desk)
    bring_again(desk)
    found = desk.db.execute(
        "SELECT e.id, r.status FROM andon.runs r JOIN andon.events e ON e.seq = r.event_seq"
        " WHERE r.kind = 'function' ORDER BY e.seq"
    ).fetchall()
    assert found == [("api", "cancelled"), ("bus", "queued"), ("job", "queued")], "a cancel before it stops it not"
    assert (open_events(desk), skips(desk), desk.dead()) == ([], [], [])
    rows = desk.db.execute("SELECT id, status FROM public.videos ORDER BY id").fetchall()
    assert rows == [(42, "processing"), (43, "cancelled")]


def test_a_request_that_repeats_a_run_repeats_it_after_the_wait(desk: Desk, video: str, shared_url: str) -> None:
    send(desk)
    settle(desk, claim(desk))
    [former] = run_ids(desk)
    with locked(shared_url):
        with desk.db.transaction():
            [again] = inbox.accept(desk.db, [Event("video/render.requested", {"videoId": 42})])
            making.ask_again(desk.db, again.seq, Again("render-video", former))
        bring_again(desk)
        assert len(run_ids(desk)) == 1
    bring_again(desk)
    origins = desk.db.execute("SELECT origin_run_id FROM andon.runs ORDER BY event_seq").fetchall()
    assert origins == [(None,), (former,)]


def test_by_the_api_a_request_is_to_be_tried_again_and_a_cancel_is_accepted(
    desk: Desk, video: str, shared_url: str
) -> None:
    with locked(shared_url):
        with pytest.raises(RowAway, match="at the moment; try again"):
            ask(desk)
        with pytest.raises(RowAway):
            cancel(desk)
    publish(desk, ask(desk))
    run = claim(desk)
    with locked(shared_url):
        publish(desk, cancel(desk))
        settle(desk, run, "cancelled")
        assert state(desk) == "cancelled"
    assert (rows_owed.write(desk.db), row(desk)) == (1, ("cancelled", None))


def test_rows_of_a_table_that_can_not_be_written_are_owed_after_one_wait_for_all(
    desk: Desk, video: str, shared_url: str
) -> None:
    desk.db.execute("INSERT INTO public.videos SELECT n FROM generate_series(100, 104) n")
    with locked(shared_url, "SHARE"):  # as CREATE INDEX does
        for id in range(100, 105):
            desk.bus.xadd("andon:events", {"name": "video/render.requested", "data": json.dumps({"videoId": id})})
        desk.handle_all()
        owed = "SELECT reason, tries FROM andon.rows_owed ORDER BY tries"
        assert desk.db.execute(owed).fetchall() == [("locked", 1)] * 5
        assert rows_owed.write(desk.db) == 0
        assert desk.db.execute(owed).fetchall() == [*[("locked", 1)] * 4, ("locked", 2)], "one was tried, for all"
    desk.db.execute("UPDATE andon.rows_owed SET next_at = now()")
    assert (rows_owed.write(desk.db), len(run_ids(desk))) == (5, 5)
    assert desk.db.execute("SELECT count(*) FROM public.videos WHERE status = 'processing'").fetchall() == [(5,)]
