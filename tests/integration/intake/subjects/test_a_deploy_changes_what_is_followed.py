"""A deploy renames a kind, a trigger or a column: runs that go on, and requests under way, still end in the row."""

from __future__ import annotations

import json
from dataclasses import dataclass

import psycopg
import pytest

from andon import CancelOn, Event, Row, Step, Subject, function
from andon.adapters.postgres.asks import accepting
from andon.adapters.postgres.asks.requests import NotFound
from andon.adapters.postgres.duties import hinted
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.subjects import rows_owed, subjects
from andon.adapters.postgres.subjects.subjects import RowAway
from andon.adapters.postgres.upkeep.doctor import check_system
from andon.engine.declared.functions import Function, Registry
from andon_worker.dispatcher.batches.batch import record_batch
from tests.integration.intake.conftest import Desk
from tests.integration.intake.subjects.videos import (
    ROW,
    ask,
    claim,
    newer,
    render_video,
    row,
    run_ids,
    send,
    settle,
    skips,
    state,
)


@function(
    id="render-video",
    trigger="video/render.requested",
    cancel_on=[CancelOn("video/render.cancelled", match="data.videoId")],
    subject=Subject("film", "data.videoId", row=ROW),
)
def render_film(event: Event, step: Step) -> None: ...


@function(id="render-anew", trigger="video/wanted", subject=Subject("film", "data.film", row=ROW))
def render_anew(event: Event, step: Step) -> None: ...


@function(id="make-job", trigger="job/requested", subject=Subject("task", "data.job.id"))
def make_task(event: Event, step: Step) -> None: ...


@pytest.mark.parametrize(
    ("release", "asks"),
    [
        (render_film, Event("video/render.requested", {"videoId": 42}, id="e")),
        (render_anew, Event("video/wanted", {"film": 42}, id="e")),
    ],
)
def test_a_kind_that_a_deploy_renames_takes_its_runs_along(
    desk: Desk, video: str, release: Function, asks: Event
) -> None:
    send(desk)
    former = claim(desk)
    newer(desk, Registry([release]), asks)
    assert desk.db.execute("SELECT kind, status FROM andon.subjects").fetchall() == [("film", "active")]
    with pytest.raises(NotFound, match="No function moves subjects of kind 'video'"):
        ask(desk)
    assert desk.statuses() == ["cancelling", "queued"]
    settle(desk, former, "cancelled")
    assert row(desk) == ("processing", None)
    assert subjects.open_doors(desk.db)
    with desk.db.transaction():
        hinted.unsent(desk.db)
    settle(desk, claim(desk))
    assert (state(desk), row(desk)) == ("completed", ("done", None))


def test_a_request_that_was_accepted_before_its_kind_was_renamed_starts(desk: Desk, video: str) -> None:
    asked, release = ask(desk), Registry([render_film])
    functions.register(desk.db, release)
    with desk.db.transaction():
        record_batch(desk.db, release, asked.events, [None])
    settle(desk, claim(desk))
    assert (state(desk), row(desk)) == ("completed", ("done", None))


def test_one_that_the_next_release_listens_to_no_more_fails(desk: Desk, video: str) -> None:
    asked, release = ask(desk), Registry([render_anew])
    functions.register(desk.db, release)
    with desk.db.transaction():
        record_batch(desk.db, release, asked.events, [None])
    assert (state(desk), run_ids(desk)) == ("failed", [])
    assert row(desk) == ("failed", "No function is registered for video/render.requested; see ANDON_FUNCTIONS")


def test_a_kind_without_a_row_is_renamed_with_its_function(desk: Desk, video: str) -> None:
    desk.bus.xadd("andon:events", {"name": "job/requested", "data": json.dumps({"job": {"id": "a"}})})
    desk.handle_all()
    functions.register(desk.db, Registry([make_task]))
    assert desk.db.execute("SELECT kind, key, status FROM andon.subjects").fetchall() == [("task", "a", "active")]
    settle(desk, claim(desk))
    assert state(desk) == "completed"


def test_one_trigger_may_ask_for_subjects_of_two_kinds(desk: Desk, video: str) -> None:
    @function(id="cut-trailer", trigger="video/render.requested", subject=Subject("trailer", "data.videoId"))
    def cut_trailer(event: Event, step: Step) -> None: ...

    functions.register(desk.db, Registry([render_video, cut_trailer]))
    with desk.db.transaction():
        accepting.accept_effects(desk.db, [Event("video/render.requested", {"videoId": 42}, id="e")], {})
    found = desk.db.execute("SELECT kind, status FROM andon.subjects ORDER BY kind").fetchall()
    assert found == [("trailer", "active"), ("video", "active")]
    functions.register(desk.db, Registry([render_video]))
    assert desk.db.execute("SELECT count(*) FROM andon.subjects WHERE kind = 'trailer'").fetchall() == [(1,)]


@dataclass
class Render:
    videoId: int
    format: str


def test_data_that_the_next_release_refuses_leave_the_row_as_it_was(desk: Desk, video: str) -> None:
    @function(
        id="render-video",
        trigger="video/render.requested",
        subject=Subject("video", "data.videoId", row=ROW),
        data=Render,
    )
    def render_format(event: Event, step: Step) -> None: ...

    asked, release = ask(desk), Registry([render_format])
    functions.register(desk.db, release)
    with desk.db.transaction():
        record_batch(desk.db, release, asked.events, [None])
    assert (state(desk), row(desk), skips(desk)) == ("idle", ("new", None), ["unfit"])


def test_a_column_that_is_renamed_while_a_run_goes_is_written_when_a_release_names_it(
    desk: Desk, video: str, shared_url: str
) -> None:
    @function(
        id="render-video",
        trigger="video/render.requested",
        subject=Subject(
            "video",
            "data.videoId",
            row=Row(
                "public.videos",
                active="processing",
                completed="done",
                failed="failed",
                cancelled="cancelled",
                error="mistake",
            ),
        ),
    )
    def render_on(event: Event, step: Step) -> None: ...

    send(desk)
    run = claim(desk)
    with psycopg.connect(shared_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE public.videos RENAME COLUMN error TO mistake")
        settle(desk, run, "failed", "no disk")
        assert state(desk) == "failed"
        assert owner.execute("SELECT status FROM public.videos").fetchall() == [("processing",)]
        with pytest.raises(RowAway) as away:
            ask(desk)
        assert away.value.fault == "column r.error does not exist"
        functions.register(desk.db, Registry([render_on]))
        assert rows_owed.write(desk.db) == 1
        found = owner.execute("SELECT status, mistake FROM public.videos").fetchall()
        owner.execute("ALTER TABLE public.videos RENAME COLUMN mistake TO error")
    assert found == [("failed", "no disk")]


def test_the_doctor_looks_at_the_table_as_it_is_now(desk: Desk, video: str, shared_url: str) -> None:
    def told() -> list[str]:
        return [each.found for each in check_system(desk.db) if each.name == "subject video"]

    assert told() == []
    with psycopg.connect(shared_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE public.videos RENAME COLUMN error TO mistake")
        [found] = told()
        owner.execute("ALTER TABLE public.videos RENAME COLUMN mistake TO error")
    assert "row of table public.videos: there is no column 'error'" in found
    assert told() == []
