"""Rows 3 and 12 to 14: a request has one effect, and a cancel and a run agree on who was first."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Timer
from typing import Any

import pytest

from tests.support.polling import wait_until
from tests.support.scene import Scene


def test_03_one_idempotency_key_has_one_effect_however_it_is_sent_again(scene: Scene) -> None:
    report = scene.report()
    send: dict[str, Any] = {"url": f"/reports/{report}/generate", "headers": {"Idempotency-Key": "key-of-row-3"}}
    with ThreadPoolExecutor(1) as pool:
        with scene.holding("SELECT FROM andon.reports WHERE id = %s FOR UPDATE", report):
            first = pool.submit(scene.api.post, **send)
            scene.wait_blocked("andon-api")
            in_flight = scene.api.post(**send)
            assert in_flight.status_code == 409
            assert "Retry-After" in in_flight.headers
        answer = first.result()
    assert answer.status_code == 202
    again = scene.api.post(**send)
    assert (again.status_code, again.json()) == (202, answer.json())
    assert scene.api.post(**{**send, "url": f"/reports/{report}/cancel"}).status_code == 422
    other_body = scene.api.post("/events", json={"name": "a/b", "data": {}}, headers=send["headers"])
    assert other_body.status_code == 422
    scene.wait_run(report, "completed")
    assert len(scene.runs(report)) == 1


def test_a_report_is_cancelled_by_any_spelling_of_its_id(scene: Scene) -> None:
    report = scene.report(compute={"gate": True})
    scene.xadd("report/generation.requested", {"reportId": "{" + report.upper() + "}"})
    scene.wait_step(report, "compute")
    scene.xadd("report/generation.cancelled", {"reportId": report.replace("-", ""), "reason": "spelt otherwise"})
    wait_until(lambda: scene.show_report(report)["status"] == "cancelled", what="the first cancel")
    scene.generate(report)
    scene.wait_step(report, "compute", 2)
    scene.post("report/generation.cancelled", {"reportId": report.upper()})
    wait_until(lambda: scene.show_report(report)["status"] == "cancelled", what="the second cancel")


def test_12_a_cancel_recorded_before_the_request_does_not_stop_it(scene: Scene) -> None:
    scene.cancel("early")
    scene.request("early", steps=2)
    assert scene.wait_run("early")["status"] == "completed"
    scene.post("walk/cancelled", {"case": "early-too"})
    scene.post("walk/requested", {"case": "early-too", "steps": 1})
    assert scene.wait_run("early-too")["status"] == "completed"


@pytest.mark.promise
@pytest.mark.parametrize("times", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_13_of_a_cancel_and_a_completion_that_race_one_wins_and_all_agree(scene: Scene, times: int) -> None:
    rng = random.Random(13)
    reports = [scene.report(compute={"gate": True}) for _ in range(8)]
    outcomes: list[str] = []

    def held_in_its_step(report: str, turn: int) -> None:
        scene.ledger.gate(report).unlink(missing_ok=True)
        scene.generate(report)
        scene.wait_step(report, "compute", turn)

    def race(place: int) -> None:
        report = reports[place]
        held_in_its_step(report, 1)
        scene.ledger.open(report)
        began = time.monotonic()
        wait_until(lambda: scene.show_report(report)["status"] == "generated", what="a run that nobody cancels")
        window = time.monotonic() - began
        lead = rng.uniform(-window, window)  # by how much the step's end comes before the cancel
        for turn in range(times // len(reports)):
            held_in_its_step(report, turn + 2)
            opening = Timer(max(0.0, -lead), scene.ledger.open, [report])
            opening.start()
            time.sleep(max(0.0, lead))
            answer = scene.api.post(f"/reports/{report}/cancel")
            opening.join()
            assert answer.status_code in {202, 409}, answer.text
            ended = wait_until(
                lambda: (shown := scene.show_report(report))["status"] != "generating" and shown, what="the end"
            )
            assert isinstance(ended, dict)
            won = answer.status_code == 202
            assert ended["status"] == ("cancelled" if won else "generated")
            assert ended["run"]["status"] == ("cancelled" if won else "completed")
            outcomes.append(ended["status"])
            lead += rng.uniform(0, window) * (1 if won else -1)  # to where neither wins each time, on any machine

    with ThreadPoolExecutor(len(reports)) as pool:
        list(pool.map(race, range(len(reports))))
    assert len(outcomes) == times
    assert set(outcomes) == {"cancelled", "generated"}, f"no race: {len(outcomes)} times {outcomes[0]}"
    ends = scene.rows(
        "SELECT data->>'runId' AS run, count(*) AS n FROM andon.events WHERE name LIKE 'andon/function.%%'"
        " GROUP BY 1 HAVING count(*) > 1"
    )
    assert not ends, "a run ended twice"


def test_14_a_second_cancel_changes_nothing_and_one_after_the_end_is_refused(scene: Scene) -> None:
    report = scene.report(compute={"deaf": 1.5})
    scene.generate(report)
    scene.wait_step(report, "compute")
    first = scene.api.post(f"/reports/{report}/cancel", json={"reason": "first"})
    second = scene.api.post(f"/reports/{report}/cancel", json={"reason": "second"})
    assert (first.status_code, second.status_code) == (202, 202)
    assert {**second.json(), "eventId": ""} == {**first.json(), "eventId": ""}
    run = scene.wait_run(report)
    assert (run["status"], run["cancel_reason"], run["cancel_event_id"]) == (
        "cancelled",
        "first",
        first.json()["eventId"],
    )
    late = scene.api.post(f"/reports/{report}/cancel")
    assert (late.status_code, late.json()["title"]) == (409, "Report is not currently generating")
    assert scene.api.post(f"/runs/{run['id']}/cancel").status_code == 409
    scene.xadd("report/generation.cancelled", {"reportId": report, "reason": "third"})
    wait_until(scene.handled, what="the third cancel handled")
    assert scene.runs(report) == [run]
