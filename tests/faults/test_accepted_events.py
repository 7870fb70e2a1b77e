"""Rows 1, 2 and 11: what the API has accepted takes effect once, and in its order."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from tests.faults.conftest import Stage
from tests.faults.proxy import Proxy
from tests.support.polling import PATIENCE, wait_until
from tests.support.scene import STREAM


@pytest.mark.promise
def test_01_an_api_killed_after_its_commit_and_before_xadd_loses_and_doubles_nothing(
    stage: Stage, redis_proxy: Proxy
) -> None:
    scene = stage(each={"api": {"ANDON_REDIS_URL": redis_proxy.url}}, dispatchers=0)
    redis_proxy.stall_at(b"XADD")
    answers: list[object] = []

    def post() -> None:
        try:
            answers.append(scene.post("walk/requested", {"case": "orphan", "steps": 1}))
        except httpx.HTTPError as error:
            answers.append(error)

    sender = threading.Thread(target=post)
    sender.start()
    assert redis_proxy.stalled.wait(PATIENCE)
    scene.system["api"].kill()
    sender.join()
    assert isinstance(answers[0], httpx.HTTPError), "the API was to be killed before it answered"
    assert scene.redis.xlen(STREAM) == 0
    assert scene.one("SELECT count(*) FROM andon.outbox") == 1
    scene.system.add_dispatcher()
    scene.wait_run("orphan", "completed")
    scene.wait_quiet()
    assert scene.ledger.steps("orphan") == ["step-1"]
    assert len(scene.runs("orphan")) == 1


def test_02_an_xadd_whose_reply_is_lost_makes_two_entries_and_one_effect(stage: Stage, redis_proxy: Proxy) -> None:
    scene = stage(each={"api": {"ANDON_REDIS_URL": redis_proxy.url}})
    scene.wait_leader()
    redis_proxy.lose_reply_to(b"XADD")
    event_id = scene.post("walk/requested", {"case": "twice", "steps": 2})
    scene.wait_run("twice", "completed")
    scene.wait_quiet()
    found: Any = scene.redis.xrange(STREAM)
    entries = [fields for _, fields in found if fields.get("id") == event_id]
    assert len(entries) >= 2
    assert scene.ledger.steps("twice") == ["step-1", "step-2"]
    assert len(scene.runs("twice")) == 1


def test_11_a_cancel_accepted_before_the_run_is_made_stops_it_and_never_a_later_one(stage: Stage) -> None:
    scene = stage(dispatchers=0)
    report = scene.report()
    scene.generate(report)
    cancelled = scene.api.post(f"/reports/{report}/cancel", json={"reason": "mistake"})
    assert cancelled.status_code == 202
    assert not scene.runs(report)
    dispatcher = scene.system.add_dispatcher()
    run = scene.wait_run(report, "cancelled")
    assert (run["fence"], run["started_at"], run["cancel_reason"]) == (0, None, "mistake")
    assert scene.show_report(report)["status"] == "cancelled"
    assert scene.ledger.steps(report) == []

    scene.generate(report)
    cancel_id = cancelled.json()["eventId"]
    scene.xadd("report/generation.cancelled", {"reportId": report, "reason": "mistake"}, id=cancel_id)
    wait_until(lambda: scene.runs(report)[-1]["status"] == "completed", what="the new request's run")
    wait_until(scene.handled, what="the old cancel, published again, handled")
    assert [each["status"] for each in scene.runs(report)] == ["cancelled", "completed"]
    assert scene.show_report(report)["status"] == "generated"
    assert dispatcher.running
