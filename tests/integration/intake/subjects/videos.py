"""Functions about rows of `public.videos`, and what is done to them: by the bus, by the API's verbs, by a worker."""

from __future__ import annotations

import json
import uuid
from typing import Any

from andon import CancelOn, Event, On, Row, Step, Subject, function
from andon.adapters.postgres.asks import accepting, held, subject_requests
from andon.adapters.postgres.asks.requests import Ask, Asked
from andon.adapters.postgres.registered import functions
from andon.adapters.postgres.runs import leases
from andon.adapters.postgres.runs.leases import Claimed
from andon.adapters.postgres.runs.settle import End, settle_held
from andon.engine.declared.functions import Registry
from andon_worker.dispatcher.batches.batch import record_batch
from tests.integration.intake.conftest import Desk

ROW = Row(
    "public.videos",
    active="processing",
    completed="done",
    failed="failed",
    cancelled="cancelled",
    error="error",
    at={"active": "started_at", "completed": "finished_at", "cancelled": "cancelled_at"},
)


@function(
    id="render-video",
    trigger="video/render.requested",
    cancel_on=[CancelOn("video/render.cancelled", match="data.videoId")],
    subject=Subject("video", "data.videoId", row=ROW),
)
def render_video(event: Event, step: Step) -> None: ...


@function(id="make-job", trigger="job/requested", subject=Subject("job", "data.job.id"))
def make_job(event: Event, step: Step) -> None: ...


@function(
    id="pick",
    triggers=[On("pick/requested", if_="event.data.wanted == true")],
    subject=Subject("pick", "data.pick"),
)
def pick(event: Event, step: Step) -> None: ...


def send(desk: Desk, name: str = "video/render.requested", id: Any = 42, **fields: str) -> None:
    """By the bus, and taken in."""
    desk.bus.xadd("andon:events", {"name": name, "data": json.dumps({"videoId": id}), **fields})
    desk.handle_all()


def ask(desk: Desk, id: str = "42", tenant: str = "default") -> Asked:
    """By the API's verb."""
    kind = subject_requests.kind_of(desk.db, "video")
    named = subject_requests.named(desk.db, tenant, "video", id)
    return subject_requests.request(desk.db, kind, named, {"by": "api"}, Ask(tenant))


def cancel(desk: Desk, id: str = "42", reason: str | None = None) -> Asked:
    named = subject_requests.asked_before(desk.db, "default", "video", id)
    event = subject_requests.cancel_event(named, Ask("default", reason=reason))
    if found := held.cancel_subject(desk.db, named, event):
        return found
    with desk.db.transaction():
        return subject_requests.cancel(desk.db, named, event)


def publish(desk: Desk, asked: Asked) -> None:
    """As the API does after its commit, and taken in."""
    for each in asked.events:
        entry = {"id": each.id, "name": each.name, "data": json.dumps(each.data), "tenant": each.tenant}
        desk.bus.xadd("andon:events", entry)
    desk.handle_all()


def row(desk: Desk) -> tuple[Any, ...]:
    [found] = desk.db.execute("SELECT status, error FROM public.videos").fetchall()
    return tuple(found)


def state(desk: Desk) -> str:
    [found] = desk.db.execute("SELECT status FROM andon.subjects").fetchall()
    return str(found[0])


def skips(desk: Desk) -> list[str]:
    return [reason for (reason,) in desk.db.execute("SELECT reason FROM andon.skips ORDER BY event_seq").fetchall()]


def run_ids(desk: Desk) -> list[uuid.UUID]:
    query = "SELECT id FROM andon.runs WHERE kind = 'function' ORDER BY event_seq"
    return [id for (id,) in desk.db.execute(query).fetchall()]


def claim(desk: Desk) -> Claimed:
    """The newest run, in a worker's hands."""
    found = leases.claim(desk.db, run_ids(desk)[-1], worker="w", lease=60)
    assert found is not None
    return found


def settle(desk: Desk, run: Claimed, status: str = "completed", error: str | None = None) -> None:
    assert settle_held(desk.db, [End(run.id, run.fence, status, None, error and json.dumps({"message": error}))])


def newer(desk: Desk, registry: Registry, event: Event) -> None:
    """As the API takes it, and as a dispatcher of the next release does."""
    functions.register(desk.db, registry)
    with desk.db.transaction():
        accepted = accepting.accept_effects(desk.db, [event], {})
    with desk.db.transaction():
        record_batch(desk.db, registry, accepted.events, [None])
